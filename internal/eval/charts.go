package eval

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

// chart is one plot of the page.
type chart struct {
	Title, Caption string
	Tall           bool
	// Options are Apache ECharts' own.
	Options map[string]any
}

// validated is what go-echarts' charts have in common that is used here.
type validated interface {
	Validate()
	JSON() map[string]any
}

func newChart(title, caption string, c validated) chart {
	c.Validate()
	options := c.JSON()
	delete(options, "color") // the theme's, which differ in light and dark
	return chart{Title: title, Caption: caption, Options: options}
}

// metricTitles are those of metrics, in their order.
var metricTitles = []string{"exact match", "F1", "gold found", "all found"}

// charts are the plots that the figures allow.
func (r *Report) charts() []chart {
	var list []chart
	add := func(c chart, ok bool) {
		if ok {
			list = append(list, c)
		}
	}
	add(r.scoreChart())
	add(r.timeChart())
	for i, m := range metrics {
		add(r.differenceChart(m, metricTitles[i]))
	}
	for _, i := range []int{2, 0} {
		add(r.kindChart(metrics[i], metricTitles[i]))
	}
	add(r.calibrationChart())
	add(r.riskChart())
	return list
}

// present are the modes that have figures, in their order.
func (r *Report) present() []Mode {
	return slices.DeleteFunc(slices.Clone(Modes), func(m Mode) bool { return r.Modes[m] == nil })
}

// kindNames are the kinds of question.
func (r *Report) kindNames() []string {
	names := map[string]bool{}
	for _, f := range r.Modes {
		for kind := range f.Types {
			names[kind] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// value of a share in percent for a chart, with one digit; nil leaves a gap.
func value(share *float64) any {
	if share == nil {
		return nil
	}
	return tenths(100 * *share)
}

func tenths(f float64) float64 { return math.Round(10*f) / 10 }

func bars(categories []string, unit string) *charts.Bar {
	bar := charts.NewBar()
	bar.SetGlobalOptions(
		charts.WithTooltipOpts(opts.Tooltip{Show: opts.Bool(true), Trigger: "axis"}),
		charts.WithLegendOpts(opts.Legend{Show: opts.Bool(true), Top: "0"}),
		charts.WithGridOpts(opts.Grid{Left: "8", Right: "8", Top: "44", Bottom: "4", ContainLabel: opts.Bool(true)}),
		charts.WithYAxisOpts(opts.YAxis{Name: unit}),
	)
	bar.SetXAxis(categories)
	return bar
}

func (r *Report) scoreChart() (chart, bool) {
	bar := bars(metricTitles, "%")
	for _, m := range r.present() {
		f := r.Modes[m]
		var data []opts.BarData
		for _, v := range []*float64{f.EM, f.F1, f.GoldFound, f.AllFound} {
			data = append(data, opts.BarData{Value: value(v)})
		}
		bar.AddSeries(string(m), data)
	}
	return newChart("Answers and passages", "Means over the questions, in percent", bar), len(r.Modes) > 0
}

func (r *Report) timeChart() (chart, bool) {
	var names []string
	var p50, p95 []opts.BarData
	for _, m := range r.present() {
		names = append(names, string(m))
		p50 = append(p50, opts.BarData{Value: math.Round(r.Modes[m].P50Ms)})
		p95 = append(p95, opts.BarData{Value: math.Round(r.Modes[m].P95Ms)})
	}
	bar := bars(names, "ms")
	bar.AddSeries("median", p50)
	bar.AddSeries("95th percentile", p95)
	return newChart("Time of a question", "Milliseconds in the node, one question at a time", bar), len(names) > 0
}

// differenceChart draws each pair's difference as a dot on its interval.
func (r *Report) differenceChart(m metric, title string) (chart, bool) {
	var names []string
	var dots []opts.ScatterData
	line := charts.NewLine()
	modes := r.present()
	// From the last pair to the first: the axis grows upwards.
	for i := len(modes) - 1; i >= 0; i-- {
		for j := len(modes) - 1; j > i; j-- {
			d, ok := r.Difference(modes[i], modes[j], m.name)
			if !ok {
				continue
			}
			at := len(names)
			names = append(names, fmt.Sprintf("%s − %s", d.A, d.B))
			dots = append(dots, opts.ScatterData{Value: []any{tenths(100 * d.Difference), at}, SymbolSize: 9})
			line.AddSeries("interval", []opts.LineData{
				{Value: []any{tenths(100 * d.Low), at}, Symbol: "none"}, {Value: []any{tenths(100 * d.High), at}, Symbol: "none"},
			}, charts.WithLineStyleOpts(opts.LineStyle{Width: 3, Color: "#7f93c4"}))
		}
	}
	line.SetGlobalOptions(
		charts.WithLegendOpts(opts.Legend{Show: opts.Bool(false)}),
		charts.WithGridOpts(opts.Grid{Left: "8", Right: "20", Top: "10", Bottom: "8", ContainLabel: opts.Bool(true)}),
		charts.WithXAxisOpts(opts.XAxis{Type: "value"}),
		charts.WithYAxisOpts(opts.YAxis{Type: "category", Data: names}),
	)
	scatter := charts.NewScatter()
	scatter.AddSeries("difference", dots, charts.WithItemStyleOpts(opts.ItemStyle{Color: "#3b66d6"}))
	line.Overlap(scatter)
	c := newChart("Differences in "+title, "Points, with 95% intervals (paired bootstrap over questions)", line)
	c.Tall = len(names) > 6
	return c, len(names) > 0
}

func (r *Report) kindChart(m metric, title string) (chart, bool) {
	kinds := r.kindNames()
	bar := bars(kinds, "%")
	some := false
	for _, mode := range r.present() {
		var data []opts.BarData
		has := false
		for _, kind := range kinds {
			k := r.Modes[mode].Types[kind]
			v := m.of(&Scores{EM: k.EM, F1: k.F1, GoldFound: k.GoldFound, AllFound: k.AllFound})
			has = has || v != nil
			data = append(data, opts.BarData{Value: value(v)})
		}
		if has {
			bar.AddSeries(string(mode), data)
			some = true
		}
	}
	return newChart("By type of question: "+title, "In percent", bar), some && len(kinds) > 1
}

// curves is a line chart of points between 0 and 1.
func curves(x, y string) *charts.Line {
	line := charts.NewLine()
	line.SetGlobalOptions(
		charts.WithTooltipOpts(opts.Tooltip{Show: opts.Bool(true)}),
		charts.WithLegendOpts(opts.Legend{Show: opts.Bool(true), Top: "0"}),
		charts.WithGridOpts(opts.Grid{Left: "8", Right: "24", Top: "70", Bottom: "28", ContainLabel: opts.Bool(true)}),
		charts.WithXAxisOpts(opts.XAxis{Type: "value", Name: x, NameLocation: "middle", NameGap: 26, Min: 0, Max: 1}),
		charts.WithYAxisOpts(opts.YAxis{Type: "value", Name: y, Min: 0, Max: 1}),
	)
	return line
}

func (r *Report) calibrationChart() (chart, bool) {
	line := curves("confidence", "share right")
	some := false
	for _, m := range r.present() {
		c := r.Modes[m].Calibration
		if c == nil {
			continue
		}
		some = true
		var data []opts.LineData
		for _, b := range c.Bins {
			data = append(data, opts.LineData{Value: []any{thousandths(b.Confidence), thousandths(b.Right)}, Symbol: "circle", SymbolSize: 7})
		}
		line.AddSeries(fmt.Sprintf("%s %.3f", m, c.ECE), data)
	}
	line.AddSeries("as sure as right", []opts.LineData{{Value: []any{0, 0}, Symbol: "none"}, {Value: []any{1, 1}, Symbol: "none"}},
		charts.WithLineStyleOpts(opts.LineStyle{Type: "dashed", Width: 1, Color: "#8a8f98"}))
	return newChart("Confidence of answers", "Ten bins of confidence: how many of their answers were right. The numbers are expected calibration errors", line), some
}

func (r *Report) riskChart() (chart, bool) {
	line := curves("coverage", "risk")
	some := false
	for _, m := range r.present() {
		points := r.Modes[m].RiskCoverage
		if len(points) == 0 {
			continue
		}
		some = true
		var data []opts.LineData
		for _, p := range points {
			data = append(data, opts.LineData{Value: []any{thousandths(p.Coverage), thousandths(p.Risk)}, Symbol: "none"})
		}
		line.AddSeries(string(m), data)
	}
	return newChart("Risk and coverage", "The share of wrong answers among those given, by the share of questions that are answered when the least sure abstain", line), some
}

func thousandths(f float64) float64 { return math.Round(1000*f) / 1000 }
