package survey

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/latentask/latentask/internal/fit"
)

// barWidth is the length of a histogram's longest bar.
const barWidth = 40

// WriteText prints the report for people.
func (r *Report) WriteText(out io.Writer) error {
	w := &writer{out: out}
	latent := "without latentask"
	if r.Node.State != "" {
		latent = "with latentask, bundle " + r.Node.State
	}
	w.printf("%s at %s (Weaviate %s, %s)\n\n", r.Collection.Name, r.Node.URL, r.Node.Version, latent)
	w.table(r.facts())
	for _, u := range r.Unknown {
		w.printf("  unknown: %s\n", u)
	}
	r.writeTexts(w)
	for i := range r.Vectors {
		r.writeVector(w, &r.Vectors[i])
	}
	r.writeAdvice(w)
	return w.err
}

func (r *Report) writeTexts(w *writer) {
	w.printf("\nText, in tokens\n")
	if len(r.Text.Properties) == 0 {
		w.printf("  the collection has no text property\n")
		return
	}
	of := fmt.Sprintf("%s at random", plural(r.Sample.Objects, "object"))
	if len(r.Sample.Tenants) > 0 {
		of += " of " + plural(len(r.Sample.Tenants), "tenant")
	}
	w.printf("  %s, %d without text\n", of, r.Sample.WithoutText)
	if r.Sample.WithoutText == r.Sample.Objects {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(cells ...string) { fmt.Fprintln(t, strings.Join(cells, "\t")+"\t") }
	row("", "have it", "median", "95%", "longest", "read", "longer", "not read")
	for _, p := range r.Text.Properties {
		name := p.Name
		if !p.Used {
			name += " (not used)"
		}
		row(name, fmt.Sprint(p.Lengths.Texts), fmt.Sprint(p.Lengths.P50), fmt.Sprint(p.Lengths.P95), fmt.Sprint(p.Lengths.Max), "", "", "")
	}
	for _, whole := range []struct {
		name string
		l    fit.Lengths
	}{{"all, for the retriever", r.Text.Retriever}, {"all, for the reader", r.Text.Reader}} {
		l := whole.l
		row(whole.name, fmt.Sprint(l.Texts), fmt.Sprint(l.P50), fmt.Sprint(l.P95), fmt.Sprint(l.Max), fmt.Sprint(l.Limit), percent(l.Longer), percent(l.Unread))
	}
	// An error of the writer below stays in it.
	_ = t.Flush()
}

func (r *Report) writeVector(w *writer, v *Vector) {
	w.printf("\nIs %s that of %s?\n", display(v.Name), r.Retriever)
	w.wrapped("  ", v.verdict(r.Retriever))
	if v.Fit != nil && len(v.Fit.Objects) > 0 {
		var cosines []string
		for _, o := range v.Fit.Objects {
			cosines = append(cosines, fmt.Sprintf("%.3f", o.Cosine))
		}
		w.wrapped("  ", strings.Join(cosines, " "))
		if !v.Servable && v.Fit.Kind == fit.Same {
			w.wrapped("  ", v.Why)
		}
	}
	if v.Space == nil {
		return
	}
	w.printf("\nHow narrow is its space?\n")
	w.wrapped("  ", spread(v.Space))
	highest := 0.0
	for _, b := range v.Space.Histogram {
		highest = math.Max(highest, b.Share)
	}
	for _, b := range v.Space.Histogram {
		bar := strings.Repeat("█", int(math.Round(barWidth*b.Share/highest)))
		if bar == "" && b.Share > 0 {
			bar = "▏"
		}
		w.printf("  %5.2f  %s\n", b.From, bar)
	}
}

func (r *Report) writeAdvice(w *writer) {
	a := &r.Advice
	w.printf("\nWhat to do: %s\n", a.headline())
	w.wrapped("  ", a.Why)
	if len(a.Properties) > 0 {
		w.wrapped("  ", "made of: "+strings.Join(a.Properties, ", "))
	}
	if a.Queries != "" {
		w.wrapped("  ", a.Queries)
	}
	if a.Cost != nil {
		w.printf("\n")
		w.table(a.Cost.lines(r.Collection.Objects, r.Collection.Replicas))
	}
	if len(a.Steps) > 0 {
		w.printf("\n")
	}
	for i, s := range a.Steps {
		w.printf("  %d. %s\n", i+1, s)
	}
	if len(a.Notes) > 0 {
		w.printf("\n")
	}
	for _, n := range a.Notes {
		w.wrapped("  - ", n)
	}
}

// writer keeps the first error.
type writer struct {
	out io.Writer
	err error
}

func (w *writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.out.Write(p)
	w.err = err
	return n, err
}

func (w *writer) printf(format string, args ...any) { fmt.Fprintf(w, format, args...) }

// table aligns values.
func (w *writer) table(lines []line) {
	width := 0
	for _, l := range lines {
		width = max(width, len([]rune(l.Label)))
	}
	for _, l := range lines {
		w.printf("  %-*s  %s\n", width, l.Label, l.Value)
	}
}

// lineWidth is where running text is broken.
const lineWidth = 100

// wrapped breaks a text at spaces; its lines after the first are indented as
// deep as the first.
func (w *writer) wrapped(indent, text string) {
	current := indent
	empty := true
	for _, word := range strings.Fields(text) {
		if !empty && len([]rune(current))+1+len([]rune(word)) > lineWidth {
			w.printf("%s\n", current)
			current, empty = strings.Repeat(" ", len([]rune(indent))), true
		}
		if !empty {
			current += " "
		}
		current += word
		empty = false
	}
	w.printf("%s\n", current)
}
