// Package tracepage draws one answered question as an HTML page: what each hop
// looked for and found, what the model's latents say in words, where the answer
// stands, and where the time went. The page is one file that needs no network.
package tracepage

import (
	_ "embed" // the page's template
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/fit"
	"github.com/latentask/latentask/internal/page"
)

//go:embed trace.html
var source string

var pageTemplate = template.Must(template.New("trace").Parse(source))

// Question is what was asked, for the head of the page.
type Question struct {
	Text, Collection, URL string
	// Show are the properties that are shown of a passage, in order.
	Show []string
}

// Write writes the page of a reply that was asked for with Details, and with
// Decode and Lens where their parts are to be shown.
func Write(out io.Writer, q Question, reply *client.Reply) error {
	return pageTemplate.Execute(out, newView(q, reply))
}

// view is what the template is given: everything in words, in order.
type view struct {
	Style      template.CSS
	Question   Question
	Answer     client.Answer
	Confidence string
	StoppedBy  string
	Source     *passage
	Usage      client.Usage
	Total      string
	Times      []segment
	Hops       []hop
}

type hop struct {
	N                 int
	Search            string
	Ms                string
	Thought, Subquery string
	Focus, Keywords   []chip
	Hybrid            bool
	Passages          []passage
	Lens              []latent
}

// chip is a word with a weight: Strength, 0 to 100, is how strong it is drawn.
type chip struct {
	Text, Weight string
	Strength     int
}

type passage struct {
	// Anchor names it on the page; Cut tells that the limit left its text out.
	Anchor                             string
	Rank                               int
	Title                              string
	Texts                              []text
	Distance, Score, Vectors, Keywords string
	Holds, Cut                         bool
}

// text is a value of a property, in three parts where the answer stands in it.
type text struct{ Before, Mark, After string }

// Short tells whether it is one word, as keys and numbers are.
func (t text) Short() bool { return t.Mark == "" && !strings.ContainsAny(t.Before, " \n\t") }

type latent struct {
	Name  string
	Words []chip
	Focus []string
}

// segment is a part of the time: Share in percent of the whole.
type segment struct {
	Name, Kind, Ms, Share string
}

// stopped says in words why a loop ended.
var stopped = map[string]string{
	"action":          "the model chose to answer",
	"max_hops":        "the most hops were made",
	"no_new_passages": "a search found nothing new",
	"budget":          "the time was up",
	"context":         "the model's context was full",
	"single":          "one search was asked for",
	"direct":          "no reading was asked for",
	"repeated":        "the answer repeated itself",
}

func newView(q Question, reply *client.Reply) *view {
	v := &view{
		Style: page.Style(), Question: q, Answer: reply.Answer, Usage: reply.Usage,
		Confidence: fmt.Sprintf("%.2f", reply.Answer.Confidence),
		StoppedBy:  reply.Answer.StoppedBy, Total: ms(reply.Timings.TotalMs),
	}
	if words, ok := stopped[v.StoppedBy]; ok {
		v.StoppedBy = words
	}
	byID := make(map[string]client.Object, len(reply.Objects))
	for _, o := range reply.Objects {
		byID[o.ID] = o
	}
	for _, h := range reply.Hops {
		if h.Action == "query" {
			v.Hops = append(v.Hops, newHop(q, &h, byID, reply.Answer.Source))
		}
	}
	for i := range v.Hops {
		for j := range v.Hops[i].Passages {
			if p := &v.Hops[i].Passages[j]; p.Holds {
				v.Source = p
			}
		}
	}
	v.Times = segments(reply)
	return v
}

func newHop(q Question, h *client.Hop, byID map[string]client.Object, source *client.Source) hop {
	out := hop{
		N: h.N, Search: h.Search, Hybrid: h.Search == "hybrid", Ms: ms(h.Ms.Model + h.Ms.Search),
		Thought: h.Thought, Subquery: h.Subquery,
	}
	for _, w := range h.Focus {
		out.Focus = append(out.Focus, chip{w.Word, fmt.Sprintf("%.2f", w.Weight), strength(w.Weight)})
	}
	most := 0.0
	for _, w := range h.Keywords {
		most = max(most, w.Weight)
	}
	for _, w := range h.Keywords {
		out.Keywords = append(out.Keywords, chip{w.Word, fmt.Sprintf("×%.0f", w.Weight), strength(w.Weight / max(most, 1))})
	}
	for i, id := range h.IDs {
		p := newPassage(q, id, byID, source)
		p.Rank, p.Anchor = i+1, fmt.Sprintf("p%d-%d", h.N, i+1)
		switch {
		case i < len(h.Found):
			f := h.Found[i]
			p.Vectors, p.Keywords = rank(f.VectorRank), rank(f.KeywordRank)
			p.Score = fmt.Sprintf("%.3f", f.Score)
			if f.Distance != nil {
				p.Distance = fmt.Sprintf("%.3f", *f.Distance)
			}
		case i < len(h.Distances):
			p.Distance = fmt.Sprintf("%.3f", h.Distances[i])
		}
		out.Passages = append(out.Passages, p)
	}
	for _, l := range h.Lens {
		latent := latent{Name: fmt.Sprintf("%s %d", l.Kind, l.N), Focus: l.Focus}
		for _, w := range l.Words {
			latent.Words = append(latent.Words, chip{visible(w.Text), fmt.Sprintf("%.0f%%", 100*w.Weight), strength(w.Weight)})
		}
		out.Lens = append(out.Lens, latent)
	}
	return out
}

func newPassage(q Question, id string, byID map[string]client.Object, source *client.Source) passage {
	o, ok := byID[id]
	if !ok {
		return passage{Title: id, Cut: true}
	}
	p := passage{Holds: source != nil && source.ID == id}
	head := ""
	for _, name := range fit.Headings {
		if t, _ := o.Properties[name].(string); t != "" && slices.Contains(q.Show, name) {
			head, p.Title = name, t
			break
		}
	}
	for _, name := range q.Show {
		for i, value := range values(o.Properties[name]) {
			parts := text{Before: value}
			if p.Holds && source.Property == name && (source.Index == nil || *source.Index == i) {
				parts = split(value, source.Start, source.End)
			}
			// A title in which the answer stands is shown twice, once with its mark.
			if value != "" && (name != head || parts.Mark != "") {
				p.Texts = append(p.Texts, parts)
			}
		}
	}
	return p
}

// values are the strings of a text or text[] property.
func values(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			s, _ := e.(string)
			out = append(out, s)
		}
		return out
	default:
		return nil
	}
}

// split cuts a text at two places in characters. Places outside of it leave it
// whole.
func split(s string, start, end int) text {
	runes := []rune(s)
	if start < 0 || end > len(runes) || start >= end {
		return text{Before: s}
	}
	return text{string(runes[:start]), string(runes[start:end]), string(runes[end:])}
}

// visible shows the white space of a token, which is part of it.
func visible(token string) string {
	switch trimmed := strings.TrimSpace(token); {
	case trimmed != "":
		return trimmed
	case strings.Contains(token, "\n"):
		return "↵"
	default:
		return "␣"
	}
}

func strength(weight float64) int { return int(math.Round(100 * min(max(weight, 0), 1))) }

func rank(n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprint(n)
}

func ms(f float64) string {
	if f < 10 {
		return fmt.Sprintf("%.1f ms", f)
	}
	return fmt.Sprintf("%.0f ms", f)
}

// segments are the parts of the time in their order, those below a thousandth
// of it left out.
func segments(reply *client.Reply) []segment {
	total := reply.Timings.TotalMs
	for _, h := range reply.Hops {
		total = max(total, h.Ms.Model+h.Ms.Search+h.Ms.Decode)
	}
	if total <= 0 {
		return nil
	}
	var out []segment
	rest := total
	add := func(name, kind string, took float64) {
		if took >= total/1000 {
			out = append(out, segment{name, kind, ms(took), fmt.Sprintf("%.2f", 100*took/total)})
		}
		rest -= took
	}
	add("queue", "queue", reply.Timings.QueueMs)
	for _, h := range reply.Hops {
		if h.Action != "query" {
			add("answer, model", "model", h.Ms.Model)
			continue
		}
		add(fmt.Sprintf("hop %d, model", h.N), "model", h.Ms.Model)
		add(fmt.Sprintf("hop %d, search", h.N), "search", h.Ms.Search)
	}
	for _, h := range reply.Hops {
		add(fmt.Sprintf("hop %d, into words", h.N), "decode", h.Ms.Decode)
	}
	add("rest", "rest", rest)
	return out
}
