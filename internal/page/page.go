// Package page holds what the HTML pages of the command line tool share: one
// look in light and dark, and the charting library. A page made with it is one
// file that needs no network.
package page

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the style and the charting library
	"html/template"
	"io"
)

//go:embed assets/style.css
var style string

//go:embed assets/echarts.common.min.js.gz
var echarts []byte

//go:embed assets/charts.js
var charts string

// Style is the style sheet, to stand in a <style>.
func Style() template.CSS { return template.CSS(style) }

// Charts is Apache ECharts and the few lines that draw a page's charts with it,
// to stand in a <script> at the end of the body. Each element with the class
// "chart" is drawn from the options in the <script type="application/json"> that
// it holds, in the colours of the page.
func Charts() (template.JS, error) {
	r, err := gzip.NewReader(bytes.NewReader(echarts))
	if err != nil {
		return "", err
	}
	library, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	return template.JS(string(library) + "\n" + charts), nil
}
