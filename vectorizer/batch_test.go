package vectorizer

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func lengths(ns ...int) [][]int64 {
	ids := make([][]int64, len(ns))
	for i, n := range ns {
		ids[i] = make([]int64, n)
	}
	return ids
}

func TestPlan(t *testing.T) {
	for name, c := range map[string]struct {
		ids  [][]int64
		max  int
		want []batch
	}{
		"nothing":                  {nil, 100, nil},
		"one":                      {lengths(7), 100, []batch{{[]int{0}, 7}}},
		"longest first":            {lengths(2, 50, 9), 100, []batch{{[]int{1}, 50}, {[]int{2}, 9}, {[]int{0}, 2}}},
		"bounded by padded tokens": {lengths(10, 10, 10), 20, []batch{{[]int{0, 1}, 10}, {[]int{2}, 10}}},
		"longer than the bound":    {lengths(30, 30), 20, []batch{{[]int{0}, 30}, {[]int{1}, 30}}},
		"a tenth of padding":       {lengths(8, 10), 100, []batch{{[]int{1, 0}, 10}}},
		"more than a tenth":        {lengths(7, 10), 100, []batch{{[]int{1}, 10}, {[]int{0}, 7}}},
		"order within a length":    {lengths(5, 6, 5, 6), 100, []batch{{[]int{1, 3, 0, 2}, 6}}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, plan(c.ids, c.max)) })
	}
}

func TestPlanKeepsItsBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var ids [][]int64
		for range rng.IntN(300) {
			ids = append(ids, make([]int64, 2+rng.IntN(255)))
		}
		maxTokens := 256 + rng.IntN(8192)
		seen := make(map[int]bool)
		for _, b := range plan(ids, maxTokens) {
			tokens := 0
			for _, text := range b.texts {
				require.False(t, seen[text], "a text in two batches")
				seen[text] = true
				require.LessOrEqual(t, len(ids[text]), b.length)
				tokens += len(ids[text])
			}
			padded := b.length * len(b.texts)
			require.LessOrEqual(t, padded, maxTokens)
			require.LessOrEqual(t, float64(padded-tokens), maxPadding*float64(padded))
		}
		require.Len(t, seen, len(ids), "a text in no batch")
	}
}
