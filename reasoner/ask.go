package reasoner

import (
	"context"
	"fmt"
	"time"
)

// asking is one question on its way through the engine, on one goroutine.
type asking struct {
	*Engine
	timer
	slowest time.Duration // of the searches made

	request  Request // defaults filled in
	question questionText
	searcher Searcher
	cache    *cache

	hops       []*Hop
	found      []*passage // in the order of finding
	ids        []string   // theirs
	known      map[string]bool
	candidates candidates
	think      []float32 // states of the last pass
	query      []float32
	pending    []pendingText
	result     Result
}

// pendingText is a hop whose latents may have to be told in words.
type pendingText struct {
	hop          *Hop
	think, query []float32
}

func (a *asking) newHop(action string) *Hop {
	h := &Hop{N: len(a.hops) + 1, Action: action}
	a.hops = append(a.hops, h)
	return h
}

// run answers the question in its mode and fills in the result.
func (a *asking) run(ctx context.Context) error {
	r, hops := &a.request, a.request.MaxHops
	if r.Mode == ModeDirect {
		hops = 0 // nothing is read
	}
	c, err := a.caches.get(a.layout.longest(len(a.question.tokens), hops, r.PassagesPerHop))
	if err != nil {
		return err
	}
	a.cache = c
	defer a.giveBack(c)

	switch r.Mode {
	case ModeSingle, ModeDirect:
		err = a.plain(ctx)
	default:
		err = a.latent(ctx)
	}
	if err != nil {
		return err
	}
	if err := a.tell(ctx); err != nil {
		return err
	}
	for _, h := range a.hops {
		a.result.Hops = append(a.result.Hops, *h)
		a.result.Timings.Model += h.Model
		a.result.Timings.Search += h.Search
	}
	a.result.Evidence = evidence(a.found, a.result.Answer)
	return nil
}

// giveBack ends the use of a cache. What goes wrong in freeing one is of no
// consequence to the question: it has its answer.
func (a *asking) giveBack(c *cache) { _ = a.caches.put(c) }

// plain is ModeSingle and ModeDirect: one search by the question's own
// embedding, for as many passages as the loop could find, and an answer from
// those that fit, or from none.
func (a *asking) plain(ctx context.Context) error {
	hop := a.newHop(ActionQuery)
	done := a.since()
	vector, err := a.Embed(ctx, a.question.text)
	done(&hop.Model)
	if err != nil {
		return fmt.Errorf("embed the question: %w", err)
	}
	hop.Vector = vector

	limit := a.request.MaxHops * a.request.PassagesPerHop
	if a.request.Mode == ModeSingle {
		opening, _ := a.opening(nil)
		room := a.cache.room() - len(opening) - a.layout.closing()
		limit = max(1, min(limit, room/a.layout.passageSpan()))
	}
	fresh, err := a.search(ctx, hop, limit)
	if err != nil {
		return err
	}
	question := a.reading(nil)
	if !a.allows(a.pace.reading(len(question)) + a.pace.writing(1)) {
		return a.answerLate(ctx)
	}
	if a.request.Mode == ModeDirect {
		return a.answer(ctx, a.newHop(ActionAnswer), question, StoppedByDirect)
	}
	reads, short, err := a.choose(ctx, hop, fresh)
	switch {
	case err != nil:
		return err
	case short == "":
		short = StoppedBySingle
	case len(reads) == 0: // there is no time; the limit saw to it that they fit
		return a.answerLate(ctx)
	}
	return a.answer(ctx, a.newHop(ActionAnswer), a.reading(reads), short)
}
