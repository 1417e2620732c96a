package bundle_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/bundle"
)

func TestBiasAfter(t *testing.T) {
	none := bundle.Action{Bias: 0.5}
	require.InDelta(t, 0.5, none.BiasAfter(3), 0)
	rule := bundle.Action{Bias: 0.5, Hops: []float64{1, -2}}
	for searches, want := range map[int]float64{1: 1.5, 2: -1.5, 3: -1.5, 9: -1.5} {
		require.InDelta(t, want, rule.BiasAfter(searches), 0, "after %d", searches)
	}
}
