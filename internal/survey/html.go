package survey

import (
	stdbytes "bytes"
	_ "embed" // the page's template
	"fmt"
	"html/template"
	"math"
	"os"
	"path/filepath"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"

	"github.com/latentask/latentask/internal/fit"
	"github.com/latentask/latentask/internal/page"
)

//go:embed survey.html
var surveyHTML string

var surveyTemplate = template.Must(template.New("survey").Funcs(template.FuncMap{
	"display": display,
	"percent": percent,
	"number":  func(f float64, digits int) string { return fmt.Sprintf("%.*f", digits, f) },
	"verdict": func(v *Vector, retriever string) string { return v.verdict(retriever) },
	"spread":  spread,
}).Parse(surveyHTML))

// surveyPage is what the template is given.
type surveyPage struct {
	*Report
	Style    template.CSS
	Script   template.JS
	Headline string
	Facts    []line
	Costs    []line
	Whole    []whole
	Vectors  []vectorPart
}

// whole is the lengths of all of an object's text.
type whole struct {
	Name    string
	Lengths fit.Lengths
}

// vectorPart is a vector with its charts.
type vectorPart struct {
	*Vector
	Charts []chart
}

// chart is one plot: Options are Apache ECharts' own.
type chart struct {
	Title, Caption string
	Options        map[string]any
}

// WriteHTML writes the report's page, one file that needs no network.
func (r *Report) WriteHTML(path string) error {
	script, err := page.Charts()
	if err != nil {
		return err
	}
	p := surveyPage{
		Report: r, Style: page.Style(), Script: script, Headline: r.Advice.headline(), Facts: r.facts(),
		Whole: []whole{{"all, for the retriever", r.Text.Retriever}, {"all, for the reader", r.Text.Reader}},
	}
	if c := r.Advice.Cost; c != nil {
		p.Costs = c.lines(r.Collection.Objects, r.Collection.Replicas)
	}
	for i := range r.Vectors {
		v := &r.Vectors[i]
		p.Vectors = append(p.Vectors, vectorPart{v, v.charts()})
	}
	var b stdbytes.Buffer
	if err := surveyTemplate.Execute(&b, p); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// charts are the plots that a vector's figures allow.
func (v *Vector) charts() []chart {
	var list []chart
	if v.Fit != nil && len(v.Fit.Objects) > 0 {
		var names []string
		var data []opts.BarData
		for i, o := range v.Fit.Objects {
			names = append(names, fmt.Sprint(i+1))
			data = append(data, opts.BarData{Value: thousandths(o.Cosine), Name: o.ID})
		}
		list = append(list, bars("Objects embedded again",
			fmt.Sprintf("Cosine with the stored vector, an object each; the median must be at least %.2f", v.Fit.Needed), "cosine", names, data))
	}
	if v.Space != nil {
		var names []string
		var data []opts.BarData
		for _, b := range v.Space.Histogram {
			names = append(names, fmt.Sprintf("%.2f", b.From))
			data = append(data, opts.BarData{Value: math.Round(1000*b.Share) / 10})
		}
		list = append(list, bars("Cosine between random objects",
			fmt.Sprintf("Share of %s pairs, in bins of %.2f", grouped(v.Space.Pairs), fit.BinWidth), "%", names, data))
	}
	return list
}

func bars(title, caption, unit string, names []string, data []opts.BarData) chart {
	bar := charts.NewBar()
	bar.SetGlobalOptions(
		charts.WithTooltipOpts(opts.Tooltip{Show: opts.Bool(true), Trigger: "axis"}),
		charts.WithLegendOpts(opts.Legend{Show: opts.Bool(false)}),
		charts.WithGridOpts(opts.Grid{Left: "8", Right: "8", Top: "36", Bottom: "4", ContainLabel: opts.Bool(true)}),
		charts.WithYAxisOpts(opts.YAxis{Name: unit}),
	)
	bar.SetXAxis(names)
	bar.AddSeries(title, data)
	bar.Validate()
	options := bar.JSON()
	delete(options, "color") // the theme's, which differ in light and dark
	return chart{Title: title, Caption: caption, Options: options}
}

func thousandths(f float64) float64 { return math.Round(1000*f) / 1000 }
