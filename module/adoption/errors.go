package adoption

import (
	"errors"
	"fmt"
)

// Errors that callers tell apart.
var (
	// ErrNotFound: no such collection, vector or job.
	ErrNotFound = errors.New("not found")
	// ErrInvalid: the request can't be carried out on any node.
	ErrInvalid = errors.New("invalid request")
	// ErrUnavailable: this node can't do it now, or was not built for it.
	ErrUnavailable = errors.New("unavailable")
	// ErrConflict: something else is in the way.
	ErrConflict = errors.New("conflict")
)

// problem is an error of one of the kinds above with a text of its own.
type problem struct {
	kind error
	text string
}

func (p *problem) Error() string        { return p.text }
func (p *problem) Is(target error) bool { return target == p.kind }

func problemf(kind error, format string, args ...any) error {
	return &problem{kind: kind, text: fmt.Sprintf(format, args...)}
}
