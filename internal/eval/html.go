package eval

import (
	"bytes"
	_ "embed" // the page's template
	"fmt"
	"html/template"

	"github.com/latentask/latentask/internal/page"
)

//go:embed report.html
var reportHTML string

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"percent": percent,
	"share":   func(f float64) string { return percent(&f) },
	"points":  func(f float64) string { return fmt.Sprintf("%+.1f", 100*f) },
	"number":  func(f float64, digits int) string { return fmt.Sprintf("%.*f", digits, f) },
}).Parse(reportHTML))

// reportPage is what the template is given.
type reportPage struct {
	*Report
	Style   template.CSS
	Script  template.JS
	Rows    []modeRow
	Pairs   []pairRow
	Kinds   []kindRow
	Missing []skipRow
	Charts  []chart
}

type (
	modeRow struct {
		Mode Mode
		*Figures
	}
	skipRow struct {
		Mode   Mode
		Reason string
	}
	// pairRow is two modes with their differences in the order of metrics; nil
	// where there is none.
	pairRow struct {
		A, B  Mode
		Cells []*Difference
	}
	kindRow struct {
		Kind  string
		Modes []kindModeRow
	}
	kindModeRow struct {
		Mode Mode
		KindFigures
	}
)

// WriteHTML writes the report's page, one file that needs no network.
func (r *Report) WriteHTML(path string) error {
	script, err := page.Charts()
	if err != nil {
		return err
	}
	p := reportPage{Report: r, Style: page.Style(), Script: script, Charts: r.charts()}
	for i, m := range Modes {
		if f := r.Modes[m]; f != nil {
			p.Rows = append(p.Rows, modeRow{m, f})
		}
		if reason := r.Skipped[m]; reason != "" {
			p.Missing = append(p.Missing, skipRow{m, reason})
		}
		for _, b := range Modes[i+1:] {
			if row, ok := r.pair(m, b); ok {
				p.Pairs = append(p.Pairs, row)
			}
		}
	}
	for _, kind := range r.kindNames() {
		row := kindRow{Kind: kind}
		for _, m := range p.Rows {
			if k, ok := m.Types[kind]; ok {
				row.Modes = append(row.Modes, kindModeRow{m.Mode, k})
			}
		}
		p.Kinds = append(p.Kinds, row)
	}
	var b bytes.Buffer
	if err := reportTemplate.Execute(&b, p); err != nil {
		return err
	}
	return writeFile(path, b.Bytes())
}

func (r *Report) pair(a, b Mode) (pairRow, bool) {
	row := pairRow{A: a, B: b}
	some := false
	for _, m := range metrics {
		if d, ok := r.Difference(a, b, m.name); ok {
			row.Cells = append(row.Cells, &d)
			some = true
		} else {
			row.Cells = append(row.Cells, nil)
		}
	}
	return row, some
}
