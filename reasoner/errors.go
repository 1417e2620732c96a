package reasoner

import (
	"errors"
	"fmt"
)

// What a caller of Ask branches on, beside the errors of its context, of its
// Searcher and of the model (see internal/ort), which come through wrapped.
var (
	// ErrOverloaded: the queue is full, or the question's budget ended in it.
	ErrOverloaded = errors.New("latentask: too many questions are waiting; try again later, or raise the queue limit")
	// ErrClosed: the engine is closed or was closed while the question ran.
	ErrClosed = errors.New("latentask: the reasoning engine is closed")
	// ErrExplicitUnavailable: this bundle cannot write subqueries as text.
	ErrExplicitUnavailable = errors.New("latentask: mode EXPLICIT needs a bundle with weights for explicit subqueries, and this one has none; use another mode")
	// ErrPointerUnavailable: this bundle has no pointer.
	ErrPointerUnavailable = errors.New("latentask: answerBy POINTER needs a bundle with a pointer, and this one has none; use AUTO, FREE or SPAN")
)

// InputError says what is wrong with a Request. Field is the request's field in
// the spelling of the query languages (question, mode, maxHops, passagesPerHop,
// answerBy, budgetMs); Problem names the limit.
type InputError struct {
	Field, Problem string
}

func (e *InputError) Error() string { return fmt.Sprintf("%s: %s", e.Field, e.Problem) }
