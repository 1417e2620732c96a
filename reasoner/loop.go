package reasoner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// latent is the loop of ModeLatent. Each turn is one pass: it reads the
// question, or what the last hop found, and ends in the think and the query
// tokens, so that the action and the query come out of the same pass.
func (a *asking) latent(ctx context.Context) error {
	var reads []*passage
	for n := 1; ; n++ {
		hop := a.newHop(ActionQuery)
		action, err := a.turn(ctx, hop, reads)
		if err != nil {
			return fmt.Errorf("hop %d: %w", n, err)
		}
		if action == ActionAnswer {
			hop.Action = ActionAnswer
			return a.answerNow(ctx, hop, StoppedByAction)
		}
		a.pending = append(a.pending, pendingText{hop, a.think, a.query})

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
			return a.answer(ctx, a.newHop(ActionAnswer), a.reading(reads), short)
		}
	}
}

// anotherHop is the time to read passages, to search once more, and to answer
// from as many new ones.
func (a *asking) anotherHop(reads []*passage) time.Duration {
	l, span := a.layout, a.layout.span(reads)
	return a.pace.reading(span+l.Latent.Think+l.Latent.Query) + a.pace.composing() + a.slowest +
		a.pace.choosing(a.request.PassagesPerHop) +
		a.pace.reading(span+l.Latent.Think+len(l.Prompt.Answer)) + a.pace.writing(l.Limits.AnswerTokens)
}

// turn runs the pass of one hop and returns its action. When it is to query,
// hop has its vector and focus.
//
// The first hop always queries: an operator of a database that answers without
// having looked would be of no use, and the result needs objects to stand on.
func (a *asking) turn(ctx context.Context, hop *Hop, reads []*passage) (string, error) {
	l := a.layout
	tokens, starts := a.opening(reads)
	body := len(tokens)
	tokens = l.queryIDs(l.thinkIDs(tokens))

	// Wanted: the end of each word of the passages, then the latent tokens.
	var rows []int64
	for i, p := range reads {
		for _, c := range p.pieces {
			rows = append(rows, int64(starts[i]+c.state))
		}
	}
	slices.Sort(rows)
	rows = slices.Compact(rows)
	ends := len(rows)
	for i := body; i < len(tokens); i++ {
		rows = append(rows, int64(i))
	}

	done := a.since()
	out, err := a.extend(ctx, pass{tokens: tokens, rows: rows})
	done(&hop.Model)
	if err != nil {
		return "", err
	}

	n := 0
	for _, p := range reads {
		n += len(p.pieces)
	}
	a.candidates.states = slices.Grow(a.candidates.states, n*l.hidden())
	for i, p := range reads {
		for _, c := range p.pieces {
			row, _ := slices.BinarySearch(rows[:ends], int64(starts[i]+c.state))
			a.candidates.ids = append(a.candidates.ids, c.id)
			a.candidates.states = append(a.candidates.states, out.state(row, l.hidden())...)
			a.candidates.places = append(a.candidates.places, place{p.read, c.start, c.end})
		}
	}
	a.think = out.states[ends*l.hidden() : (ends+l.Latent.Think)*l.hidden()]
	a.query = out.states[(ends+l.Latent.Think)*l.hidden():]

	if logits := out.action[2*(ends+l.Latent.Think-1):]; hop.N > 1 && logits[1] > logits[0] {
		return ActionAnswer, nil
	}

	done = a.since()
	vector, gates, err := a.model.compose(ctx, composition{
		query: a.query, question: a.question.pieces,
		pieces: a.candidates.ids, states: a.candidates.states,
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
	return out, nil
}

// search looks for what hop asks and returns the passages that are new to the
// question, best first.
func (a *asking) search(ctx context.Context, hop *Hop, limit int) ([]*passage, error) {
	// The first search is what a question gets at least; later ones may not
	// outlast the budget.
	searchCtx := ctx
	if !a.deadline.IsZero() && hop.N > 1 {
		var cancel context.CancelFunc
		searchCtx, cancel = context.WithDeadline(ctx, a.deadline)
		defer cancel()
	}
	done := a.since()
	got, err := a.searcher.Search(searchCtx, Query{
		Vector:  slices.Clone(hop.Vector),
		Text:    a.question.text,
		Words:   slices.Clone(hop.Focus),
		Limit:   limit,
		Exclude: slices.Clone(a.ids),
	})
	a.slowest = max(a.slowest, done(&hop.Search))
	if err != nil {
		if ctx.Err() == nil && searchCtx.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
			return nil, nil // the budget ended in it
		}
		return nil, fmt.Errorf("hop %d: search: %w", hop.N, err)
	}

	var fresh []*passage
	for _, p := range got {
		if len(fresh) == limit {
			break
		}
		if a.known[p.ID] {
			continue
		}
		a.known[p.ID] = true
		a.ids = append(a.ids, p.ID)
		hop.IDs = append(hop.IDs, p.ID)
		hop.Distances = append(hop.Distances, p.Distance)
		hop.Found = append(hop.Found, Found{p.ID, p.Distance, p.Score, p.VectorRank, p.KeywordRank})
		fresh = append(fresh, &passage{
			Evidence: Evidence{ID: p.ID, Hop: hop.N, Rank: len(fresh) + 1, Distance: p.Distance},
			text:     clean(p.Text),
		})
	}
	a.found = append(a.found, fresh...)
	return fresh, nil
}
