//go:build !linux

package background

import "errors"

// lowerPriority: other systems have no priority that is a thread's own, or one
// that is not lowered this way.
func lowerPriority() error { return errors.ErrUnsupported }

func firstThread() bool { return false }
