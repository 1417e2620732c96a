package adopt

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/latentask/latentask/internal/client"
)

// Why a plan can't be made. Each comes in a *Refusal.
var (
	// ErrNotEnabled: the node has no text2vec-latent.
	ErrNotEnabled = errors.New("the node does not make vectors of its own")
	// ErrCannotAdopt: the node has text2vec-latent but no adoptions.
	ErrCannotAdopt = errors.New("the node cannot adopt a collection in place")
	// ErrNothingToDo: the collection can be asked as it is.
	ErrNothingToDo = errors.New("there is nothing to do")
	// ErrNoText: no property has text.
	ErrNoText = errors.New("the collection has no text to make vectors of")
	// ErrProperty: a property that was named is not there or holds no text.
	ErrProperty = errors.New("no such text property")
	// ErrTenant: a tenant that was named is not there.
	ErrTenant = errors.New("no such tenant")
	// ErrOffloaded: a tenant that was named is in cloud storage.
	ErrOffloaded = errors.New("the tenant's data is not on the node")
	// ErrName: a vector or collection can't be called so.
	ErrName = errors.New("not a possible name")
	// ErrTaken: the name stands for something that this tool did not make.
	ErrTaken = errors.New("the name is taken")
	// ErrDropping: the vector of that name is being dropped.
	ErrDropping = errors.New("a vector of that name is being dropped")
	// ErrNotOurs: what should be taken back was not made by this tool.
	ErrNotOurs = errors.New("made by something else")
	// ErrOptions: options that contradict each other.
	ErrOptions = errors.New("these options do not go together")
)

// Refusal says why something is not done, and what would help.
type Refusal struct {
	// Err is one of the sentinels above.
	Err error
	// Detail says what was found, Hint what to do.
	Detail, Hint string
}

func (r *Refusal) Error() string {
	text := r.Err.Error()
	if r.Detail != "" {
		text += ": " + r.Detail
	}
	if r.Hint != "" {
		text += " (" + r.Hint + ")"
	}
	return text
}

func (r *Refusal) Unwrap() error { return r.Err }

func refuse(err error, hint, format string, args ...any) *Refusal {
	return &Refusal{Err: err, Detail: fmt.Sprintf(format, args...), Hint: hint}
}

// PermissionError is a step that the key has no right to.
type PermissionError struct {
	// Step is what was tried, Permission what Weaviate calls the right to it.
	Step, Permission string
	// Err is the node's answer.
	Err error
}

func (e *PermissionError) Error() string {
	return fmt.Sprintf("the key may not %s; it needs the permission %s: %v", e.Step, e.Permission, e.Err)
}

func (e *PermissionError) Unwrap() error { return e.Err }

// permitted names the permission where the node refused a step for want of it.
func permitted(err error, step, permission string) error {
	if err == nil {
		return nil
	}
	if forbidden(err) {
		return &PermissionError{Step: step, Permission: permission, Err: err}
	}
	return fmt.Errorf("%s: %w", step, err)
}

// forbidden tells whether the node refused something for want of a right. GraphQL
// says so in a message alone, with status 200.
func forbidden(err error) bool {
	if s := client.Status(err); s == http.StatusForbidden || s == http.StatusUnauthorized {
		return true
	}
	var query *client.QueryError
	return errors.As(err, &query) && slices.ContainsFunc(query.Messages, func(message string) bool {
		return strings.Contains(message, "forbidden action")
	})
}

// asleep tells whether the node refused something as a tenant is not active.
func asleep(err error) bool {
	return err != nil && strings.Contains(err.Error(), "tenant not active")
}
