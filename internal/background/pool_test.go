package background

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

func TestPoolRunsAtOnceWhatItHasThreadsFor(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	// Each ends only when both have begun.
	var begun sync.WaitGroup
	begun.Add(2)
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() {
			if err := p.Do(t.Context(), func() error {
				begun.Done()
				begun.Wait()
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
}

func TestPoolHandsOnErrors(t *testing.T) {
	p := NewPool(1)
	defer p.Close()
	fault := errors.New("fault")
	if err := p.Do(t.Context(), func() error { return fault }); !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
	if err := p.Do(t.Context(), func() error { panic("no graph") }); err == nil || !strings.Contains(err.Error(), "no graph") {
		t.Errorf("a panic is %v", err)
	}
	if err := p.Do(t.Context(), func() error { return nil }); err != nil {
		t.Errorf("the thread was lost: %v", err)
	}
}

func TestPoolWaitsNoLongerThanItsContext(t *testing.T) {
	p := NewPool(1)
	begun, end := make(chan struct{}), make(chan struct{})
	var first sync.WaitGroup
	first.Go(func() {
		if err := p.Do(context.Background(), func() error { close(begun); <-end; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Do(ctx, func() error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(end)
	first.Wait()
	p.Close()
	p.Close()
	if err := p.Do(t.Context(), func() error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestThreads(t *testing.T) {
	if n := Threads(1); n != 1 {
		t.Errorf("at most 1: %d", n)
	}
	if n := Threads(1 << 20); n < 1 {
		t.Errorf("on this machine: %d", n)
	}
}
