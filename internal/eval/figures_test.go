package eval

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// loop is a record of a loop that found what is given, hop by hop.
func loop(stoppedBy string, hops ...[]string) Record {
	r := Record{Mode: ModeLatent, StoppedBy: stoppedBy}
	for _, pids := range hops {
		r.Hops = append(r.Hops, HopRecord{PIDs: pids})
	}
	return r
}

func TestStoppedRight(t *testing.T) {
	q := Question{Gold: []string{"a", "b"}}
	for name, c := range map[string]struct {
		record Record
		want   bool
	}{
		"at the hop that completes it":    {loop("action", []string{"a"}, []string{"c", "b"}), true},
		"complete at the limit":           {loop("max_hops", []string{"a"}, []string{"b"}), true},
		"one hop too many":                {loop("action", []string{"a"}, []string{"b"}, []string{"c"}), false},
		"one hop too many, at the limit":  {loop("max_hops", []string{"a", "b"}, []string{"c"}), false},
		"too early":                       {loop("action", []string{"a"}), false},
		"never complete, at the limit":    {loop("max_hops", []string{"a"}, []string{"c"}), true},
		"never complete, nothing new":     {loop("no_new_passages", []string{"a"}, nil), false},
		"nothing found":                   {loop("action"), false},
		"complete at the first of passes": {loop("action", []string{"b", "a"}), true},
	} {
		require.Equal(t, c.want, c.record.stoppedRight(q), name)
	}
}

func TestScoresOfARecord(t *testing.T) {
	q := Question{Dataset: "hotpotqa", Answers: []string{"Yes"}, Gold: []string{"a", "b"}}
	r := loop("action", []string{"a", "c"}, []string{"a"})
	r.Answer = "yes."
	s := r.scores(q)
	require.Equal(t, []float64{1, 1, 0.5, 0}, []float64{*s.EM, *s.F1, *s.GoldFound, *s.AllFound})
	require.Equal(t, []string{"a", "c"}, r.passages(), "each once")

	r.Mode = ModeDirect
	require.Nil(t, r.scores(q).GoldFound, "what is not read is not found")
	require.Nil(t, r.scores(Question{}).EM)
}

func TestASubqueryIsComparedWithThatOfTheFirstPassageNotRead(t *testing.T) {
	known := []Subquery{{Text: "who made it", PID: "a"}, {Text: "where was he born", PID: "b"}}
	said := func(hops ...HopRecord) *Figures {
		var f Figures
		f.subqueries([]row{{question: Question{Subqueries: known}, record: Record{Hops: hops}}})
		return &f
	}
	f := said(
		HopRecord{PIDs: []string{"c"}, Subquery: "who made it"},
		HopRecord{PIDs: []string{"b", "a"}, Subquery: "who made it"}, // once more, since it was missed
		HopRecord{PIDs: []string{"d"}, Subquery: "where was he born"},
	)
	require.Equal(t, 2, f.SubqueryHops, "once all has been read nothing is to be asked")
	require.Equal(t, 1.0, *f.SubqueryF1)
	f = said(HopRecord{PIDs: []string{"b"}, Subquery: "who made it"}, HopRecord{PIDs: []string{"a"}, Subquery: "who made it"})
	require.Equal(t, 1.0, *f.SubqueryF1, "the second was found first")
	require.Nil(t, said(HopRecord{PIDs: []string{"a"}}).SubqueryF1)
	known[0].Text = "it >> creator"
	f = said(HopRecord{PIDs: []string{"a"}, Subquery: "Who is the creator of it?"})
	require.Equal(t, 1.0, *f.SubqueryF1, "a triple in words")
	require.InDelta(t, 4.0/7, *f.SubqueryF1AsGiven, 1e-12)
	known[0].Text = "who made it"
	known[1].PID, known[0].PID = "", "" // of a file that does not say which passages they are
	f = said(HopRecord{PIDs: []string{"c"}, Subquery: "who made it"}, HopRecord{Subquery: "where was he born"}, HopRecord{Subquery: "where was he born"})
	require.Equal(t, 2, f.SubqueryHops)
	require.Equal(t, 1.0, *f.SubqueryF1, "place by place")
}

func TestFigures(t *testing.T) {
	questions := []Question{
		{ID: "1", Kind: "bridge", Answers: []string{"x"}, Gold: []string{"a"}, Subqueries: []Subquery{{Text: "who made it"}, {Text: "where"}}},
		{ID: "2", Kind: "bridge", Answers: []string{"x"}, Gold: []string{"a", "b"}},
		{ID: "3", Kind: "comparison"},
	}
	outcome := &Outcome{Skipped: map[Mode]string{ModeIter: "why"}}
	add := func(id string, r Record) {
		r.ID = id
		outcome.Records = append(outcome.Records, r)
	}
	first := loop("action", []string{"a"})
	first.Hops[0].Subquery = "who made that"
	first.Answer, first.Confidence, first.Sourced, first.TotalMs, first.Passes = "x", 0.9, true, 100, 3
	add("1", first)
	second := loop("max_hops", []string{"c"}, []string{"b"})
	second.Answer, second.Confidence, second.TotalMs, second.Passes = "y", 0.6, 300, 5
	add("2", second)
	third := loop("action", []string{"d"})
	third.Answer, third.Abstained, third.TotalMs = "unknown", true, 200
	add("3", third)
	for _, r := range []Record{first, second} {
		r.Mode = ModeSingle
		r.Answer = "z"
		add(map[string]string{"x": "1", "y": "2"}[map[bool]string{true: "x", false: "y"}[r.TotalMs == 100]], r)
	}

	var report Report
	report.Fill(questions, outcome)
	f := report.Modes[ModeLatent]
	require.Equal(t, 3, f.N)
	require.Equal(t, 0.5, *f.EM, "over questions with known answers")
	require.Equal(t, 0.75, *f.GoldFound)
	require.Equal(t, 0.5, *f.AllFound)
	require.InDelta(t, 4.0/3, f.Hops, 1e-12)
	require.InDelta(t, 4.0/3, f.Passages, 1e-12)
	require.InDelta(t, 8.0/3, f.Passes, 1e-12)
	require.Equal(t, 200.0, f.P50Ms)
	require.InDelta(t, 290.0, f.P95Ms, 1e-9)
	require.Equal(t, f.P50Ms, f.Ms["total"].P50)
	require.InDelta(t, 1.0/3, f.Abstained, 1e-12)
	require.Equal(t, 0.5, *f.Sourced, "of answers that were given")
	require.Equal(t, 1.0, *f.StoppedRight)
	require.Equal(t, 1, f.SubqueryHops)
	require.InDelta(t, 2.0/3, *f.SubqueryF1, 1e-12)
	require.Equal(t, 2, f.Calibration.N)
	require.InDelta(t, 0.5*0.1+0.5*0.6, f.Calibration.ECE, 1e-12)
	require.Equal(t, []RiskPoint{{0.9, 0.5, 0}, {0.6, 1, 0.5}}, f.RiskCoverage)
	require.Equal(t, 2, f.Types["bridge"].N)
	require.Equal(t, 0.5, *f.Types["bridge"].EM)
	require.Nil(t, f.Types["comparison"].EM)
	require.Equal(t, "why", report.Skipped[ModeIter])

	d, ok := report.Difference(ModeLatent, ModeSingle, "em")
	require.True(t, ok)
	require.Equal(t, 2, d.N)
	require.Equal(t, 0.5, d.Difference)
	back, ok := report.Difference(ModeSingle, ModeLatent, "em")
	require.True(t, ok)
	require.Equal(t, []float64{-0.5, -d.High, -d.Low}, []float64{back.Difference, back.Low, back.High})

	// The file's names are a contract.
	path := filepath.Join(t.TempDir(), "out", "report.json")
	require.NoError(t, report.WriteJSON(path))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var read struct{ Modes map[string]map[string]any }
	require.NoError(t, json.Unmarshal(data, &read))
	for _, name := range []string{"n", "em", "f1", "gold_found", "all_found", "hops", "passes", "passages", "tokens_in", "tokens_out", "p50_ms", "p95_ms", "abstained", "errors"} {
		require.IsType(t, 0.0, read.Modes["latent"][name], name)
	}
}

func TestFiguresOfAFileThatKnowsNothing(t *testing.T) {
	questions := []Question{{ID: "1", Kind: "all"}}
	r := loop("action", []string{"a"})
	r.ID, r.Answer = "1", "x"
	var report Report
	report.Fill(questions, &Outcome{Records: []Record{r}})
	f := report.Modes[ModeLatent]
	require.Nil(t, f.EM)
	require.Nil(t, f.GoldFound)
	require.Nil(t, f.StoppedRight)
	require.Nil(t, f.Calibration)
	require.Empty(t, report.Differences)
	require.NoError(t, report.WriteJSON(filepath.Join(t.TempDir(), "r.json")))
	require.NoError(t, report.WriteHTML(filepath.Join(t.TempDir(), "r.html")))
}

func TestQuantile(t *testing.T) {
	values := []float64{4, 1, 3, 2}
	require.Equal(t, 2.5, quantile(values, 0.5))
	require.Equal(t, 1.0, quantile(values, 0))
	require.Equal(t, 4.0, quantile(values, 1))
	require.Equal(t, []float64{4, 1, 3, 2}, values, "the values stay in their order")
	require.Zero(t, quantile(nil, 0.5))
}

func TestBootstrap(t *testing.T) {
	values := make([]float64, 400)
	for i := range values {
		values[i] = float64(i % 2)
	}
	got := bootstrap95(values)
	require.Equal(t, got, bootstrap95(values), "the seed is fixed")
	// The standard error of a share of 0.5 over 400 is 0.025.
	require.InDelta(t, 0.451, got.Low, 0.006)
	require.InDelta(t, 0.549, got.High, 0.006)
	require.Equal(t, Interval{1, 1}, bootstrap95([]float64{1, 1, 1}))
	require.Equal(t, Interval{}, bootstrap95(nil))
}

// Paired: what is the same in both modes question by question has no spread.
func TestDifferencesArePaired(t *testing.T) {
	var a, b []row
	for i := range 100 {
		high, low := float64(i%10)/10+0.05, float64(i%10)/10
		id := string(rune('a' + i))
		a = append(a, row{record: Record{ID: id}, scores: &Scores{F1: &high}})
		b = append(b, row{record: Record{ID: id}, scores: &Scores{F1: &low}})
	}
	d, ok := difference(ModeLatent, ModeSingle, a, b, metrics[1])
	require.True(t, ok)
	require.InDelta(t, 0.05, d.Difference, 1e-12)
	require.InDelta(t, 0.05, d.Low, 1e-12)
	require.InDelta(t, 0.05, d.High, 1e-12)
	_, ok = difference(ModeLatent, ModeSingle, a, nil, metrics[1])
	require.False(t, ok)
}

func TestCalibrate(t *testing.T) {
	var answers []scored
	for i := range 10 {
		answers = append(answers, scored{0.8, one(i < 8)}) // as sure as right
	}
	c := calibrate(answers)
	require.InDelta(t, 0, c.ECE, 1e-12)
	require.Len(t, c.Bins, 1)
	require.Equal(t, []float64{0.7, 0.8}, []float64{c.Bins[0].Low, c.Bins[0].High}, "an edge belongs to the bin below")
	c = calibrate([]scored{{1, 0}, {0, 0}})
	require.InDelta(t, 0.5, c.ECE, 1e-12)
	require.Nil(t, calibrate(nil))
}

func TestRiskCoverageIsThinnedToItsEnd(t *testing.T) {
	var answers []scored
	for i := range 1000 {
		answers = append(answers, scored{float64(i) / 1000, one(i%2 == 0)})
	}
	points := riskCoverage(answers, 2000)
	require.Len(t, points, maxRiskPoints)
	require.Equal(t, RiskPoint{0, 0.5, 0.5}, points[len(points)-1])
	same := riskCoverage([]scored{{0.5, 1}, {0.5, 0}}, 2)
	require.Equal(t, []RiskPoint{{0.5, 1, 0.5}}, same, "the same confidence is one threshold")
}
