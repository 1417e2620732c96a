// Command latentask is the user's tool: it builds a node, and talks to one.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/latentask/latentask/internal/version"
)

func main() {
	// The first interrupt asks a command to stop, a second one ends it at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := newRootCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "latentask",
		Short:         "Multi-hop questions answered inside Weaviate",
		Version:       version.String(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(
		newBuildCommand(),
		newDemoCommand(),
		newLoadCommand(),
		newAskCommand(),
		newEvalCommand(),
		newTraceCommand(),
		newCheckCommand(),
		newAdoptCommand(),
	)
	return root
}
