package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/latentask/latentask/internal/demo"
	"github.com/latentask/latentask/internal/nodebuild"
)

// newDemoCommand is `latentask demo`.
func newDemoCommand() *cobra.Command {
	var config demo.Config
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Load passages of Wikipedia into a node and ask it multi-hop questions",
		Long: `Demo starts a node on a data folder of its own, fills a collection with 5,200
passages of Wikipedia, asks multi-hop questions and shows the hops of each, next
to what one plain search of as many passages finds. A second run uses what the
first one stored. The node ends with the demo unless --keep is given.

It needs what ` + "`make build`" + ` makes: the node, the bundle and the libraries.`,
		Example: `  latentask demo
  latentask demo --keep
  latentask demo --questions 36`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			project, err := nodebuild.FindProject()
			if err != nil {
				return err
			}
			local := filepath.Join(project, ".latentask")
			for value, byDefault := range map[*string]string{
				&config.Binary:    filepath.Join(local, "bin", "weaviate"),
				&config.Bundle:    filepath.Join(local, "bundle"),
				&config.Dir:       filepath.Join(local, "demo"),
				&config.Passages:  filepath.Join(project, "data", "demo", "passages.jsonl.gz"),
				&config.Questions: filepath.Join(project, "data", "demo", "questions.jsonl"),
			} {
				if *value == "" {
					*value = byDefault
				}
			}
			config.Ask = os.Args[0]
			config.Out, config.Progress = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return demo.Run(cmd.Context(), config)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&config.Keep, "keep", false, "keep the node running until interrupted")
	flags.IntVar(&config.Count, "questions", 3, "how many questions to ask, of 36")
	flags.StringVar(&config.Binary, "node", "", "the node's binary (default: .latentask/bin/weaviate)")
	flags.StringVar(&config.Bundle, "bundle", os.Getenv("LATENTASK_BUNDLE"), "the bundle's folder (default: LATENTASK_BUNDLE, else .latentask/bundle)")
	flags.StringVar(&config.Dir, "dir", "", "folder for the node's data and log (default: .latentask/demo)")
	return cmd
}
