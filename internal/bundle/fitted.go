package bundle

import (
	"fmt"
	"math"
	"slices"
)

// What is fitted on development questions once the weights are trained. All of
// it is optional in a manifest.

// Action is the rule by which a hop answers. After the search k, from 1, there is
// evidence that all has been read,
//
//	e(k) = margin × (logit of answering − logit of searching) + support × Σ + second × S + newest × max + carry × e(k−1)
//
// where Σ is the sum of the supports of all passages read, S the second greatest
// of them and max the greatest of those that the last hop read, and e(0) is 0.
// The loop ends when
//
//	e(k) + bias + hops[k] > 0
//
// and the last of Hops holds for all further searches. The defaults are those of
// [DefaultAction].
type Action struct {
	Margin  float64 `json:"margin"`
	Support float64 `json:"support"`
	// Second weighs the second greatest support of all passages read, 0 of fewer:
	// evidence is several passages, and of the first there is always one that seems
	// to be it.
	Second float64 `json:"second"`
	Newest float64 `json:"newest"`
	// Carry is how much of the evidence after the search before counts again: one
	// look at what was read errs more often than several.
	Carry float64 `json:"carry"`
	Bias  float64 `json:"bias"`
	// Hops are biases by the number of searches made: how likely it is that all
	// has been read differs more between first and third search than a margin
	// knows. None where it is empty.
	Hops []float64 `json:"hops,omitempty"`
	// Explicit is the bias of the explicit twin, whose margin alone decides.
	Explicit float64 `json:"explicit"`
}

// BiasAfter is the rule's bias after so many searches, 1 or more.
func (a *Action) BiasAfter(searches int) float64 {
	if len(a.Hops) == 0 {
		return a.Bias
	}
	return a.Bias + a.Hops[min(searches, len(a.Hops))-1]
}

// DefaultAction is what a manifest without "action" means: the margin alone.
func DefaultAction() Action { return Action{Margin: 1} }

// Search is how hops search where they search by keywords beside vectors. The
// defaults are those of [DefaultSearch].
type Search struct {
	Alpha          float64 `json:"alpha"`           // weight of the vector side, 0 to 1
	QuestionWeight int     `json:"question_weight"` // how many times each word of the question counts
	FocusWeight    float64 `json:"focus_weight"`    // times a focus word's gate, rounded: how many times it counts
}

// DefaultSearch is what a manifest without "search" means.
func DefaultSearch() Search { return Search{Alpha: 0.35, QuestionWeight: 2, FocusWeight: 3} }

// Names of the ways of answering in Answer.Auto.
const (
	WayFree    = "free"
	WaySpan    = "span"
	WayPointer = "pointer"
)

// Answer is how answers are chosen and trusted. The defaults are those of
// [DefaultAnswer].
type Answer struct {
	Ways struct {
		Free    Calibration `json:"free"`
		Span    Calibration `json:"span"`
		Pointer Calibration `json:"pointer"`
	} `json:"ways"`
	Auto      []string `json:"auto"`      // the ways that AUTO chooses from
	Threshold float64  `json:"threshold"` // confidence below which an answer is an abstention
	// Supports is the sum of supports below which an answer is an abstention: of the
	// Greatest greatest among the passages read, 0 for all. Where it is set it stands
	// for what a span's and a pointed answer's own probabilities say of abstaining,
	// which tell less of it.
	Supports float64 `json:"supports"`
	Greatest int     `json:"greatest"`
	// Passages is how many of the best supported passages an answer is read from,
	// 0 for all.
	Passages int `json:"passages"`
}

// Calibration turns the probability p that a model gives its answer into the
// share of such answers that are right: sigmoid(scale × logit(p) + support × s +
// shift), where s is the support of the passage that a span or a pointed answer
// was taken from, and of others the greatest.
type Calibration struct {
	Scale   float64 `json:"scale"`
	Shift   float64 `json:"shift"`
	Support float64 `json:"support"`
}

// DefaultAnswer is what a manifest without "answer" means.
func DefaultAnswer() Answer {
	a := Answer{Auto: []string{WaySpan}}
	a.Ways.Free.Scale, a.Ways.Span.Scale, a.Ways.Pointer.Scale = 1, 1, 1
	return a
}

// fitted checks what a manifest holds of these.
func (v *validator) fitted(m *Manifest) {
	supported := m.Action.Support != 0 || m.Action.Second != 0 || m.Action.Newest != 0 || m.Answer.Passages != 0 || m.Answer.Supports != 0
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"margin", m.Action.Margin},
		{"support", m.Action.Support},
		{"second", m.Action.Second},
		{"newest", m.Action.Newest},
		{"bias", m.Action.Bias},
		{"explicit", m.Action.Explicit},
	} {
		v.number("action."+f.name, f.value, -1e4, 1e4)
	}
	v.number("action.carry", m.Action.Carry, 0, 1)
	v.within("number of action.hops", len(m.Action.Hops), 0, 100)
	for i, bias := range m.Action.Hops {
		v.number(fmt.Sprintf("action.hops[%d]", i), bias, -1e4, 1e4)
	}

	v.number("search.alpha", m.Search.Alpha, 0, 1)
	v.within("search.question_weight", m.Search.QuestionWeight, 0, 100)
	v.number("search.focus_weight", m.Search.FocusWeight, 0, 100)

	ways := &m.Answer.Ways
	for _, way := range []struct {
		name string
		c    Calibration
	}{{WayFree, ways.Free}, {WaySpan, ways.Span}, {WayPointer, ways.Pointer}} {
		v.number("answer.ways."+way.name+".scale", way.c.Scale, 0, 1e3)
		v.number("answer.ways."+way.name+".shift", way.c.Shift, -1e3, 1e3)
		v.number("answer.ways."+way.name+".support", way.c.Support, 0, 1e3)
		supported = supported || way.c.Support != 0
	}
	v.number("answer.supports", m.Answer.Supports, 0, 1e4)
	v.within("answer.greatest", m.Answer.Greatest, 0, 1<<10)
	v.within("answer.passages", m.Answer.Passages, 0, 1<<10)
	if _, ok := m.Files[SupportFile]; supported && !ok {
		v.addf("action or answer weigh the support of passages, but the bundle has no %s", SupportFile)
	}
	v.number("answer.threshold", m.Answer.Threshold, 0, 1)
	if len(m.Answer.Auto) == 0 {
		v.addf("answer.auto names no way of answering")
	}
	for i, way := range m.Answer.Auto {
		switch {
		case way != WayFree && way != WaySpan && way != WayPointer:
			v.addf("answer.auto: %q is not %s, %s or %s", way, WayFree, WaySpan, WayPointer)
		case slices.Contains(m.Answer.Auto[:i], way):
			v.addf("answer.auto names %s twice", way)
		case way == WayPointer:
			if _, ok := m.Files[PointerFile]; !ok {
				v.addf("answer.auto names %s, but the bundle has no %s", way, PointerFile)
			}
		}
	}
}

func (v *validator) number(field string, value, low, high float64) {
	if math.IsNaN(value) || value < low || value > high {
		v.addf("%s is %v, not %v to %v", field, value, low, high)
	}
}
