package eval

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// percent of a share, a dash where there is none.
func percent(share *float64) string {
	if share == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f", 100**share)
}

// WriteTable prints the figures for people. Shares are in percent.
func (r *Report) WriteTable(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")+"\t") }
	line("", "n", "EM", "F1", "gold found", "all found", "hops", "passages", "passes", "tokens in", "out", "abstained", "errors", "p50 ms", "p95 ms")
	for _, m := range Modes {
		f := r.Modes[m]
		if f == nil {
			continue
		}
		line(string(m), fmt.Sprint(f.N), percent(f.EM), percent(f.F1), percent(f.GoldFound), percent(f.AllFound),
			fmt.Sprintf("%.2f", f.Hops), fmt.Sprintf("%.1f", f.Passages), fmt.Sprintf("%.1f", f.Passes),
			fmt.Sprintf("%.0f", f.TokensIn), fmt.Sprintf("%.0f", f.TokensOut), percent(&f.Abstained),
			fmt.Sprint(f.Errors), fmt.Sprintf("%.0f", f.P50Ms), fmt.Sprintf("%.0f", f.P95Ms))
	}
	_ = w.Flush() // a terminal that is gone wants no table
	for _, m := range Modes {
		if reason := r.Skipped[m]; reason != "" {
			fmt.Fprintf(out, "%s was skipped: %s\n", m, reason)
		}
	}
	if len(r.Differences) == 0 {
		return
	}
	fmt.Fprintln(out, "\ndifferences in points, with 95% intervals (paired)")
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	line("", "EM", "F1", "gold found", "all found")
	for i, a := range Modes {
		for _, b := range Modes[i+1:] {
			cells := []string{fmt.Sprintf("%s − %s", a, b)}
			some := false
			for _, m := range metrics {
				cell := "–"
				if d, ok := r.Difference(a, b, m.name); ok {
					cell = fmt.Sprintf("%+.1f (%+.1f to %+.1f)", 100*d.Difference, 100*d.Low, 100*d.High)
					some = true
				}
				cells = append(cells, cell)
			}
			if some {
				line(cells...)
			}
		}
	}
	_ = w.Flush()
}
