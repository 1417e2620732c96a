package adopt

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLackingReferences(t *testing.T) {
	of := func(beacons ...string) map[string][]string { return map[string][]string{"next": beacons} }
	for name, c := range map[string]struct {
		want, have, add map[string][]string
		anew            bool
	}{
		"none":                       {want: of(), have: of(), add: map[string][]string{}},
		"all are there":              {want: of("a", "b"), have: of("b", "a"), add: map[string][]string{}},
		"one lacks":                  {want: of("a", "b"), have: of("a"), add: of("b")},
		"a property lacks":           {want: of("a"), have: map[string][]string{}, add: of("a")},
		"another one":                {want: of("a"), have: of("a", "b"), anew: true},
		"the same twice":             {want: of("a"), have: of("a", "a"), anew: true},
		"twice in the original":      {want: of("a", "a"), have: of("a", "a"), add: map[string][]string{}},
		"twice in the original, one": {want: of("a", "a"), have: of("a"), add: map[string][]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			add, ok := lacking(c.want, c.have)
			require.Equal(t, !c.anew, ok)
			if ok {
				require.Equal(t, c.add, add)
			}
		})
	}
}
