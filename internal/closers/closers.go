// Package closers keeps what has to be closed of things that are made of several.
package closers

import "errors"

// Stack closes what was opened, the last first. The zero value is empty. It is
// not safe for concurrent use.
type Stack struct{ closers []func() error }

// Push adds what closes the thing that was opened last.
func (s *Stack) Push(close func() error) { s.closers = append(s.closers, close) }

// Close calls all of them, whatever fails, and joins their errors. It empties
// the stack, so that a second call does nothing.
func (s *Stack) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// OnError closes the stack where *err is not nil, and joins what fails to it: for
// a deferred call in whatever opens several things in turn.
func (s *Stack) OnError(err *error) {
	if *err != nil {
		*err = errors.Join(*err, s.Close())
	}
}
