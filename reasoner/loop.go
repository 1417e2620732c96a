package reasoner

import (
	"context"
	"fmt"
	"math"
	"time"
)

// turn makes one hop: it reads passages, or the question at the first hop, and
// returns the action. When that is to query, hop has its vector, and asked its
// words for a keyword search.
//
// It leaves in undo how many tokens the cache holds behind the place where an
// answer begins.
type turn func(ctx context.Context, hop *Hop, reads []*passage) (action string, err error)

// loop makes turns until one of them is to answer, or for another reason there is
// no further hop.
func (a *asking) loop(ctx context.Context, turn turn) error {
	var reads []*passage
	for n := 1; ; n++ {
		hop := a.newHop(ActionQuery)
		action, err := turn(ctx, hop, reads)
		if err != nil {
			return fmt.Errorf("hop %d: %w", n, err)
		}
		if action == ActionAnswer {
			hop.Action = ActionAnswer
			return a.answerNow(ctx, hop, StoppedByAction)
		}

		fresh, err := a.search(ctx, hop, a.request.PassagesPerHop)
		switch {
		case err != nil:
			return err
		case !a.allows(0):
			return a.answerLate(ctx)
		case len(fresh) == 0:
			return a.answerNow(ctx, a.newHop(ActionAnswer), StoppedByNoNewPassages)
		}
		var short string
		reads, short, err = a.choose(ctx, hop, fresh)
		switch {
		case err != nil:
			return err
		case len(reads) == 0 && short == "": // found, but without a text
			return a.answerNow(ctx, a.newHop(ActionAnswer), StoppedByNoNewPassages)
		case len(reads) == 0 && short == StoppedByBudget:
			return a.answerLate(ctx)
		case len(reads) == 0:
			return a.answerNow(ctx, a.newHop(ActionAnswer), short)
		case short != "":
		case n == a.request.MaxHops:
			short = StoppedByMaxHops
		case !a.allows(a.anotherHop(reads)):
			short = StoppedByBudget
		}
		if short != "" {
			return a.answer(ctx, a.newHop(ActionAnswer), reads, a.closing(), short)
		}
	}
}

// closing are the tokens behind what was read last, after which an answer begins.
func (a *asking) closing() []int64 { return a.layout.closing(a.request.Mode) }

// anotherHop is the time to read passages, to search once more, and to answer
// from as many new ones.
func (a *asking) anotherHop(reads []*passage) time.Duration {
	l, span, mode := a.layout, a.layout.span(reads), a.request.Mode
	need := a.pace.reading(span+len(l.closing(mode))+l.Latent.Query) + a.pace.composing()
	if mode == ModeExplicit {
		need = a.pace.reading(span+len(l.closing(mode))) + a.pace.writing(l.querying(mode))
	}
	return need + a.slowest + a.pace.choosing(a.request.PassagesPerHop) +
		a.pace.reading(span+len(l.closing(mode))+len(l.Prompt.Answer)) + a.answering()
}

// latentTurn is one pass: it ends in the think and the query tokens, so that the
// action and the query come out of the same pass.
//
// The first hop always queries: an operator of a database that answers without
// having looked would be of no use, and the result needs objects to stand on.
func (a *asking) latentTurn(ctx context.Context, hop *Hop, reads []*passage) (string, error) {
	l := a.layout
	tail := l.queryIDs(l.thinkIDs(nil))
	done := a.since()
	out, err := a.read(ctx, reads, tail, len(tail), true)
	done(&hop.Model)
	if err != nil {
		return "", err
	}
	a.undo = l.Latent.Query
	split := l.Latent.Think * l.hidden()
	think, query := out.states[:split], out.states[split:]
	if hop.N == 1 {
		a.first = len(a.cache.tokens)
	} else {
		done = a.since()
		err := a.weigh(ctx, think[split-l.hidden():])
		done(&hop.Model)
		if err != nil {
			return "", err
		}
		if a.decide(out.action[2*(l.Latent.Think-1):], len(reads), hop.N-1) {
			return ActionAnswer, nil
		}
	}

	done = a.since()
	vector, gates, err := a.model.compose(ctx, composition{
		query: query, question: a.question.pieces,
		pieces: a.candidates.ids, states: a.candidateStates(l.hidden()),
	})
	if err != nil {
		return "", err
	}
	a.pace.measure(&a.pace.vectors, 1, done(&hop.Model))
	for _, v := range vector {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return "", fmt.Errorf("the model made a query vector that is not finite")
		}
	}
	hop.Vector = vector
	hop.Focus = focus(gates, a.candidates.places, float32(l.Latent.FocusThreshold))
	a.asked = a.question.text
	a.pending = append(a.pending, pendingText{hop, think, query})
	return ActionQuery, nil
}

// extend is a pass of several tokens behind what the cache holds.
func (a *asking) extend(ctx context.Context, p pass) (output, error) {
	done := a.since()
	out, err := a.cache.extend(ctx, a.model, p)
	if err != nil {
		return output{}, err
	}
	a.pace.measure(&a.pace.tokens, len(p.tokens), done())
	a.result.Usage.Passes++
	a.result.Usage.TokensIn += len(p.tokens)
	return out, nil
}
