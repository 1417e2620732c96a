// Command weaviate is the node: Weaviate's own server with latentask's modules
// compiled in.
//
// It takes the flags, the environment variables and the data folder of
// Weaviate's server of the same version. Build it with `latentask build`, which
// puts the two hooks that call package module into Weaviate's start-up; a plain
// `go build` would give a node without them, so such a binary refuses to start.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/go-openapi/loads"
	"github.com/jessevdk/go-flags"

	"github.com/weaviate/weaviate/adapters/handlers/rest"
	"github.com/weaviate/weaviate/adapters/handlers/rest/operations"
)

// hooked is "true" in a binary that the node builder made; set at link time.
var hooked string

func main() {
	if err := run(os.Args[1:]); err != nil {
		var usage *flags.Error
		if errors.As(err, &usage) {
			if usage.Type == flags.ErrHelp {
				return // the parser printed it
			}
			os.Exit(1) // so did it the error
		}
		fmt.Fprintln(os.Stderr, "weaviate:", err)
		os.Exit(1)
	}
}

// run serves until the server is told to stop. It follows Weaviate's generated
// cmd/weaviate-server, so that flags mean the same.
func run(args []string) error {
	if hooked != "true" {
		return errors.New("this binary was built without latentask's modules; build the node with `latentask build` or `make node`")
	}

	spec, err := loads.Embedded(rest.SwaggerJSON, rest.FlatSwaggerJSON)
	if err != nil {
		return fmt.Errorf("read the embedded API description: %w", err)
	}
	api := operations.NewWeaviateAPI(spec)
	server := rest.NewServer(api)
	defer server.Shutdown()

	parser := flags.NewParser(server, flags.Default)
	parser.ShortDescription = "Weaviate REST API"
	parser.LongDescription = "Weaviate with latentask: multi-hop questions answered inside the database."
	server.ConfigureFlags()
	for _, group := range api.CommandLineOptionsGroups {
		if _, err := parser.AddGroup(group.ShortDescription, group.LongDescription, group.Options); err != nil {
			return fmt.Errorf("add flags %q: %w", group.ShortDescription, err)
		}
	}
	if _, err := parser.ParseArgs(args); err != nil {
		return err
	}

	server.ConfigureAPI()
	return server.Serve()
}
