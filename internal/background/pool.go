// Package background computes on operating system threads that give way to all
// others of the process.
//
// A [Pool] is for long computations outside of Go, in C. The kernel, which sees
// what runs on every core at every moment, decides when they go on: a thread of
// ordinary priority that wakes is given the core at once, and an idle machine is
// used whole. Nothing that measures load from outside comes near that. What runs
// in a Pool must hold no lock and do little in Go: a thread that waits for its
// turn keeps the lock meanwhile, and, while it runs Go's code, one of the
// scheduler's places (GOMAXPROCS).
//
// A quota of processor time (cpu.max of a control group) is used up by whoever
// computes, so there priorities help little: [Yields] tells, and [Threads]
// leaves one thread's worth of it to others.
package background

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// ErrClosed is returned by a Pool after Close.
var ErrClosed = errors.New("background: closed")

// Threads is how many threads a Pool should have that may use the whole machine,
// and at most limit.
func Threads(limit int) int {
	n := runtime.GOMAXPROCS(0)
	if limited() {
		n--
	}
	return max(1, min(n, limit))
}

// limited tells whether the process may use less than the cores that it can run
// on, so that an idle core doesn't mean that there is time to spare.
func limited() bool { return runtime.GOMAXPROCS(0) < runtime.NumCPU() }

// Pool is a fixed number of threads of low priority. It is safe for concurrent
// use.
type Pool struct {
	jobs    chan job
	closing chan struct{}
	once    sync.Once
	threads sync.WaitGroup
	// lowered is false where a thread's priority could not be lowered.
	lowered atomic.Bool
}

type job struct {
	run  func() error
	done chan error
}

// NewPool starts a pool's threads. Close ends them.
func NewPool(threads int) *Pool {
	p := &Pool{jobs: make(chan job), closing: make(chan struct{})}
	p.lowered.Store(true)
	var ready sync.WaitGroup
	for range threads {
		ready.Add(1)
		p.threads.Add(1)
		spawn(func() {
			defer p.threads.Done()
			if err := lowerPriority(); err != nil {
				p.lowered.Store(false)
			}
			ready.Done()
			p.work()
		})
	}
	ready.Wait()
	return p
}

// spawn calls work on a thread of its own, which ends with it: a priority that
// was lowered can't be raised again without rights. It is never the process's
// first thread, which could not end, and whose priority is shown as that of the
// process.
func spawn(work func()) {
	go func() {
		runtime.LockOSThread()
		if !firstThread() {
			work()
			return
		}
		// While this goroutine has the first thread the next one gets another.
		started := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(started)
			work()
		}()
		<-started
		runtime.UnlockOSThread()
	}()
}

func (p *Pool) work() {
	for {
		select {
		case j := <-p.jobs:
			j.done <- call(j.run)
		case <-p.closing:
			return
		}
	}
}

// call turns a panic into an error: it would end the process.
func call(run func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("background: unexpected: %v", r)
		}
	}()
	return run()
}

// Do calls run on a thread of the pool and returns its error. It waits for a
// thread until ctx ends; what has begun must heed ctx by itself, and Do returns
// when it has ended.
func (p *Pool) Do(ctx context.Context, run func() error) error {
	j := job{run: run, done: make(chan error, 1)}
	select {
	case <-p.closing: // also where a thread is free
		return ErrClosed
	default:
	}
	select {
	case p.jobs <- j:
		return <-j.done
	case <-p.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Yields tells whether the kernel lets all else go before the pool's work: the
// system has priorities for threads, and the process has whole cores.
func (p *Pool) Yields() bool { return p.lowered.Load() && !limited() }

// Close waits for what runs and ends the threads. A second Close does nothing.
func (p *Pool) Close() {
	p.once.Do(func() { close(p.closing) })
	p.threads.Wait()
}
