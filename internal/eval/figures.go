package eval

import (
	"slices"

	"github.com/latentask/latentask/internal/eval/score"
)

// Figures are a mode's. Shares are 0 to 1; those that cannot be told from the
// files are left out.
type Figures struct {
	// N is the number of questions, those with an error included, which count
	// as answered wrongly and found nothing.
	N      int `json:"n"`
	Errors int `json:"errors"`
	// EM and F1 are means over the questions with known answers, GoldFound and
	// AllFound over those with known passages: the share of a question's gold
	// passages that was read, and whether all were.
	EM        *float64 `json:"em,omitempty"`
	F1        *float64 `json:"f1,omitempty"`
	GoldFound *float64 `json:"gold_found,omitempty"`
	AllFound  *float64 `json:"all_found,omitempty"`
	// Intervals are 95% bootstrap intervals of the four, by their names.
	Intervals map[string]Interval `json:"intervals"`
	// Abstained is the share of questions without an answer that stands,
	// Sourced the share of given answers for which a place is known.
	Abstained float64  `json:"abstained"`
	Sourced   *float64 `json:"sourced,omitempty"`
	// StoppedRight is the share of questions where a loop ended when it should.
	StoppedRight *float64 `json:"stopped_right,omitempty"`
	// SubqueryF1 is the token F1 of decoded subqueries against the known one of
	// the first passage that had not been read, over SubqueryHops searches; a
	// triple in words (see inWords), in SubqueryF1AsGiven as it stands.
	SubqueryF1   *float64 `json:"subquery_f1,omitempty"`
	SubqueryHops int      `json:"subquery_hops,omitempty"`

	SubqueryF1AsGiven *float64 `json:"subquery_f1_as_given,omitempty"`
	// Means a question: searches, passages read, forward passes, and the
	// model's tokens. Questions with an error are left out, as in the times.
	Hops      float64 `json:"hops"`
	Passages  float64 `json:"passages"`
	Passes    float64 `json:"passes"`
	TokensIn  float64 `json:"tokens_in"`
	TokensOut float64 `json:"tokens_out"`
	// P50Ms and P95Ms are of the whole question, Ms by part.
	P50Ms float64          `json:"p50_ms"`
	P95Ms float64          `json:"p95_ms"`
	Ms    map[string]Times `json:"ms"`

	Calibration  *Calibration `json:"calibration,omitempty"`
	RiskCoverage []RiskPoint  `json:"risk_coverage,omitempty"`
	// Types are the same scores by kind of question.
	Types map[string]KindFigures `json:"types,omitempty"`
}

// Times are milliseconds that half, and 95 in 100 questions stay under.
type Times struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

// KindFigures are those of one kind of question.
type KindFigures struct {
	N         int      `json:"n"`
	EM        *float64 `json:"em,omitempty"`
	F1        *float64 `json:"f1,omitempty"`
	GoldFound *float64 `json:"gold_found,omitempty"`
	AllFound  *float64 `json:"all_found,omitempty"`
	Hops      float64  `json:"hops"`
}

// row is a record beside its question and its scores.
type row struct {
	question Question
	record   Record
	scores   *Scores
}

// metric is a score by the name that it has in a report.
type metric struct {
	name string
	of   func(*Scores) *float64
}

// metrics are the scores that intervals and differences are made of.
var metrics = []metric{
	{"em", func(s *Scores) *float64 { return s.EM }},
	{"f1", func(s *Scores) *float64 { return s.F1 }},
	{"gold_found", func(s *Scores) *float64 { return s.GoldFound }},
	{"all_found", func(s *Scores) *float64 { return s.AllFound }},
}

// parts of the time of a question.
var parts = []struct {
	name string
	of   func(*Record) float64
}{
	{"total", func(r *Record) float64 { return r.TotalMs }},
	{"model", func(r *Record) float64 { return r.ModelMs }},
	{"search", func(r *Record) float64 { return r.SearchMs }},
	{"queue", func(r *Record) float64 { return r.QueueMs }},
}

// column are a metric's values over the rows that have it.
func column(rows []row, m metric) []float64 {
	var values []float64
	for _, r := range rows {
		if v := m.of(r.scores); v != nil {
			values = append(values, *v)
		}
	}
	return values
}

// meanOf is the mean of the values that a row has, nil where none has one.
func meanOf(rows []row, of func(row) (float64, bool)) *float64 {
	var values []float64
	for _, r := range rows {
		if v, ok := of(r); ok {
			values = append(values, v)
		}
	}
	if values == nil {
		return nil
	}
	m := mean(values)
	return &m
}

func score4(rows []row) (em, f1, gold, all *float64) {
	var out [4]*float64
	for i, m := range metrics {
		if values := column(rows, m); values != nil {
			v := mean(values)
			out[i] = &v
		}
	}
	return out[0], out[1], out[2], out[3]
}

// newFigures makes a mode's figures of its rows.
func newFigures(mode Mode, rows []row) *Figures {
	f := &Figures{N: len(rows), Intervals: map[string]Interval{}, Ms: map[string]Times{}}
	f.EM, f.F1, f.GoldFound, f.AllFound = score4(rows)
	for _, m := range metrics {
		if values := column(rows, m); values != nil {
			f.Intervals[m.name] = bootstrap95(values)
		}
	}
	f.cost(rows)
	f.answers(rows)
	if mode.loops() {
		f.StoppedRight = meanOf(rows, func(r row) (float64, bool) {
			return one(r.record.stoppedRight(r.question)), len(r.question.Gold) > 0 && r.record.Error == ""
		})
		f.subqueries(rows)
	}
	f.kinds(rows)
	return f
}

// cost is what the questions without an error took.
func (f *Figures) cost(rows []row) {
	var ok []*Record
	for i := range rows {
		if rows[i].record.Error != "" {
			f.Errors++
			continue
		}
		ok = append(ok, &rows[i].record)
	}
	values := func(of func(*Record) float64) []float64 {
		out := make([]float64, len(ok))
		for i, r := range ok {
			out[i] = of(r)
		}
		return out
	}
	f.Hops = mean(values(func(r *Record) float64 { return float64(len(r.Hops)) }))
	f.Passages = mean(values(func(r *Record) float64 { return float64(len(r.passages())) }))
	f.Passes = mean(values(func(r *Record) float64 { return float64(r.Passes) }))
	f.TokensIn = mean(values(func(r *Record) float64 { return float64(r.TokensIn) }))
	f.TokensOut = mean(values(func(r *Record) float64 { return float64(r.TokensOut) }))
	for _, p := range parts {
		v := values(p.of)
		f.Ms[p.name] = Times{P50: quantile(v, 0.5), P95: quantile(v, 0.95)}
	}
	f.P50Ms, f.P95Ms = f.Ms["total"].P50, f.Ms["total"].P95
}

// answers is what can be said of the answers beside their scores.
func (f *Figures) answers(rows []row) {
	abstained := 0
	var answers []scored
	known := 0
	for _, r := range rows {
		if r.record.Error == "" && (r.record.Abstained || !r.record.answered()) {
			abstained++
		}
		if r.scores.EM == nil {
			continue
		}
		known++
		if r.record.answered() {
			answers = append(answers, scored{r.record.Confidence, *r.scores.EM})
		}
	}
	f.Abstained = float64(abstained) / float64(len(rows))
	f.Sourced = meanOf(rows, func(r row) (float64, bool) { return one(r.record.Sourced), r.record.answered() })
	f.Calibration = calibrate(answers)
	f.RiskCoverage = riskCoverage(answers, known)
}

// subqueries compares decoded subqueries with known ones.
func (f *Figures) subqueries(rows []row) {
	var words, given []float64
	for _, r := range rows {
		read := map[string]bool{}
		for i, h := range r.record.Hops {
			if known := r.question.asked(i, read); known != nil && h.Subquery != "" {
				words = append(words, score.F1(score.SQuAD, h.Subquery, inWords(known.Text)))
				given = append(given, score.F1(score.SQuAD, h.Subquery, known.Text))
			}
			for _, pid := range h.PIDs {
				read[pid] = true
			}
		}
	}
	if f.SubqueryHops = len(words); words != nil {
		m, g := mean(words), mean(given)
		f.SubqueryF1, f.SubqueryF1AsGiven = &m, &g
	}
}

// kinds makes the figures by kind of question, where there are several.
func (f *Figures) kinds(rows []row) {
	byKind := map[string][]row{}
	for _, r := range rows {
		byKind[r.question.Kind] = append(byKind[r.question.Kind], r)
	}
	f.Types = map[string]KindFigures{}
	for kind, rows := range byKind {
		k := KindFigures{N: len(rows)}
		k.EM, k.F1, k.GoldFound, k.AllFound = score4(rows)
		ok := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.record.Error != "" })
		hops := make([]float64, len(ok))
		for i, r := range ok {
			hops[i] = float64(len(r.record.Hops))
		}
		k.Hops = mean(hops)
		f.Types[kind] = k
	}
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
