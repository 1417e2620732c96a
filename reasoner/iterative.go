package reasoner

import (
	"context"
	"time"
)

// iterative is ModeIterative. Each round is a hop: it searches with the question
// and the answer of the round before, and answers from what that search found,
// read anew. Only the question's keys and values are kept from round to round.
// The rounds end after maxHops of them, when an answer repeats or is none, and
// where there is no time or room; the last whole answer counts.
func (a *asking) iterative(ctx context.Context) error {
	for n := 1; ; n++ {
		before, text := a.result.Answer, a.question.text
		if n > 1 {
			if before.Text == "" || normalise(before.Text) == abstainText {
				return a.endRounds(before, &Hop{}, StoppedByRepeated) // the same search again
			}
			text += " " + before.Text
		}
		hop := a.newHop(ActionQuery)
		hop.Subquery = text
		done := a.since()
		err := a.embed(ctx, hop, text)
		done(&hop.Model)
		if err != nil {
			return err
		}
		found, err := a.searchAll(ctx, hop, a.request.PassagesPerHop, true)
		if err != nil {
			return err
		}
		a.cache.keep(len(a.layout.Prompt.Question) + len(a.question.tokens))
		a.forget()
		reads, short, err := a.choose(ctx, hop, found)
		switch late := short == StoppedByBudget || !a.allows(0); {
		case err != nil:
			return err
		case len(reads) > 0 && !late:
		case n == 1 && late:
			if len(reads) == 0 {
				return a.answerLate(ctx)
			}
		case n > 1 && late:
			return a.endRounds(before, &Hop{}, StoppedByBudget)
		case n > 1:
			return a.endRounds(before, &Hop{}, StoppedByNoNewPassages)
		case short == "":
			short = StoppedByNoNewPassages
		}

		last := &Hop{}
		if err := a.answer(ctx, last, reads, a.closing(), short); err != nil {
			return err
		}
		answer := a.result.Answer
		switch {
		case answer.StoppedBy == StoppedByBudget && n > 1 && !before.Abstained: // cut
			return a.endRounds(before, last, StoppedByBudget)
		case answer.StoppedBy != "":
			return a.endRounds(answer, last, answer.StoppedBy)
		case n == a.request.MaxHops:
			return a.endRounds(answer, last, StoppedByMaxHops)
		case n > 1 && normalise(answer.Text) == normalise(before.Text):
			return a.endRounds(answer, last, StoppedByRepeated)
		case !a.allows(a.anotherRound(reads)):
			return a.endRounds(answer, last, StoppedByBudget)
		}
		hop.Model += last.Model
	}
}

// endRounds makes answer the question's; last holds the time that the last one
// took.
func (a *asking) endRounds(answer Answer, last *Hop, stoppedBy string) error {
	a.newHop(ActionAnswer).Model = last.Model
	a.result.Answer = answer.stopped(stoppedBy)
	return nil
}

// anotherRound is the time to search once more, to read as much again, and to
// answer.
func (a *asking) anotherRound(reads []*passage) time.Duration {
	return a.slowest + a.pace.choosing(a.request.PassagesPerHop) +
		a.pace.reading(a.layout.span(reads)+len(a.closing())+len(a.layout.Prompt.Answer)) + a.answering()
}

// forget leaves of what was read the question alone.
func (m *memory) forget() {
	n := 0
	for n < len(m.words) && m.words[n].passage == nil {
		n++
	}
	if n > 0 {
		m.states = m.states[:len(m.states)/len(m.words)*n]
	} else {
		m.states = nil
	}
	m.reads, m.ends, m.words, m.candidates = nil, nil, m.words[:n], candidates{}
}
