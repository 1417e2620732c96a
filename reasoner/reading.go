package reasoner

import (
	"context"
	"slices"
)

// chosenAtOnce is how many passages are made ready to be read before it is seen
// whether more fit: of a search as large as a whole loop's, most may not.
const chosenAtOnce = 16

// choose settles what is read of the passages that hop found, the best first.
// It returns those that have a text, fit the context, and can be read before
// the answer in the time that is left; short is "" if these are all that have
// a text, else the StoppedBy constant of what they are short of.
func (a *asking) choose(ctx context.Context, hop *Hop, fresh []*passage) (reads []*passage, short string, err error) {
	n := a.inTime(fresh, true)
	inTime := n == len(fresh)
	all := true
	for done := 0; done < n && all; {
		next := fresh[done:min(n, done+chosenAtOnce)]
		if err := a.excerpt(ctx, hop, next); err != nil {
			return nil, "", err
		}
		done += len(next)
		reads, all = a.fit(fresh[:done])
	}
	if n = a.inTime(reads, false); n < len(reads) {
		reads, inTime = reads[:n], false
	}
	switch {
	case !inTime:
		return reads, StoppedByBudget, nil
	case !all:
		return reads, StoppedByContext, nil
	}
	return reads, "", nil
}

// inTime is how many of the passages, from the first on, there is time to read
// before the answer; choosing, there must be time for that too, and their tokens
// are guessed from their bytes.
func (a *asking) inTime(passages []*passage, choosing bool) int {
	if a.deadline.IsZero() {
		return len(passages)
	}
	const bytesPerToken = 4
	l := a.layout
	opening, _ := a.opening(nil)
	tokens := len(opening) + len(a.closing()) + len(l.Prompt.Answer)
	for i, p := range passages {
		need := a.answering()
		if choosing {
			tokens += min(l.passageSpan(), len(l.Prompt.Passage)+len(p.text)/bytesPerToken)
			need += a.pace.choosing(i + 1)
		} else {
			tokens += l.span(passages[i : i+1])
		}
		if !a.allows(need + a.pace.reading(tokens)) {
			return i
		}
	}
	return len(passages)
}

// excerpt chooses what is read of passages that hop found.
func (a *asking) excerpt(ctx context.Context, hop *Hop, fresh []*passage) error {
	if len(fresh) == 0 {
		return nil
	}
	words := map[string]bool{}
	for _, w := range splitWords(a.question.text + " " + a.asked) {
		words[w] = true
	}
	for _, w := range hop.Focus {
		words[w.Text] = true
	}
	done := a.since()
	err := a.excerpts(ctx, fresh, hop.Vector, words)
	a.pace.measure(&a.pace.passages, len(fresh), done(&hop.Model))
	return err
}

// fit returns the passages that have a text and fit the context beside what the
// answer needs, and whether those are all that have a text.
func (a *asking) fit(fresh []*passage) (reads []*passage, all bool) {
	opening, _ := a.opening(nil)
	room := a.cache.room() - len(opening) - a.layout.behind(a.request.Mode)
	for _, p := range fresh {
		if len(p.tokens) == 0 {
			continue
		}
		room -= a.layout.span([]*passage{p})
		if room < 0 {
			return reads, false
		}
		reads = append(reads, p)
	}
	return reads, true
}

// opening is what a pass reads: the question, if nothing has been read yet, and
// passages; starts[i] is where passage i begins, behind its prompt piece.
func (a *asking) opening(reads []*passage) (tokens []int64, starts []int) {
	if len(a.cache.tokens) == 0 {
		tokens = append(tokens, a.layout.Prompt.Question...)
		tokens = append(tokens, a.question.tokens...)
	}
	for _, p := range reads {
		tokens = append(tokens, a.layout.Prompt.Passage...)
		starts = append(starts, len(tokens))
		tokens = append(tokens, p.tokens...)
	}
	return tokens, starts
}

// memory is what a question remembers of what it read, beside the keys and
// values in its cache.
type memory struct {
	reads      []*passage // in reading order
	ends       []int      // of each the index in words of its last one, −1 where it has none or they are not kept
	words      []readWord // the question's, then those of reads; see asking.read
	states     []float32  // [words, hidden]: the backbone's at the ends of words
	candidates candidates // of the copy head: the pieces of the words of reads
}

// read is a pass over opening(reads) and tail. It returns the states of the last
// wanted tokens of tail. With keep the words of what it read are remembered with
// their states; without, the pass is cheaper, and neither copy head, pointer nor
// support knows of them.
//
// The question's words are for the pointer alone, so they are left out where the
// bundle has none.
func (a *asking) read(ctx context.Context, reads []*passage, tail []int64, wanted int, keep bool) (output, error) {
	asks := keep && len(a.cache.tokens) == 0 && a.layout.hasPointer()
	tokens, starts := a.opening(reads)
	tokens = append(tokens, tail...)

	var rows []int64
	question := len(a.layout.Prompt.Question)
	if asks {
		for _, w := range a.question.words {
			rows = append(rows, int64(question+w.state))
		}
	}
	if keep {
		for i, p := range reads {
			for _, w := range p.words {
				rows = append(rows, int64(starts[i]+w.state))
			}
		}
	}
	rows = slices.Compact(rows) // they ascend, and two words may end in one token
	ends := len(rows)
	for i := len(tokens) - wanted; i < len(tokens); i++ {
		rows = append(rows, int64(i))
	}
	out, err := a.extend(ctx, pass{tokens: tokens, rows: rows})
	if err != nil {
		return output{}, err
	}
	a.reads = append(a.reads, reads...)
	for range reads {
		a.ends = append(a.ends, -1)
	}

	h := a.layout.hidden()
	state := func(row int) []float32 {
		i, _ := slices.BinarySearch(rows[:ends], int64(row))
		return out.state(i, h)
	}
	if asks {
		for _, w := range a.question.words {
			a.words = append(a.words, readWord{start: w.start, end: w.end})
			a.states = append(a.states, state(question+w.state)...)
		}
	}
	if keep {
		for i, p := range reads {
			first := len(a.words)
			if len(p.words) > 0 {
				a.ends[len(a.ends)-len(reads)+i] = first + len(p.words) - 1
			}
			for _, w := range p.words {
				a.words = append(a.words, readWord{p, p.partOf(w.start, w.end), w.start, w.end})
				a.states = append(a.states, state(starts[i]+w.state)...)
			}
			for _, c := range p.pieces {
				a.candidates.ids = append(a.candidates.ids, c.id)
				a.candidates.words = append(a.candidates.words, first+c.word)
				a.candidates.places = append(a.candidates.places, place{p.read, c.start, c.end})
			}
		}
	}
	return output{states: out.states[ends*h:], action: out.action[2*ends:]}, nil
}

// candidateStates are the states of the words of the copy head's candidates.
func (m *memory) candidateStates(hidden int) []float32 {
	states := make([]float32, 0, len(m.candidates.words)*hidden)
	for _, w := range m.candidates.words {
		states = append(states, m.states[w*hidden:(w+1)*hidden]...)
	}
	return states
}
