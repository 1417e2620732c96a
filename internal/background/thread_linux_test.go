package background

import (
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// nice is the niceness of the calling thread.
func nice(t *testing.T) int {
	t.Helper()
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	return 20 - raw
}

// Only the pool's threads are lowered, and they end with it: no other goroutine
// ever runs on one.
func TestPriority(t *testing.T) {
	runtime.LockOSThread()
	ordinary := nice(t)
	runtime.UnlockOSThread()
	want := min(ordinary+niceness, highest)

	p := NewPool(4)
	threads := make(chan int, 4)
	var calls, begun sync.WaitGroup
	begun.Add(4)
	for range 4 {
		calls.Go(func() {
			err := p.Do(t.Context(), func() error {
				begun.Done()
				begun.Wait()
				if got := nice(t); got != want {
					t.Errorf("niceness is %d, want %d", got, want)
				}
				if firstThread() {
					t.Error("it is the first thread")
				}
				threads <- unix.Gettid()
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	if !p.Yields() && !limited() {
		t.Error("it does not yield")
	}
	p.Close()
	close(threads)

	pool := map[int]bool{}
	for id := range threads {
		pool[id] = true
	}
	if len(pool) != 4 {
		t.Errorf("%d threads of 4", len(pool))
	}
	var others sync.WaitGroup
	for range 64 {
		others.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if got := nice(t); got != ordinary {
				t.Errorf("another goroutine runs at niceness %d", got)
			}
		})
	}
	others.Wait()
}
