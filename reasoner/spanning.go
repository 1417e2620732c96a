package reasoner

import (
	"context"
	"fmt"
	"math"
	"slices"
	"unicode"
)

// doubt is the probability of not knowing, at the beginning of an answer, from
// which on a span is an abstention.
const doubt = 0.5

// giveSpan writes the answer under the constraint that it is a span: greedily,
// the likeliest of the tokens that continue one. It ends where the model ends
// it, where its text does, or at the limit, then cut back to the last place
// where a span may end.
func (a *asking) giveSpan(ctx context.Context, d *draft) (given, error) {
	var (
		l       = a.layout
		x       = a.spans(a.reads, a.question)
		active  = x.starts
		end     = []int64{l.Backbone.EOS, l.Backbone.Newline}
		share   = slices.Contains(a.ways, AnswerByFree)
		g       = given{by: AnswerBySpan}
		ids     []int64
		sum     float64 // of log probabilities
		unknown float64 // the probability of beginning to say so

		// The longest whole span written: where, and its mean log probability.
		whole cursor
		mean  float64
		found bool
	)
	for {
		logprobs, err := d.logprobs(ctx, ids)
		if err != nil {
			return given{}, err
		}
		if share {
			d.note(ids, logprobs)
		}
		if len(ids) == 0 {
			unknown = math.Exp(float64(logprobs[a.unknown]))
		}
		id, ok, ends := x.best(active, logprobs, end)
		if !ok {
			break
		}
		p := float64(logprobs[id])
		if math.IsNaN(p) {
			return given{}, fmt.Errorf("the model gave a probability that is not a number")
		}
		sum += p
		if ends {
			whole, _ = x.ender(active)
			mean, found = sum/float64(len(ids)+1), true
			break
		}
		ids = append(ids, id)
		active = x.advance(active, id)
		if c, ok := x.ender(active); ok {
			whole, mean, found = c, sum/float64(len(ids)), true
		}
		if len(ids) == l.Limits.AnswerTokens || !x.goesOn(active) || d.full(ids) {
			break
		}
		if g.cut = !d.allows(a.pace.writing(1)); g.cut {
			break
		}
	}
	g.trust = 1 - unknown
	if !found {
		g.abstained, g.logprob = true, math.Inf(-1)
		return g, nil
	}
	t, start, stop := x.place(whole)
	g.text, g.logprob, g.abstained = t.text[start:stop], mean, unknown > doubt
	if t.passage != nil && hasSource(g.text) {
		g.source = t.passage.source(start, stop)
	}
	return g, nil
}

// hasSource says whether an answer is one that stands in a text: a judgement
// stands nowhere, "unknown" is none, and neither are punctuation and articles.
func hasSource(answer string) bool {
	switch normalise(answer) {
	case "", "yes", "no", abstainText:
		return false
	}
	return true
}

// standsIn is the first place in a passage read where a text stands word for
// word, but for case.
func (a *asking) standsIn(text string) *Source {
	if text == "" || !hasSource(text) {
		return nil
	}
	for _, p := range a.reads {
		for _, part := range p.parts {
			if start, end, ok := find(p.read[:part.at+part.n], part.at, text); ok {
				return p.source(start, end)
			}
		}
	}
	return nil
}

// find looks for a text from byte from on, between edges of words and whatever
// the case.
func find(in string, from int, text string) (start, end int, ok bool) {
	first := []rune(text)[0]
	for i, r := range in[from:] {
		if !sameLetter(r, first) || !edge(in, from+i) {
			continue
		}
		if n := match(in[from+i:], text); n > 0 && edge(in, from+i+n) {
			return from + i, from + i + n, true
		}
	}
	return 0, 0, false
}

// match is how many bytes of in a text takes at its beginning, 0 where something
// else stands there.
func match(in, text string) int {
	n := 0
	rest := []rune(text)
	for i, r := range in {
		if n == len(rest) {
			return i
		}
		if !sameLetter(r, rest[n]) {
			return 0
		}
		n++
	}
	if n < len(rest) {
		return 0
	}
	return len(in)
}

// sameLetter compares two characters whatever their case.
func sameLetter(a, b rune) bool {
	if a == b {
		return true
	}
	for r := unicode.SimpleFold(a); r != a; r = unicode.SimpleFold(r) {
		if r == b {
			return true
		}
	}
	return false
}
