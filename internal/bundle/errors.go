package bundle

import (
	"errors"
	"fmt"
	"strings"
)

// Kinds of [*Error]. Test for them with errors.Is.
var (
	// ErrMissing: the bundle's folder, or a file of it, is not there.
	ErrMissing = errors.New("missing")
	// ErrCorrupt: a file whose size, SHA-256 or content is not what it must be.
	ErrCorrupt = errors.New("corrupt")
	// ErrFormat: a bundle of a format that this build does not read.
	ErrFormat = errors.New("unsupported bundle format")
	// ErrIncompatible: a bundle whose parts, or numbers, do not fit together.
	ErrIncompatible = errors.New("incompatible")
)

// Error says which file of a bundle is at fault and what to do.
type Error struct {
	Kind error  // one of the package's sentinels
	File string // name in the bundle, such as "lm.onnx", or the folder's path
	Hint string // what to do, or empty
	Err  error  // the cause, or nil
}

// Error joins file, kind, cause and hint in one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "bundle: %s: %v", e.File, e.Kind)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Unwrap makes both the kind and the cause visible to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// hintRebuild is the way out of a damaged bundle.
const hintRebuild = "assemble or download the bundle again"
