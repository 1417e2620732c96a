package reasoner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/latentask/latentask/internal/bundle"
)

// pendingText is a hop whose latents may have to be told in words.
type pendingText struct {
	hop          *Hop
	think, query []float32 // states
}

// tell puts the latents of hops into words, and holds the lens over them, where
// that was asked for. It runs after the answer, in the question's cache, of which
// nothing else is needed by then, so that asking for it changes nothing else.
// Where there is a budget it may take as long again; what that leaves no time
// for stays without words. Its passes count neither as model time nor as usage.
func (a *asking) tell(ctx context.Context) error {
	usage := a.result.Usage
	defer func() { a.result.Usage = usage }()
	t := timer{now: a.timer.now}
	if a.request.Budget > 0 {
		t.deadline = t.now().Add(a.request.Budget)
	}
	for _, p := range a.pending {
		done := t.since()
		var err error
		if a.request.Lens && t.allows(0) {
			err = a.look(ctx, p)
		}
		if a.request.Decode && err == nil {
			err = a.tellHop(ctx, t, p)
		}
		done(&p.hop.Decode)
		if err != nil {
			return fmt.Errorf("hop %d: decode: %w", p.hop.N, err)
		}
	}
	return nil
}

// tellHop puts the latents of one hop into words, until t's deadline. A text
// that it cuts is left out.
func (a *asking) tellHop(ctx context.Context, t timer, p pendingText) error {
	l := a.layout
	thought, subquery, err := a.model.translate(ctx, p.think, p.query)
	if err != nil {
		return err
	}
	before := a.toldBehind(p.hop)
	for _, text := range []struct {
		into   *string
		prompt []int64
		inject []float32
		limit  int
	}{
		{&p.hop.Thought, l.Prompt.Thought, thought, l.Limits.ThoughtTokens},
		{&p.hop.Subquery, l.Prompt.Subquery, subquery, l.Limits.SubqueryTokens},
	} {
		if !t.allows(0) {
			return nil
		}
		out, err := a.openTold(ctx, slices.Concat(before, text.prompt), text.inject)
		if err != nil {
			return err
		}
		w, err := a.draft(t, out.states).free(ctx, text.limit)
		if err != nil {
			return err
		}
		if !w.cut {
			*text.into = w.text
		}
	}
	return nil
}

// openTold begins a sequence of its own, in place of what the cache holds: a
// prompt, and the latents that are to be told behind it.
func (a *asking) openTold(ctx context.Context, prompt []int64, inject []float32) (output, error) {
	a.cache.keep(0)
	a.cache.of = ofTeller
	tokens := a.layout.injectIDs(slices.Clone(prompt), len(inject)/a.layout.hidden())
	return a.extend(ctx, pass{tokens: tokens, inject: inject, rows: []int64{int64(len(tokens) - 1)}})
}

// toldBehind are the tokens that stand before the prompt of a hop's words: the
// question and the focus, of which its vector was made too; nothing where the
// bundle's latents are told alone.
func (a *asking) toldBehind(hop *Hop) []int64 {
	l := a.layout
	if l.Prompt.Focus == nil {
		return nil
	}
	tokens := slices.Concat(l.Prompt.Question, a.question.tokens)
	if len(hop.Focus) > 0 {
		var words []string
		for _, w := range hop.Focus[:min(len(hop.Focus), bundle.ToldWords)] {
			words = append(words, w.Text)
		}
		ids := a.lm.IDs(spaced(strings.Join(words, ", ")), false)
		tokens = slices.Concat(tokens, l.Prompt.Focus, ids[:min(len(ids), bundle.ToldTokens)])
	}
	return append(tokens, l.Backbone.Newline)
}
