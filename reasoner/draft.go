package reasoner

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// draft is text that the model writes behind what the cache holds. Several texts
// can be written one after the other; each takes over the keys and values that
// the ones before it share with it.
//
// Invariant: behind base the cache holds held, and states[i] is the state behind
// i of its tokens.
type draft struct {
	*asking
	timer
	base   int
	held   []int64
	states [][]float32
	// likeliest[i] is the choice behind i of held, as far as it was made.
	likeliest []choice
}

// choice is a token with its natural log probability.
type choice struct {
	id      int64
	logprob float32
}

// draft begins behind the cache's last token, whose state is given.
func (a *asking) draft(t timer, state []float32) *draft {
	return &draft{asking: a, timer: t, base: len(a.cache.tokens), states: [][]float32{state}}
}

// logprobs are those of the token behind ids, one for each of the vocabulary.
// They are valid until the next call.
func (d *draft) logprobs(ctx context.Context, ids []int64) ([]float32, error) {
	a, done, held := d.asking, d.since(), len(d.held)
	state, err := d.reach(ctx, ids)
	if err != nil {
		return nil, err
	}
	if a.vocabulary == nil {
		a.vocabulary = make([]float32, a.layout.Backbone.Vocab)
	}
	if err := a.model.head(ctx, state, a.vocabulary); err != nil {
		return nil, err
	}
	a.result.Usage.TokensOut++
	if len(d.held) == held+1 {
		a.pace.measure(&a.pace.steps, 1, done())
	}
	return a.vocabulary, nil
}

// reach makes the draft ids and returns the state behind them.
func (d *draft) reach(ctx context.Context, ids []int64) ([]float32, error) {
	shared := 0
	for shared < min(len(ids), len(d.held)) && ids[shared] == d.held[shared] {
		shared++
	}
	d.cache.rollback(len(d.held) - shared)
	d.held, d.states = d.held[:shared], d.states[:shared+1]
	d.likeliest = d.likeliest[:min(len(d.likeliest), shared+1)]
	for _, id := range ids[shared:] {
		out, err := d.cache.extend(ctx, d.model, pass{tokens: []int64{id}, rows: []int64{0}})
		if err != nil {
			return nil, err
		}
		d.result.Usage.Passes++
		d.held = append(d.held, id)
		d.states = append(d.states, out.states)
	}
	return d.states[len(ids)], nil
}

// full says whether another token behind ids would not fit the cache.
func (d *draft) full(ids []int64) bool { return d.base+len(ids) > d.cache.limit }

// note keeps the likeliest token behind ids for a later text.
func (d *draft) note(ids []int64, logprobs []float32) {
	if len(d.likeliest) == len(ids) && slices.Equal(ids, d.held) {
		d.likeliest = append(d.likeliest, likeliest(logprobs))
	}
}

// choose is the likeliest token behind ids.
func (d *draft) choose(ctx context.Context, ids []int64) (choice, error) {
	if n := len(ids); n < len(d.likeliest) && n <= len(d.held) && slices.Equal(ids, d.held[:n]) {
		return d.likeliest[n], nil
	}
	logprobs, err := d.logprobs(ctx, ids)
	if err != nil {
		return choice{}, err
	}
	return likeliest(logprobs), nil
}

// likeliest is the most probable token, of equals the lowest.
func likeliest(logprobs []float32) choice {
	best := choice{0, logprobs[0]}
	for id, p := range logprobs {
		if p > best.logprob {
			best = choice{int64(id), p}
		}
	}
	return best
}

// written is a text of the model's, on one line.
type written struct {
	text    string
	ids     []int64 // its tokens, without one that ended it; the cache may lack the last
	logprob float64 // the mean of its tokens', the one that ended it included if there was one
	cut     bool    // the time was over before the text ended
}

// free decodes greedily, one pass a token, until the model ends the text, limit
// tokens are written, the cache is full, or there is no time for another token.
func (d *draft) free(ctx context.Context, limit int) (written, error) {
	var w written
	var ids []int64
	var sum float64
	scored := 0
	for {
		c, err := d.choose(ctx, ids)
		if err != nil {
			return written{}, err
		}
		if math.IsNaN(float64(c.logprob)) {
			return written{}, fmt.Errorf("the model gave a probability that is not a number")
		}
		// That the text ends here is part of its probability.
		sum += float64(c.logprob)
		scored++
		if d.layout.ends(c.id) {
			break
		}
		ids = append(ids, c.id)
		if len(ids) == limit || d.full(ids) {
			break
		}
		if w.cut = !d.allows(d.pace.writing(1)); w.cut {
			break
		}
	}
	w.ids = ids
	w.text = strings.Join(strings.Fields(d.lm.Decode(ids)), " ")
	w.logprob = sum / float64(scored)
	return w, nil
}
