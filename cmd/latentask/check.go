package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latentask/latentask/internal/nodebuild"
	"github.com/latentask/latentask/internal/survey"
	"github.com/latentask/latentask/internal/version"
)

// newCheckCommand is `latentask check`.
func newCheckCommand() *cobra.Command {
	var (
		node      connection
		options   survey.Options
		bundleDir string
		asJSON    bool
		html      string
	)
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say what a collection is, and what it takes to ask it questions",
		Long: `Check looks at a collection of any Weaviate node, also a plain one, and says how
it is configured, how long its texts are, whether its vectors are those of the
bundle's retriever, how narrow their space is, and what to do: ask at once, or
adopt the collection, with what that costs.

It reads about 200 objects under the rights of the key that it is given and
writes nothing. The sample is embedded in this process, with the bundle's
retriever: nothing of it goes anywhere else.`,
		Example: `  latentask check --url http://localhost:8080 --collection Article
  latentask check --collection Article --tenant acme --html article.html`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c, err := node.client()
			if err != nil {
				return err
			}
			if bundleDir, err = localBundle(bundleDir); err != nil {
				return err
			}
			model, err := survey.OpenModel(bundleDir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, model.Close()) }()
			options.All = !cmd.Flags().Changed("vector")
			report, err := survey.Take(cmd.Context(), c, model, options)
			if err != nil {
				return err
			}
			report.Tool, report.Command = "latentask "+version.String(), commandLine(os.Args)
			if html != "" {
				if err := report.WriteHTML(html); err != nil {
					return err
				}
			}
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetEscapeHTML(false)
				encoder.SetIndent("", "  ")
				return encoder.Encode(report)
			}
			return report.WriteText(cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	node.addFlags(flags)
	flags.StringVar(&options.Collection, "collection", "", "the collection to look at (required)")
	flags.StringVar(&options.Tenant, "tenant", "", "the tenant to look at (default: some active ones)")
	flags.StringVar(&options.Vector, "vector", "", `the named vector to look at, "" for the unnamed one (default: all)`)
	flags.StringVar(&bundleDir, "bundle", os.Getenv("LATENTASK_BUNDLE"), "the bundle's folder (default: LATENTASK_BUNDLE, else .latentask/bundle)")
	flags.BoolVar(&asJSON, "json", false, "print everything as JSON")
	flags.StringVar(&html, "html", "", "also write a page to this file")
	// The flag was added above, so this can't fail.
	_ = cmd.MarkFlagRequired("collection")
	return cmd
}

// localBundle is the bundle that was named, or the one of a checkout.
func localBundle(dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	project, err := nodebuild.FindProject()
	if err != nil {
		return "", errors.Join(errors.New("no bundle is named (--bundle or LATENTASK_BUNDLE)"), err)
	}
	return filepath.Join(project, ".latentask", "bundle"), nil
}

// commandLine is what was typed, without the value of an API key.
func commandLine(args []string) string {
	words := append([]string{"latentask"}, args[1:]...)
	for i, word := range words {
		switch {
		case word == "--api-key" && i+1 < len(words):
			words[i+1] = "…"
		case strings.HasPrefix(word, "--api-key="):
			words[i] = "--api-key=…"
		}
	}
	return strings.Join(words, " ")
}
