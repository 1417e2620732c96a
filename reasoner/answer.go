package reasoner

import (
	"context"
	"fmt"
	"math"
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

// answerLate ends a loop whose budget does not allow to read what was found
// last: it answers from what was read before, if there is such and there is
// time, and else gives the passages alone.
func (a *asking) answerLate(ctx context.Context) error {
	need := a.pace.reading(len(a.layout.Prompt.Answer)) + a.pace.writing(a.layout.Limits.AnswerTokens)
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
	w, err := a.write(ctx, a.cache, pass{tokens: tokens}, a.layout.Limits.AnswerTokens)
	done(&hop.Model)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
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

// tell puts the latents of hops into words. It runs after the answer, in a
// cache of its own, so that asking for it changes nothing else; hops that the
// budget leaves no time for stay without words.
func (a *asking) tell(ctx context.Context) error {
	l := a.layout
	if !a.request.Decode || len(a.pending) == 0 {
		return nil
	}
	c, err := a.caches.get(max(
		len(l.Prompt.Thought)+l.Latent.Think+l.Limits.ThoughtTokens,
		len(l.Prompt.Subquery)+l.Latent.Query+l.Limits.SubqueryTokens,
	))
	if err != nil {
		return err
	}
	defer a.giveBack(c)
	for _, p := range a.pending {
		if !a.allows(0) {
			return nil
		}
		done := a.since()
		thought, subquery, err := a.model.translate(ctx, p.think, p.query)
		if err != nil {
			return fmt.Errorf("hop %d: decode: %w", p.hop.N, err)
		}
		for _, t := range []struct {
			into   *string
			prompt []int64
			inject []float32
			limit  int
		}{
			{&p.hop.Thought, l.Prompt.Thought, thought, l.Limits.ThoughtTokens},
			{&p.hop.Subquery, l.Prompt.Subquery, subquery, l.Limits.SubqueryTokens},
		} {
			c.rollback(len(c.tokens))
			tokens := l.injectIDs(append([]int64(nil), t.prompt...), len(t.inject)/l.hidden())
			w, err := a.write(ctx, c, pass{tokens: tokens, inject: t.inject}, t.limit)
			if err != nil {
				return fmt.Errorf("hop %d: decode: %w", p.hop.N, err)
			}
			*t.into = w.text
		}
		done(&p.hop.Decode)
	}
	return nil
}

// written is a text of the model's, on one line.
type written struct {
	text       string
	confidence float32
}

// write reads p behind what c holds and decodes greedily from its last token,
// one pass a token, until the model ends the text, limit tokens are written, or
// c is full.
func (a *asking) write(ctx context.Context, c *cache, p pass, limit int) (written, error) {
	p.rows = []int64{int64(len(p.tokens) - 1)}
	done := a.since()
	out, err := c.extend(ctx, a.model, p)
	if err != nil {
		return written{}, err
	}
	a.pace.read(len(p.tokens), done())

	var ids []int64
	var sum float64
	var scored int
	for {
		done := a.since()
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
		if len(ids) == limit || c.room() == 0 {
			break
		}
		if out, err = c.extend(ctx, a.model, pass{tokens: []int64{id}, rows: []int64{0}}); err != nil {
			return written{}, err
		}
		a.pace.step = max(a.pace.step, done())
	}
	return written{
		text:       strings.Join(strings.Fields(a.lm.Decode(ids)), " "),
		confidence: float32(math.Exp(sum / float64(scored))),
	}, nil
}
