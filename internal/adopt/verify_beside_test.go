package adopt

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// What stands beside a collection is compared with it: a run that is long ago,
// or that was broken off, is seen.
func TestVerifyBeside(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		options Options
		spoil   func(n *fakeNode)
		says    string
	}{
		"a copy":                {Options{Collection: "Docs", Into: "Copy"}, func(*fakeNode) {}, ""},
		"a text that changed":   {Options{Collection: "Docs", Into: "Copy"}, func(n *fakeNode) { n.put("Docs", "", idOf(3), map[string]any{"title": "new"}) }, "object " + idOf(3) + " has another title in Copy"},
		"an object that lacks":  {Options{Collection: "Docs", Into: "Copy"}, func(n *fakeNode) { n.put("Copy", "", idOf(3), nil) }, "object " + idOf(3) + " is not in Copy"},
		"passages":              {Options{Collection: "Docs", Chunk: true}, func(*fakeNode) {}, ""},
		"passages of old text":  {Options{Collection: "Docs", Chunk: true}, func(n *fakeNode) { n.put("Docs", "", idOf(3), map[string]any{"body": "new"}) }, "object " + idOf(3) + ": 1 of its passages lack or are not"},
		"passages that are not": {Options{Collection: "Docs", Chunk: true}, func(n *fakeNode) { n.put("Docs", "", idOf(30), map[string]any{"body": "new"}) }, "object " + idOf(30) + ": 1 of its passages lack"},
		"passages of no text":   {Options{Collection: "Docs", Chunk: true}, func(n *fakeNode) { n.put("Docs", "", idOf(3), map[string]any{"year": 1.0}) }, "1 passages of the objects compared are of text that they have no more"},
	} {
		t.Run(name, func(t *testing.T) {
			n, r := newFake(t)
			n.add(decoded(t, unnamed))
			n.distances = map[string]float64{}
			for i := range 20 {
				n.put("Docs", "", idOf(i), map[string]any{"title": fmt.Sprint("title ", i), "body": fmt.Sprintf("The body of number %d.", i)})
			}
			p := planned(t, r, c.options)
			make := r.Copy
			if c.options.Chunk {
				make = r.Passages
			}
			_, err := make(ctx, p)
			require.NoError(t, err)
			// The node in memory makes no vectors.
			n.embed(p.Target, p.Vector)
			c.spoil(n)
			v, err := r.Verify(ctx, c.options, VerifyOptions{Sample: 100, Questions: []string{"Which?"}})
			require.NoError(t, err)
			if c.says == "" {
				require.Empty(t, v.Problems)
				return
			}
			require.Contains(t, fmt.Sprint(v.Problems), c.says)
		})
	}
}
