package eval

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// whole is a report with every kind of figure in it.
func whole() *Report {
	questions := []Question{
		{ID: "1", Kind: "bridge", Answers: []string{"x"}, Gold: []string{"a", "b"}},
		{ID: "2", Kind: "comparison", Answers: []string{"y"}, Gold: []string{"a", "c"}},
		{ID: "3", Kind: "bridge", Answers: []string{"z"}, Gold: []string{"d", "e"}},
	}
	outcome := &Outcome{Skipped: map[Mode]string{ModeExplicit: "latentAsk.mode: <none>"}}
	for i, q := range questions {
		for j, m := range []Mode{ModeLatent, ModeSingle, ModeHybrid, ModeDirect} {
			r := loop("action", []string{"a", "b"}[:2-j%2], []string{"c"})
			r.ID, r.Mode, r.Confidence, r.TotalMs = q.ID, m, 0.3+0.2*float64(i), float64(100*(i+j+1))
			r.Answer = []string{"x", "y", "w"}[(i+j)%3]
			outcome.Records = append(outcome.Records, r)
		}
	}
	r := &Report{
		Tool: "latentask", Bundle: "small 1", Device: "cpu", Command: `latentask eval --questions "a&b"`,
		Settings: Settings{Search: "auto", AnswerBy: "auto", Collection: "Passage"},
		Corpus:   &CorpusInfo{File: "c.jsonl", Passages: 5},
		Set:      QuestionsInfo{File: "<questions>.jsonl", Half: HalfAll, N: 3},
	}
	r.Fill(questions, outcome)
	return r
}

func TestReportPageIsOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.html")
	require.NoError(t, whole().WriteHTML(path))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	text := string(data)
	markup, _, _ := strings.Cut(text, "Licensed to the Apache Software Foundation") // the library behind it
	require.Less(t, len(markup), len(text), "the charting library is in the page")
	for _, loaded := range []string{"src=", "href=", "@import", "url("} {
		require.NotContains(t, markup, loaded, "nothing is loaded")
	}
	require.Contains(t, markup, "&lt;questions&gt;.jsonl")
	require.Contains(t, markup, "latent − single")
	require.Contains(t, markup, "latentAsk.mode: &lt;none&gt;")

	found := regexp.MustCompile(`(?s)<script type="application/json">(.*?)</script>`).FindAllStringSubmatch(markup, -1)
	require.Len(t, found, 10)
	for _, f := range found {
		var options struct {
			Series []struct {
				Type string
				Data []any
			}
		}
		require.NoError(t, json.Unmarshal([]byte(f[1]), &options))
		require.NotEmpty(t, options.Series)
		for _, s := range options.Series {
			require.NotEmpty(t, s.Data, f[1])
		}
	}
}
