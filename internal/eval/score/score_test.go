package score

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// outcomes are what the reference scripts said, see testdata/README.md.
type outcomes struct {
	Totals map[string]struct{ Exact, F1 float64 }
	Cases  []struct {
		Dataset, Answer string
		Known           []string
		Normalised      string
		Exact           float64
		HotpotQA        float64 `json:"hotpotqa_f1"`
		SQuAD           float64 `json:"squad_f1"`
	}
}

func readOutcomes(t testing.TB) outcomes {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "outcomes.json"))
	require.NoError(t, err)
	var o outcomes
	require.NoError(t, json.Unmarshal(data, &o))
	require.NotEmpty(t, o.Cases)
	return o
}

// No tolerance: the sums are those of the reference scripts to the last bit.
func TestAgreesWithTheReferenceScripts(t *testing.T) {
	o := readOutcomes(t)
	type sum struct {
		n         int
		exact, f1 float64
	}
	sums := map[string]sum{}
	for _, c := range o.Cases {
		require.Equal(t, c.Normalised, Normalise(c.Answer), "%q", c.Answer)
		exact, f1 := Best(HotpotQA, c.Answer, c.Known)
		require.Equal(t, c.Exact, exact, "%q %q", c.Answer, c.Known)
		require.Equal(t, c.HotpotQA, f1, "%q %q", c.Answer, c.Known)
		exact, f1 = Best(SQuAD, c.Answer, c.Known)
		require.Equal(t, c.Exact, exact)
		require.Equal(t, c.SQuAD, f1, "%q %q", c.Answer, c.Known)

		known := c.Known
		if c.Dataset == "hotpotqa" {
			known = known[:1]
		}
		exact, f1 = Best(RuleOf(c.Dataset), c.Answer, known)
		s := sums[c.Dataset]
		sums[c.Dataset] = sum{s.n + 1, s.exact + exact, s.f1 + f1}
	}
	require.Len(t, o.Totals, 3)
	for dataset, want := range o.Totals {
		s := sums[dataset]
		require.Equal(t, want.Exact, s.exact/float64(s.n), dataset)
		require.Equal(t, want.F1, s.f1/float64(s.n), dataset)
	}
}

func TestRuleOf(t *testing.T) {
	for name, want := range map[string]Rule{
		"hotpotqa": HotpotQA, "HotpotQA": HotpotQA, "2wiki": HotpotQA, "2WikiMultihopQA": HotpotQA,
		"musique": SQuAD, "nq": SQuAD, "": SQuAD, "mine": SQuAD,
	} {
		require.Equal(t, want, RuleOf(name), name)
	}
}

func TestBestWithoutAKnownAnswer(t *testing.T) {
	exact, f1 := Best(SQuAD, "anything", nil)
	require.Zero(t, exact)
	require.Zero(t, f1)
}

func FuzzNormalise(f *testing.F) {
	for i, c := range readOutcomes(f).Cases {
		// All of them would take the whole of a short run.
		if i%10 == 0 {
			f.Add(c.Answer, c.Known[0])
		}
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		n := Normalise(a)
		require.True(t, utf8.ValidString(n))
		require.Equal(t, n, strings.Join(strings.Fields(n), " "))
		for _, word := range strings.Fields(n) {
			require.NotContains(t, []string{"a", "an", "the"}, word)
		}
		require.False(t, strings.ContainsAny(n, punctuation))
		if utf8.ValidString(a) {
			require.Equal(t, n, Normalise(n), "normal form of a normal form")
		}
		for _, rule := range []Rule{SQuAD, HotpotQA} {
			exact, f1 := Best(rule, a, []string{b})
			require.Contains(t, []float64{0, 1}, exact)
			require.GreaterOrEqual(t, f1, 0.0)
			require.LessOrEqual(t, f1, 1.0)
			require.Equal(t, f1, F1(rule, b, a), "F1 is symmetric")
			if exact == 1 && n != "" {
				require.Equal(t, 1.0, f1)
			}
		}
	})
}
