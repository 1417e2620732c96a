package reasoner

import "context"

// choose settles what is read of the passages that hop found, the best first.
// It returns those that have a text, fit the context, and can be read before
// the answer in the time that is left; short is "" if these are all that have
// a text, else the StoppedBy constant of what they are short of.
func (a *asking) choose(ctx context.Context, hop *Hop, fresh []*passage) (reads []*passage, short string, err error) {
	n := a.inTime(fresh, true)
	inTime := n == len(fresh)
	if err := a.excerpt(ctx, hop, fresh[:n]); err != nil {
		return nil, "", err
	}
	reads, all := a.fit(fresh[:n])
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
	tokens := len(opening) + l.Latent.Think + len(l.Prompt.Answer)
	for i, p := range passages {
		need := a.pace.writing(l.Limits.AnswerTokens)
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
	for _, w := range splitWords(a.question.text) {
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
	room := a.cache.room() - len(opening) - a.layout.closing()
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
