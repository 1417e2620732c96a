package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/latentask/latentask/internal/nodebuild"
)

// newBuildCommand is `latentask build`: a Weaviate node with the modules
// compiled in.
func newBuildCommand() *cobra.Command {
	var (
		builder nodebuild.Builder
		out     string
	)
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build a Weaviate node with latentask compiled in",
		Long: `Build copies Weaviate's source out of the Go module cache (downloading it where
it is not there yet), adds two hooks that call latentask's modules, and compiles
the node. Each hook has an anchor in Weaviate's source that must occur exactly
once; a version in which it does not is refused with the file and the anchor.

It needs Go, a C compiler, a checkout of latentask and its native libraries
(make libs). The copy is kept in .latentask/build and used again.`,
		Example: `  latentask build
  latentask build --weaviate v1.39.0 -o ./weaviate`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			builder.Progress = cmd.ErrOrStderr()
			result, err := builder.Build(cmd.Context(), out)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "built %s (Weaviate %s)\n", result.Path, result.Weaviate)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&builder.Weaviate, "weaviate", "", "version of Weaviate (default: the one that latentask is tested with)")
	flags.StringVarP(&out, "output", "o", "weaviate", "file to write the node to")
	flags.StringVar(&builder.Project, "source", "", "checkout of latentask (default: the one around the working folder)")
	flags.StringVar(&builder.Revision, "revision", "", "commit of latentask that the node reports (default: what git says)")
	flags.BoolVar(&builder.Plain, "plain", false, "build Weaviate as it is, without latentask, for comparing")
	flags.BoolVar(&builder.Race, "race", false, "build with Go's race detector")
	return cmd
}
