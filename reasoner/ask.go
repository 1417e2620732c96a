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

	request  Request    // defaults filled in
	ways     []AnswerBy // of answering, the preferred first
	question questionText
	searcher Searcher
	cache    *cache

	hops  []*Hop
	found []*passage // in the order of finding
	ids   []string   // theirs
	known map[string]*passage
	memory
	asked   string    // the words of the last search
	first   int       // tokens that the cache holds where the first passage begins
	held    []float64 // supports of all passages read, the greatest first
	weighed float64   // evidence that all has been read, after the last search
	undo    int       // tokens in the cache behind the place where an answer begins
	pending []pendingText
	result  Result

	vocabulary, lens []float32 // space for the head's output, of one token and of a hop's latents
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
	c, err := a.caches.get(a.layout.longest(r.Mode, len(a.question.tokens), hops, r.PassagesPerHop), r.Mode.backbone())
	if err != nil {
		return err
	}
	a.cache = c
	defer a.giveBack(c)
	a.first = len(a.layout.Prompt.Question) + len(a.question.tokens)

	switch r.Mode {
	case ModeSingle, ModeDirect:
		err = a.plain(ctx)
	case ModeIterative:
		err = a.iterative(ctx)
	case ModeExplicit:
		err = a.loop(ctx, a.explicitTurn)
	default:
		err = a.loop(ctx, a.latentTurn)
	}
	if err != nil {
		return err
	}
	if err := a.tell(ctx); err != nil {
		return err
	}
	for _, h := range a.hops {
		for i, f := range h.Found {
			if p, ok := a.known[f.ID]; ok {
				h.Found[i].Support = p.Support
			}
		}
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
	err := a.embed(ctx, hop, a.question.text)
	done(&hop.Model)
	if err != nil {
		return err
	}
	fresh, err := a.search(ctx, hop, a.request.MaxHops*a.request.PassagesPerHop)
	if err != nil {
		return err
	}
	opening, _ := a.opening(nil)
	if !a.allows(a.pace.reading(len(opening)+len(a.closing())) + a.pace.writing(1)) {
		return a.answerLate(ctx)
	}
	if a.request.Mode == ModeDirect {
		return a.answer(ctx, a.newHop(ActionAnswer), nil, a.closing(), StoppedByDirect)
	}
	reads, short, err := a.choose(ctx, hop, fresh)
	switch {
	case err != nil:
		return err
	case short == "":
		short = StoppedBySingle
	case len(reads) == 0 && short == StoppedByBudget:
		return a.answerLate(ctx)
	}
	return a.answer(ctx, a.newHop(ActionAnswer), reads, a.closing(), short)
}

// embed makes the retriever's own vector of a text the query of hop.
func (a *asking) embed(ctx context.Context, hop *Hop, text string) error {
	vector, err := a.Embed(ctx, text)
	if err != nil {
		return fmt.Errorf("hop %d: embed: %w", hop.N, err)
	}
	hop.Vector, a.asked = vector, text
	return nil
}
