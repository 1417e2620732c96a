package graphql

import (
	"math"
	"time"

	"github.com/latentask/latentask/reasoner"
)

// Details are what the searcher knows of a result and the engine does not.
type Details struct {
	// Hops holds one entry a search, in the order in which they were made.
	Hops []HopSearch
	// Source is where the answer stands, or nil.
	Source *Source
}

// HopSearch is how one hop searched.
type HopSearch struct {
	// Kind is KindVector or KindHybrid.
	Kind string
	// Keywords are the terms that the inverted index was asked, heaviest first.
	Keywords []Keyword
}

// Kinds of a HopSearch.
const (
	KindVector = "vector"
	KindHybrid = "hybrid"
)

// Keyword is a term and how many times it was asked.
type Keyword struct {
	Word   string
	Weight int
}

// Source is a place in a stored property.
type Source struct {
	ID, Property string
	// Index is the place of the value in a text[] property, from 0; -1 in a text
	// property.
	Index int
	// Start and End are characters (Unicode code points) of the stored value.
	Start, End int
}

// Trace is the part of the latentAsk field that all objects of one result
// share. It is built once and read by every object.
type Trace struct {
	answer  map[string]any
	hops    []any
	timings map[string]any
	usage   map[string]any
}

// NewTrace shapes a result for GraphQL.
func NewTrace(r *reasoner.Result, details Details) *Trace {
	t := &Trace{
		answer: map[string]any{
			"text":       r.Answer.Text,
			"confidence": finite(r.Answer.Confidence),
			"abstained":  r.Answer.Abstained,
			"partial":    r.Answer.Partial,
			"stoppedBy":  r.Answer.StoppedBy,
		},
		hops: make([]any, len(r.Hops)),
		timings: map[string]any{
			"totalMs":  milliseconds(r.Timings.Total),
			"modelMs":  milliseconds(r.Timings.Model),
			"searchMs": milliseconds(r.Timings.Search),
			"queueMs":  milliseconds(r.Timings.Queue),
		},
		usage: map[string]any{
			"passes":    r.Usage.Passes,
			"tokensIn":  r.Usage.TokensIn,
			"tokensOut": r.Usage.TokensOut,
		},
	}
	if r.Answer.By != "" {
		t.answer["by"] = string(r.Answer.By)
	}
	if details.Source != nil {
		t.answer["source"] = sourceObject(details.Source)
	}
	searches := details.Hops
	for i := range r.Hops {
		h := &r.Hops[i]
		hop := hopObject(h)
		if h.Action == reasoner.ActionQuery && len(searches) > 0 {
			hop["search"], hop["keywords"] = searches[0].Kind, keywordObjects(searches[0].Keywords)
			searches = searches[1:]
		}
		t.hops[i] = hop
	}
	return t
}

// Object is the value of _additional.latentAsk for the object of e.
func (t *Trace) Object(e reasoner.Evidence) map[string]any {
	return map[string]any{
		"hop":     e.Hop,
		"rank":    e.Rank,
		"answer":  t.answer,
		"hops":    t.hops,
		"timings": t.timings,
		"usage":   t.usage,
	}
}

func sourceObject(s *Source) map[string]any {
	source := map[string]any{"id": s.ID, "property": s.Property, "start": s.Start, "end": s.End}
	if s.Index >= 0 {
		source["index"] = s.Index
	}
	return source
}

func keywordObjects(keywords []Keyword) []any {
	out := make([]any, len(keywords))
	for i, k := range keywords {
		out[i] = map[string]any{"word": k.Word, "weight": k.Weight}
	}
	return out
}

func hopObject(h *reasoner.Hop) map[string]any {
	ids := make([]any, len(h.IDs))
	for i := range h.IDs {
		ids[i] = h.IDs[i]
	}
	focus := make([]any, len(h.Focus))
	for i, w := range h.Focus {
		focus[i] = map[string]any{"word": w.Text, "weight": finite(w.Weight)}
	}
	found := make([]any, len(h.Found))
	for i, f := range h.Found {
		found[i] = map[string]any{
			"id":          f.ID,
			"distance":    finite(f.Distance),
			"score":       finite(f.Score),
			"vectorRank":  f.VectorRank,
			"keywordRank": f.KeywordRank,
			"support":     f.Support,
		}
	}
	hop := map[string]any{
		"n":         h.N,
		"action":    h.Action,
		"ids":       ids,
		"distances": floats(h.Distances),
		"found":     found,
		"focus":     focus,
		"ms": map[string]any{
			"model":  milliseconds(h.Model),
			"search": milliseconds(h.Search),
			"decode": milliseconds(h.Decode),
		},
	}
	// A hop without a vector, words or a lens has none, which GraphQL says with null.
	if len(h.Vector) > 0 {
		hop["vector"] = floats(h.Vector)
	}
	if h.Thought != "" {
		hop["thought"] = h.Thought
	}
	if h.Subquery != "" {
		hop["subquery"] = h.Subquery
	}
	if len(h.Lens) > 0 {
		hop["lens"] = lensObjects(h.Lens)
	}
	return hop
}

func lensObjects(tokens []reasoner.LensToken) []any {
	out := make([]any, len(tokens))
	for i, t := range tokens {
		words := make([]any, len(t.Words))
		for j, w := range t.Words {
			words[j] = map[string]any{"text": w.Text, "weight": finite(w.Weight)}
		}
		focus := make([]any, len(t.Focus))
		for j := range t.Focus {
			focus[j] = t.Focus[j]
		}
		out[i] = map[string]any{"kind": t.Kind, "n": t.N, "words": words, "focus": focus}
	}
	return out
}

func floats(in []float32) []any {
	out := make([]any, len(in))
	for i := range in {
		out[i] = finite(in[i])
	}
	return out
}

// finite keeps a number that JSON cannot write out of a response, where it
// would fail the whole of it.
func finite(f float32) any {
	v := float64(f)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return v
}

// milliseconds to a microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
