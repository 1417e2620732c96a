package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/jsonl"
	"github.com/latentask/latentask/internal/progress"
)

// newLoadCommand is `latentask load`.
func newLoadCommand() *cobra.Command {
	var (
		node connection
		to   client.Import
		file string
	)
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Import objects from a file into a node's collection",
		Long: `Load imports a file of JSON objects, one a line, plain or gzipped. Every field
becomes a property, but for the one that --id-field names, of which the object's
id is made: importing the same file again then replaces objects in place of
adding them twice.

A collection that does not exist is made, with Weaviate's defaults and the
vectorizer text2vec-latent.`,
		Example: `  latentask load --collection Passage --file passages.jsonl.gz --id-field pid`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := node.client()
			if err != nil {
				return err
			}
			total, err := jsonl.Count(file)
			if err != nil {
				return err
			}
			if err := ensureCollection(cmd.Context(), c, to, file); err != nil {
				return err
			}
			step := progress.Start(cmd.ErrOrStderr(), "objects", total)
			defer step.End()
			to.Progress = step.Add
			stored, err := c.Load(cmd.Context(), jsonl.File[map[string]any](file), to)
			took := step.End()
			fmt.Fprintf(cmd.OutOrStdout(), "stored %d of %d objects in %.1f s\n", stored, total, took.Seconds())
			return err
		},
	}
	flags := cmd.Flags()
	node.addFlags(flags)
	flags.StringVar(&to.Collection, "collection", "", "the collection to fill (required)")
	flags.StringVar(&file, "file", "", "the file to import (required)")
	flags.StringVar(&to.Tenant, "tenant", "", "the tenant to fill")
	flags.StringVar(&to.IDField, "id-field", "", "field that identifies an object")
	flags.IntVar(&to.Batch, "batch", 64, "objects in a request")
	flags.IntVar(&to.Workers, "workers", 2, "requests under way at once")
	// The flags were added above, so these can't fail.
	_ = cmd.MarkFlagRequired("collection")
	_ = cmd.MarkFlagRequired("file")
	return cmd
}

// ensureCollection makes the collection where there is none. Its text properties
// are those of the file's first object; Weaviate adds others as they come.
func ensureCollection(ctx context.Context, c *client.Client, to client.Import, file string) error {
	_, err := c.Collection(ctx, to.Collection)
	if !errors.Is(err, client.ErrNoCollection) {
		return err
	}
	if to.Tenant != "" {
		return fmt.Errorf("%w; make a multi-tenant collection first, then load its tenants", err)
	}
	var properties []string
	for object, err := range jsonl.File[map[string]any](file) {
		if err != nil {
			return err
		}
		for name, value := range object {
			if _, ok := value.(string); ok && name != to.IDField {
				properties = append(properties, name)
			}
		}
		break
	}
	slices.Sort(properties)
	return c.CreateCollection(ctx, to.Collection, "", properties...)
}
