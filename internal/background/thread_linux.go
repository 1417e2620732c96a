package background

import "golang.org/x/sys/unix"

const (
	// niceness is how much less a thread's work counts: with 10 steps a thread that
	// competes for a core gets about a tenth of it. With more it would come to a
	// stop on a machine that is always busy, and a thread that is about to give
	// back one of Go's places would wait longer for the moment that it needs.
	niceness = 10
	// highest is the system's last step.
	highest = 19
)

// lowerPriority lowers the priority of the calling thread; on Linux a priority
// is a thread's own, whatever the call's name says.
func lowerPriority() error {
	// The system call itself answers 20 - niceness, so that it is never negative.
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return err
	}
	return unix.Setpriority(unix.PRIO_PROCESS, 0, min(20-raw+niceness, highest))
}

// firstThread tells whether the caller runs on the process's first thread.
func firstThread() bool { return unix.Gettid() == unix.Getpid() }
