package eval

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/latentask/latentask/internal/machine"
)

// Report is the JSON that a run leaves.
type Report struct {
	// Format is 1; a change that breaks readers raises it.
	Format int    `json:"format"`
	Tool   string `json:"tool"`
	Date   string `json:"date"`
	// Command is the line that made it.
	Command  string        `json:"command"`
	Machine  string        `json:"machine"`
	Settings Settings      `json:"settings"`
	Bundle   string        `json:"bundle"`
	Device   string        `json:"device"`
	Corpus   *CorpusInfo   `json:"corpus,omitempty"`
	Set      QuestionsInfo `json:"questions"`

	Modes map[Mode]*Figures `json:"modes"`
	// Skipped says of modes why they were not run.
	Skipped map[Mode]string `json:"skipped,omitempty"`
	// Differences are those of every two modes, the first minus the second, over
	// the questions that both answered, with paired intervals.
	Differences []Difference `json:"differences"`
}

// CorpusInfo says what was searched.
type CorpusInfo struct {
	File     string `json:"file"`
	Passages int    `json:"passages"`
	Hash     string `json:"hash"`
}

// QuestionsInfo says what was asked.
type QuestionsInfo struct {
	File string `json:"file"`
	Half Half   `json:"half"`
	N    int    `json:"n"`
}

// Difference of two modes in one score.
type Difference struct {
	A      Mode   `json:"a"`
	B      Mode   `json:"b"`
	Metric string `json:"metric"`
	// N questions have the score in both modes.
	N          int     `json:"n"`
	Difference float64 `json:"difference"`
	Interval
}

// Fill makes the figures of an outcome. It leaves what describes the run to the
// caller.
func (r *Report) Fill(questions []Question, outcome *Outcome) {
	r.Format = 1
	r.Date = time.Now().UTC().Format(time.RFC3339)
	r.Machine = machine.Name()
	r.Modes, r.Skipped, r.Differences = map[Mode]*Figures{}, outcome.Skipped, []Difference{}

	byID := make(map[string]Question, len(questions))
	for _, q := range questions {
		byID[q.ID] = q
	}
	rows := map[Mode][]row{}
	for _, record := range outcome.Records {
		q := byID[record.ID]
		rows[record.Mode] = append(rows[record.Mode], row{question: q, record: record, scores: record.scores(q)})
	}
	for mode, rows := range rows {
		r.Modes[mode] = newFigures(mode, rows)
	}
	for i, a := range Modes {
		for _, b := range Modes[i+1:] {
			for _, m := range metrics {
				if d, ok := difference(a, b, rows[a], rows[b], m); ok {
					r.Differences = append(r.Differences, d)
				}
			}
		}
	}
}

// difference of two modes over the questions that have the score in both.
func difference(a, b Mode, rowsA, rowsB []row, m metric) (Difference, bool) {
	byID := make(map[string]float64, len(rowsB))
	for _, r := range rowsB {
		if v := m.of(r.scores); v != nil {
			byID[r.record.ID] = *v
		}
	}
	var differences []float64
	for _, r := range rowsA {
		v := m.of(r.scores)
		other, both := byID[r.record.ID]
		if v != nil && both {
			differences = append(differences, *v-other)
		}
	}
	if differences == nil {
		return Difference{}, false
	}
	return Difference{
		A: a, B: b, Metric: m.name, N: len(differences),
		Difference: mean(differences), Interval: bootstrap95(differences),
	}, true
}

// Difference finds that of two modes in a score, in either order of them.
func (r *Report) Difference(a, b Mode, metric string) (Difference, bool) {
	for _, d := range r.Differences {
		switch {
		case d.Metric != metric:
		case d.A == a && d.B == b:
			return d, true
		case d.A == b && d.B == a:
			d.A, d.B, d.Difference = a, b, -d.Difference
			d.Low, d.High = -d.High, -d.Low
			return d, true
		}
	}
	return Difference{}, false
}

// WriteJSON writes the report to a file, whole or not at all.
func (r *Report) WriteJSON(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(path, append(data, '\n'))
}

// writeFile replaces a file in one step.
func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".part", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}
