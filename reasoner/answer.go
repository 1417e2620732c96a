package reasoner

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/latentask/latentask/internal/bundle"
)

// given is an answer as one way of answering gives it.
type given struct {
	by     AnswerBy
	text   string
	source *Source
	// logprob is the mean log probability of what the way chose; trust scales the
	// probability that follows from it.
	logprob, trust float64
	abstained      bool
	cut            bool // the time was over before the text ended
}

// answerNow answers behind what the pass just made has read; what it holds
// beyond the place where an answer begins is rolled back.
func (a *asking) answerNow(ctx context.Context, hop *Hop, stoppedBy string) error {
	a.cache.rollback(a.undo)
	a.undo = 0
	return a.answer(ctx, hop, nil, nil, stoppedBy)
}

// answerLate ends a question whose budget does not allow to read any of what was
// found last. It answers from the passages read before, if there are any and
// there is time for a word, and else gives the passages alone: an answer for
// which nothing was read is given only where that was asked for, by ModeDirect.
func (a *asking) answerLate(ctx context.Context) error {
	need := a.pace.reading(len(a.layout.Prompt.Answer)) + a.pace.writing(1)
	if len(a.reads) > 0 && a.allows(need) {
		return a.answerNow(ctx, a.newHop(ActionAnswer), StoppedByBudget)
	}
	a.result.Answer = Answer{Abstained: true, Partial: true, StoppedBy: StoppedByBudget}
	return nil
}

// answer reads passages and closing, the tokens after which an answer begins,
// and has the model answer behind them, in each of the question's ways. The most
// confident answer is kept. Where the bundle says so, the answer is read from the
// best supported passages alone.
func (a *asking) answer(ctx context.Context, hop *Hop, reads []*passage, closing []int64, stoppedBy string) error {
	done := a.since()
	defer func() { done(&hop.Model) }()
	out, err := a.readyToAnswer(ctx, reads, closing)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	d := a.draft(a.timer, out.states)

	var best given
	confidence := float32(-1)
	for _, by := range workOrder(a.ways) {
		if confidence >= 0 && !a.allows(a.pace.writing(1)) {
			break
		}
		g, err := a.giveBy(ctx, d, by)
		if err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		c := a.layout.confidence(g, a.supported(g))
		if g.cut && confidence >= 0 {
			continue // half a text beside a whole one
		}
		if c > confidence || c == confidence && slices.Index(a.ways, by) < slices.Index(a.ways, best.by) {
			best, confidence = g, c
		}
	}
	if best.cut {
		stoppedBy = StoppedByBudget
	}
	a.result.Answer = Answer{
		Text:       best.text,
		Confidence: confidence,
		Abstained:  best.text == "" || float64(confidence) < a.layout.Answer.Threshold || a.abstains(best),
		By:         best.by,
		Source:     best.source,
	}.stopped(stoppedBy)
	return nil
}

// readyToAnswer reads passages, closing and the answer's prompt, and returns the
// state behind which an answer begins.
func (a *asking) readyToAnswer(ctx context.Context, reads []*passage, closing []int64) (output, error) {
	prompt, keep := a.layout.Prompt.Answer, slices.Contains(a.ways, AnswerByPointer)
	if !a.layout.hasSupport() || a.request.Mode == ModeExplicit {
		return a.read(ctx, reads, slices.Concat(closing, prompt), 1, keep)
	}
	if len(closing) > 0 { // else the turn before has read and weighed everything
		out, err := a.read(ctx, reads, closing, 1, true)
		if err != nil {
			return output{}, err
		}
		if err := a.weigh(ctx, out.states); err != nil {
			return output{}, err
		}
	}
	if best := a.best(); len(best) < len(a.reads) {
		tail := slices.Concat(a.closing(), prompt)
		if a.allows(a.pace.reading(a.layout.span(best)+len(tail)) + a.pace.writing(1)) {
			return a.readAgain(ctx, best, tail)
		}
	}
	return a.read(ctx, nil, prompt, 1, keep)
}

// stopped is the answer of a question that ended for that reason.
func (a Answer) stopped(by string) Answer {
	a.StoppedBy = by
	a.Partial = by == StoppedByBudget || by == StoppedByContext
	return a
}

// waysOf are the ways in which r is answered, the preferred first.
func (l layout) waysOf(r Request) []AnswerBy {
	switch {
	case r.AnswerBy != AnswerByAuto:
		return []AnswerBy{r.AnswerBy}
	case r.Mode == ModeDirect:
		return []AnswerBy{AnswerByFree} // nothing was read that a span could stand in
	}
	var ways []AnswerBy
	for _, way := range l.Answer.Auto {
		switch {
		case way == bundle.WayFree:
			ways = append(ways, AnswerByFree)
		case way == bundle.WaySpan:
			ways = append(ways, AnswerBySpan)
		case way == bundle.WayPointer && r.Mode != ModeExplicit:
			ways = append(ways, AnswerByPointer)
		}
	}
	if len(ways) == 0 {
		ways = []AnswerBy{AnswerBySpan}
	}
	return ways
}

// workOrder puts the ways into the order in which they cost least: free writing
// goes over what the span has computed as far as the two agree.
func workOrder(ways []AnswerBy) []AnswerBy {
	cost := []AnswerBy{AnswerBySpan, AnswerByPointer, AnswerByFree}
	order := slices.Clone(ways)
	slices.SortFunc(order, func(a, b AnswerBy) int { return slices.Index(cost, a) - slices.Index(cost, b) })
	return order
}

func (a *asking) giveBy(ctx context.Context, d *draft, by AnswerBy) (given, error) {
	switch by {
	case AnswerBySpan:
		return a.giveSpan(ctx, d)
	case AnswerByPointer:
		return a.givePointer(ctx, d)
	}
	w, err := d.free(ctx, a.layout.Limits.AnswerTokens)
	return given{
		by: AnswerByFree, text: w.text, source: a.standsIn(w.text),
		logprob: w.logprob, trust: 1, abstained: normalise(w.text) == abstainText, cut: w.cut,
	}, err
}

// confidence is the share of answers like g that are right, as the bundle's
// calibration has it; supported is what asking.supported says of it.
func (l layout) confidence(g given, supported float64) float32 {
	c := l.Answer.Ways.Free
	switch g.by {
	case AnswerBySpan:
		c = l.Answer.Ways.Span
	case AnswerByPointer:
		c = l.Answer.Ways.Pointer
	}
	const least = 1e-6 // of what is made odds of
	p := max(least, min(1-least, math.Exp(g.logprob)*g.trust))
	return float32(1 / (1 + math.Exp(-(c.Scale*math.Log(p/(1-p)) + c.Support*supported + c.Shift))))
}

// answering is the time that giving an answer takes.
func (a *asking) answering() time.Duration {
	texts := 0
	for _, by := range a.ways {
		if by != AnswerByPointer {
			texts++
		}
	}
	again := 0
	if most := a.layout.Answer.Passages; most > 0 && a.request.Mode != ModeExplicit {
		again = most*a.layout.passageSpan() + len(a.closing()) + len(a.layout.Prompt.Answer)
	}
	return a.pace.reading(again) + a.pace.writing(texts*a.layout.Limits.AnswerTokens)
}
