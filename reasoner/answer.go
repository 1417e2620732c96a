package reasoner

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// reading is the pass that reads for the last time: passages and the think
// tokens. There are no query tokens in it, since nothing will be searched.
func (a *asking) reading(reads []*passage) []int64 {
	tokens, _ := a.opening(reads)
	return a.layout.thinkIDs(tokens)
}

// answerNow answers behind the think tokens of the pass just made, whose query
// tokens are rolled back.
func (a *asking) answerNow(ctx context.Context, hop *Hop, stoppedBy string) error {
	a.cache.rollback(a.layout.Latent.Query)
	return a.answer(ctx, hop, nil, stoppedBy)
}

// answerLate ends a question whose budget does not allow to read any of what was
// found last. It answers from the passages read before, if there are any and
// there is time for a word, and else gives the passages alone: an answer for
// which nothing was read is given only where that was asked for, by ModeDirect.
func (a *asking) answerLate(ctx context.Context) error {
	need := a.pace.reading(len(a.layout.Prompt.Answer)) + a.pace.writing(1)
	if len(a.candidates.ids) > 0 && a.allows(need) {
		return a.answerNow(ctx, a.newHop(ActionAnswer), StoppedByBudget)
	}
	a.result.Answer = Answer{Abstained: true, Partial: true, StoppedBy: StoppedByBudget}
	return nil
}

// answer reads tokens and has the model answer behind them.
func (a *asking) answer(ctx context.Context, hop *Hop, tokens []int64, stoppedBy string) error {
	tokens = append(tokens, a.layout.Prompt.Answer...)
	done := a.since()
	w, err := a.write(ctx, a.timer, pass{tokens: tokens}, a.layout.Limits.AnswerTokens)
	done(&hop.Model)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if w.cut {
		stoppedBy = StoppedByBudget
	}
	a.result.Answer = Answer{
		Text:       w.text,
		Confidence: w.confidence,
		Abstained:  w.text == "" || normalise(w.text) == abstainText,
		Partial:    stoppedBy == StoppedByBudget || stoppedBy == StoppedByContext,
		StoppedBy:  stoppedBy,
	}
	return nil
}

// tell puts the latents of hops into words. It runs after the answer, in the
// question's cache, of which nothing else is needed by then, so that asking for
// it changes nothing else. Where there is a budget it may take as long again;
// what that leaves no time for stays without words.
func (a *asking) tell(ctx context.Context) error {
	if !a.request.Decode {
		return nil
	}
	t := timer{now: a.timer.now}
	if a.request.Budget > 0 {
		t.deadline = t.now().Add(a.request.Budget)
	}
	for _, p := range a.pending {
		done := t.since()
		err := a.tellHop(ctx, t, p)
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
		a.cache.rollback(len(a.cache.tokens))
		tokens := l.injectIDs(slices.Clone(text.prompt), len(text.inject)/l.hidden())
		w, err := a.write(ctx, t, pass{tokens: tokens, inject: text.inject}, text.limit)
		if err != nil {
			return err
		}
		if !w.cut {
			*text.into = w.text
		}
	}
	return nil
}

// written is a text of the model's, on one line.
type written struct {
	text       string
	confidence float32
	cut        bool // the time was over before the text ended
}

// write reads p behind what the cache holds and decodes greedily from its last
// token, one pass a token, until the model ends the text, limit tokens are
// written, the cache is full, or t leaves no time for another token.
func (a *asking) write(ctx context.Context, t timer, p pass, limit int) (written, error) {
	p.rows = []int64{int64(len(p.tokens) - 1)}
	out, err := a.extend(ctx, p)
	if err != nil {
		return written{}, err
	}

	var w written
	var ids []int64
	var sum float64
	var scored int
	for {
		done := t.since()
		id, logprob, err := a.model.head(ctx, out.states)
		if err != nil {
			return written{}, err
		}
		// That the text ends here is part of its probability.
		sum += float64(logprob)
		scored++
		if id == a.layout.Backbone.EOS || id == a.layout.Backbone.Newline {
			break
		}
		ids = append(ids, id)
		if len(ids) == limit || a.cache.room() == 0 {
			break
		}
		if w.cut = !t.allows(a.pace.writing(1)); w.cut {
			break
		}
		if out, err = a.cache.extend(ctx, a.model, pass{tokens: []int64{id}, rows: []int64{0}}); err != nil {
			return written{}, err
		}
		a.pace.measure(&a.pace.steps, 1, done())
	}
	w.text = strings.Join(strings.Fields(a.lm.Decode(ids)), " ")
	w.confidence = float32(math.Exp(sum / float64(scored)))
	return w, nil
}
