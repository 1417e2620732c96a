package reasoner

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// weigh asks how likely each passage read is one that the answer rests on, given
// the state that the action is read from, and notes it with the passages, and all
// of them in held. A passage without words has no support.
func (a *asking) weigh(ctx context.Context, think []float32) error {
	a.held = nil
	if !a.layout.hasSupport() {
		return nil
	}
	h := a.layout.hidden()
	var reads []*passage
	var states []float32
	for i, p := range a.reads {
		p.Support = 0
		if end := a.ends[i]; end >= 0 {
			reads = append(reads, p)
			states = append(states, a.states[end*h:(end+1)*h]...)
		}
	}
	if len(reads) == 0 {
		return nil
	}
	supports, err := a.model.support(ctx, think, states)
	if err != nil {
		return err
	}
	for i, p := range reads {
		if p.Support = supports[i]; math.IsNaN(float64(p.Support)) {
			return fmt.Errorf("the support of a passage is not a number")
		}
		a.held = append(a.held, float64(p.Support))
	}
	slices.SortFunc(a.held, func(x, y float64) int { return cmp.Compare(y, x) })
	return nil
}

// support is the sum of the n greatest supports of what was read, of all for 0.
func (a *asking) support(n int) float64 {
	held := a.held
	if n > 0 && n < len(held) {
		held = held[:n]
	}
	sum := 0.0
	for _, s := range held {
		sum += s
	}
	return sum
}

// decide applies the bundle's rule: whether to answer, by the action's logits of
// (query, answer), the supports of what was read, newest of it by the last hop,
// and the searches made. It keeps the evidence; it is asked once after each search.
func (a *asking) decide(logits []float32, newest, searches int) bool {
	rule := &a.layout.Action
	fresh := float32(0)
	for _, p := range a.reads[len(a.reads)-newest:] {
		fresh = max(fresh, p.Support)
	}
	margin := float64(logits[1]) - float64(logits[0])
	second := 0.0
	if len(a.held) > 1 {
		second = a.held[1]
	}
	a.weighed = rule.Margin*margin + rule.Support*a.support(0) + rule.Second*second + rule.Newest*float64(fresh) + rule.Carry*a.weighed
	return a.weighed+rule.BiasAfter(searches) > 0
}

// abstains tells whether g, whatever its confidence, is given as an abstention:
// because too little of what was read supports an answer, or, of a free answer
// and where the bundle has no such rule, because the model says so itself.
func (a *asking) abstains(g given) bool {
	rule := &a.layout.Answer
	if rule.Supports == 0 || a.request.Mode == ModeDirect || a.request.Mode == ModeExplicit {
		return g.abstained
	}
	return a.support(rule.Greatest) < rule.Supports || g.by == AnswerByFree && g.abstained
}

// best are the passages that the answer is read from, in reading order: as many
// of the best supported as the bundle says, of equals those read first.
func (a *asking) best() []*passage {
	most := a.layout.Answer.Passages
	if most == 0 || len(a.reads) <= most {
		return a.reads
	}
	order := slices.Clone(a.reads)
	slices.SortStableFunc(order, func(x, y *passage) int { return cmp.Compare(y.Support, x.Support) })
	chosen := order[:most]
	kept := slices.Clone(a.reads)
	return slices.DeleteFunc(kept, func(p *passage) bool { return !slices.Contains(chosen, p) })
}

// readAgain has the model read passages anew, as the only ones, behind what it
// read before the first passage, and closing and prompt behind them.
func (a *asking) readAgain(ctx context.Context, passages []*passage, tail []int64) (output, error) {
	a.cache.keep(a.first)
	a.forget()
	return a.read(ctx, passages, tail, 1, true)
}

// supported is the support of the passage that an answer was taken from; of one
// that was taken from none, as a free one, the greatest.
func (a *asking) supported(g given) float64 {
	greatest := float32(0)
	for _, p := range a.reads {
		if g.by != AnswerByFree && g.source != nil && p.ID == g.source.ID {
			return float64(p.Support)
		}
		greatest = max(greatest, p.Support)
	}
	return float64(greatest)
}
