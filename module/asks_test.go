package module

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAskCounterCountsARequest(t *testing.T) {
	c := newAskCounter(2)
	request, end := context.WithCancel(context.Background())
	type key struct{}
	// Weaviate hands each operator a context with values of its own.
	operator := func() context.Context { return context.WithValue(request, key{}, new(int)) }
	for range 2 {
		if err := c.add(operator()); err != nil {
			t.Fatal(err)
		}
	}
	err := c.add(operator())
	if !errors.Is(err, ErrTooManyAsks) || !strings.Contains(err.Error(), "the limit is 2") || !strings.Contains(err.Error(), EnvMaxAsks) {
		t.Errorf("the third passed with %v", err)
	}
	other, endOther := context.WithCancel(context.Background())
	defer endOther()
	if err := c.add(other); err != nil {
		t.Errorf("another request was refused: %v", err)
	}

	end()
	// The count goes away in the background, once the request has ended.
	deadline := time.Now().Add(10 * time.Second)
	for {
		c.mu.Lock()
		n := len(c.counts)
		c.mu.Unlock()
		if n == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d requests are still counted", n)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestAskCounterLeavesBackgroundWorkAlone(t *testing.T) {
	c := newAskCounter(1)
	for range 3 {
		if err := c.add(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAskCounterFromManyGoroutines(t *testing.T) {
	c := newAskCounter(10)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var passed atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if c.add(ctx) == nil {
				passed.Add(1)
			}
		})
	}
	wg.Wait()
	if passed.Load() != 10 {
		t.Errorf("%d passed, want 10", passed.Load())
	}
}
