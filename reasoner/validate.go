package reasoner

import "fmt"

// Validate reports what Ask would refuse of r: an *InputError,
// ErrExplicitUnavailable or ErrPointerUnavailable.
func (e *Engine) Validate(r Request) error {
	_, _, err := e.complete(r)
	return err
}

// complete checks r and fills in its defaults.
func (e *Engine) complete(r Request) (Request, questionText, error) {
	fail := func(field, format string, args ...any) (Request, questionText, error) {
		return r, questionText{}, &InputError{Field: field, Problem: fmt.Sprintf(format, args...)}
	}
	l := e.layout
	switch r.Mode {
	case "":
		r.Mode = ModeLatent
	case ModeLatent, ModeIterative, ModeSingle, ModeDirect:
	case ModeExplicit:
		if !l.hasTwin() {
			return r, questionText{}, ErrExplicitUnavailable
		}
	default:
		return fail("mode", "%q is not one of LATENT, EXPLICIT, ITERATIVE, SINGLE, DIRECT", r.Mode)
	}
	switch r.AnswerBy {
	case "":
		r.AnswerBy = AnswerByAuto
	case AnswerByAuto, AnswerByFree, AnswerBySpan:
	case AnswerByPointer:
		if r.Mode == ModeExplicit {
			return fail("answerBy", "POINTER does not work in mode EXPLICIT, whose states it was not trained on; use AUTO, FREE or SPAN")
		}
		if !l.hasPointer() {
			return r, questionText{}, ErrPointerUnavailable
		}
	default:
		return fail("answerBy", "%q is not one of AUTO, FREE, SPAN, POINTER", r.AnswerBy)
	}
	if r.MaxHops == 0 {
		r.MaxHops = l.Limits.Hops
	}
	if r.MaxHops < 1 || r.MaxHops > l.Limits.Hops {
		return fail("maxHops", "must be between 1 and %d (limits.hops of the bundle), is %d", l.Limits.Hops, r.MaxHops)
	}
	if r.PassagesPerHop == 0 {
		r.PassagesPerHop = min(l.Limits.Passages, MaxPassagesPerHop)
	}
	if r.PassagesPerHop < 1 || r.PassagesPerHop > MaxPassagesPerHop {
		return fail("passagesPerHop", "must be between 1 and %d, is %d", MaxPassagesPerHop, r.PassagesPerHop)
	}
	if r.Budget < 0 {
		return fail("budgetMs", "must not be negative, is %d", r.Budget.Milliseconds())
	}

	// What is too long by any count need not be tokenised.
	if n := l.Limits.QuestionTokens * longToken; len(r.Question) > n {
		return fail("question", "is %d bytes long, more than %d; a question has at most %d tokens (limits.question_tokens of the bundle)", len(r.Question), n, l.Limits.QuestionTokens)
	}
	if clean(r.Question) == "" {
		return fail("question", "is empty")
	}
	q := e.question(r.Question)
	if n := len(q.tokens); n > l.Limits.QuestionTokens {
		return fail("question", "has %d tokens, more than %d (limits.question_tokens of the bundle)", n, l.Limits.QuestionTokens)
	}
	if n := len(q.pieces); n > l.Retriever.MaxQuestionTokens {
		return fail("question", "has %d tokens of the retriever, more than %d (retriever.max_question_tokens of the bundle)", n, l.Retriever.MaxQuestionTokens)
	}
	return r, q, nil
}
