package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/jsonl"
	"github.com/latentask/latentask/internal/progress"
)

// idField identifies a passage; it becomes its object's id and no property, so
// that vectors are of title and text alone.
const idField = "pid"

// corpus is a file of passages: pid, title, text.
type corpus struct {
	path  string
	count int
	// mark stands in the collection's description and tells whether it was
	// filled from this file.
	mark string
}

func openCorpus(path string) (*corpus, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	count, err := jsonl.Count(path)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return &corpus{path: path, count: count, mark: "latentask demo " + hex.EncodeToString(sum[:8])}, nil
}

// fill brings the passages into the demo's collection. One that holds them all
// is left as it is, one that was filled in part is completed, and one of
// another corpus is made anew.
func (c *corpus) fill(ctx context.Context, node *client.Client, out io.Writer) error {
	class, err := node.Collection(ctx, Collection)
	exists := err == nil
	if err != nil && !errors.Is(err, client.ErrNoCollection) {
		return err
	}
	if exists && class.Description != c.mark {
		fmt.Fprintf(out, "==> dropping collection %s, which holds another corpus\n", Collection)
		if err := node.DeleteCollection(ctx, Collection); err != nil {
			return err
		}
		exists = false
	}
	if exists {
		stored, err := node.Count(ctx, Collection)
		if err != nil {
			return err
		}
		if stored == c.count {
			fmt.Fprintf(out, "==> %d passages are there already\n", stored)
			return nil
		}
	} else if err := node.CreateCollection(ctx, Collection, c.mark, "title", "text"); err != nil {
		return err
	}

	fmt.Fprintf(out, "==> embedding and storing %d passages of Wikipedia in collection %s\n", c.count, Collection)
	step := progress.Start(out, "passages", c.count)
	defer step.End()
	stored, err := node.Load(ctx, jsonl.File[map[string]any](c.path), client.Import{
		Collection: Collection, IDField: idField, Progress: step.Add,
	})
	if err != nil {
		return err
	}
	took := step.End()
	fmt.Fprintf(out, "    %d passages in %.0f s\n", stored, took.Seconds())
	return nil
}
