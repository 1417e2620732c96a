package client

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWriteHopsOfEveryKind(t *testing.T) {
	distance := 0.25
	reply := Reply{
		Objects: []Object{{ID: "a", Properties: map[string]any{"title": "Knox"}}, {ID: "b", Properties: map[string]any{"title": "Blast"}}},
		Hops: []Hop{
			{
				N: 1, Action: "query", Search: "hybrid", IDs: []string{"a", "c"},
				Keywords: []Word{{Word: "knox", Weight: 4}},
				Found:    []Found{{ID: "a", Distance: &distance, VectorRank: 12}, {ID: "c", KeywordRank: 1}},
				Ms:       HopMs{Model: 300, Search: 2.5},
			},
			{N: 2, Action: "query", Search: "vector", IDs: []string{"b"}, Distances: []float64{0.5}, Focus: []Word{{Word: "blast", Weight: 0.75}}},
			{N: 3, Action: "answer", Ms: HopMs{Model: 100}},
		},
	}
	var out strings.Builder
	reply.WriteHops(&out, func(o Object) string { return o.Properties["title"].(string) })
	for _, line := range []string{
		"hop 1    model 300 ms, search 2.5 ms (hybrid)",
		"words  knox ×4",
		"0.250  vector 12  keywords -    Knox",
		"    -  vector -   keywords 1      (cut by the limit)",
		"hop 2    model 0 ms, search 0.0 ms (vector)",
		"focus  blast 0.75",
		"0.500  Blast",
		"answer   model 100 ms",
	} {
		require.Contains(t, out.String(), line)
	}
}
