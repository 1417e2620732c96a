package module

import (
	"context"
	"errors"
	"fmt"

	"github.com/latentask/latentask/graphql"
	"github.com/latentask/latentask/reasoner"
)

// invalid is an error about one field of the argument, told as
// "latentAsk.field: problem".
func invalid(field, problem string) error {
	return &reasoner.InputError{Field: graphql.ArgumentName + "." + field, Problem: problem}
}

// ErrTooManyAsks: one HTTP request holds more latentAsk operators than
// LATENTASK_MAX_ASKS_PER_REQUEST allows.
var ErrTooManyAsks = errors.New("latentAsk: too many in one request")

// askError words an engine's error for a GraphQL response, which carries
// nothing but a text. What it wraps stays testable with errors.Is.
func askError(err error) error {
	var input *reasoner.InputError
	switch {
	case errors.As(err, &input):
		return invalid(input.Field, input.Problem)
	case errors.Is(err, reasoner.ErrOverloaded):
		return fmt.Errorf("latentAsk: the node is overloaded: %w (%s)", err, EnvQueue)
	case errors.Is(err, reasoner.ErrExplicitUnavailable):
		return fmt.Errorf("latentAsk.mode: %w", err)
	case errors.Is(err, reasoner.ErrPointerUnavailable):
		return fmt.Errorf("latentAsk.answerBy: %w", err)
	case errors.Is(err, reasoner.ErrClosed):
		return fmt.Errorf("latentAsk: the node is shutting down: %w", err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("latentAsk: the request ended before the answer: %w", err)
	default:
		return fmt.Errorf("latentAsk: %w", err)
	}
}

// outcome sorts a question's end into a metric's label.
func outcome(result *reasoner.Result, err error) string {
	var input *reasoner.InputError
	switch {
	case err == nil && result == nil:
		return "empty"
	case err == nil && result.Answer.Partial:
		return "partial"
	case err == nil && result.Answer.Abstained:
		return "abstained"
	case err == nil:
		return "answered"
	case errors.As(err, &input), errors.Is(err, reasoner.ErrExplicitUnavailable),
		errors.Is(err, reasoner.ErrPointerUnavailable), errors.Is(err, ErrTooManyAsks):
		return "invalid"
	case errors.Is(err, ErrForeignVectors):
		return "refused"
	case errors.Is(err, reasoner.ErrOverloaded):
		return "overloaded"
	case errors.Is(err, ErrNotReady), errors.Is(err, reasoner.ErrClosed):
		return "not_ready"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "canceled"
	default:
		return "failed"
	}
}
