package reasoner

import "context"

// explicitTurn is a hop of the explicit twin, the baseline: the same backbone,
// trained on the same examples to write its thought and its subquery as text.
// The state behind which a thought begins gives the action; the subquery is
// embedded by the retriever as any text.
func (a *asking) explicitTurn(ctx context.Context, hop *Hop, reads []*passage) (string, error) {
	l := a.layout
	done := a.since()
	defer func() { done(&hop.Model) }()

	out, err := a.read(ctx, reads, a.closing(), 1, false)
	if err != nil {
		return "", err
	}
	a.undo = 0
	if hop.N > 1 && float64(out.action[1])+l.Action.Explicit > float64(out.action[0]) {
		return ActionAnswer, nil
	}
	begun := len(a.cache.tokens)
	thought, err := a.writeDown(ctx, out.states, l.Limits.ThoughtTokens)
	if err != nil {
		return "", err
	}
	if out, err = a.read(ctx, nil, l.subqueryIDs(), 1, false); err != nil {
		return "", err
	}
	subquery, err := a.writeDown(ctx, out.states, l.Limits.SubqueryTokens)
	if err != nil {
		return "", err
	}
	a.undo = len(a.cache.tokens) - begun
	hop.Thought, hop.Subquery = thought.text, subquery.text
	text := clean(subquery.text)
	if text == "" {
		text = a.question.text
	}
	return ActionQuery, a.embed(ctx, hop, text)
}

// writeDown writes a text freely behind a state and leaves all of it in the cache.
func (a *asking) writeDown(ctx context.Context, state []float32, limit int) (written, error) {
	d := a.draft(a.timer, state)
	w, err := d.free(ctx, limit)
	if err == nil {
		_, err = d.reach(ctx, w.ids)
	}
	return w, err
}
