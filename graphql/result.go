package graphql

import (
	"math"
	"time"

	"github.com/latentask/latentask/reasoner"
)

// Trace is the part of the latentAsk field that all objects of one result
// share. It is built once and read by every object.
type Trace struct {
	answer  map[string]any
	hops    []any
	timings map[string]any
}

// NewTrace shapes a result for GraphQL.
func NewTrace(r *reasoner.Result) *Trace {
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
	}
	for i := range r.Hops {
		t.hops[i] = hopObject(&r.Hops[i])
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
	}
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
	hop := map[string]any{
		"n":         h.N,
		"action":    h.Action,
		"ids":       ids,
		"distances": floats(h.Distances),
		"focus":     focus,
		"ms": map[string]any{
			"model":  milliseconds(h.Model),
			"search": milliseconds(h.Search),
			"decode": milliseconds(h.Decode),
		},
	}
	// A hop without a vector or words has none, which GraphQL says with null.
	if len(h.Vector) > 0 {
		hop["vector"] = floats(h.Vector)
	}
	if h.Thought != "" {
		hop["thought"] = h.Thought
	}
	if h.Subquery != "" {
		hop["subquery"] = h.Subquery
	}
	return hop
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
