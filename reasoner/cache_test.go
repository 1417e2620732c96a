package reasoner

import (
	"context"
	"slices"
	"strings"
	"testing"
)

func TestCache(t *testing.T) {
	_, m := newFake(t, Options{})
	ctx := context.Background()
	c := &cache{store: fakeStore{m}, capacity: 256, limit: 5}
	m.stores++
	defer c.store.Close()

	if _, err := c.extend(ctx, m, pass{tokens: []int64{1, 2, 3}, rows: []int64{2}}); err != nil {
		t.Fatal(err)
	}
	c.rollback(1)
	if _, err := c.extend(ctx, m, pass{tokens: []int64{4}, rows: []int64{0}}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.tokens, []int64{1, 2, 4}) || c.room() != 2 {
		t.Errorf("holds %v, room %d", c.tokens, c.room())
	}
	if _, err := c.extend(ctx, m, pass{tokens: []int64{5, 6, 7}, rows: []int64{0}}); err == nil || !strings.Contains(err.Error(), "room for 2") {
		t.Errorf("a pass that does not fit: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := c.extend(cancelled, m, pass{tokens: []int64{5}, rows: []int64{0}}); err == nil {
		t.Error("a pass after the end of its context")
	}
	if !slices.Equal(c.tokens, []int64{1, 2, 4}) {
		t.Errorf("after failed passes it holds %v", c.tokens)
	}
	c.rollback(100)
	if len(c.tokens) != 0 {
		t.Errorf("holds %v", c.tokens)
	}
}

func TestCachePool(t *testing.T) {
	_, m := newFake(t, Options{})
	p := &cachePool{model: m, keep: 2}
	get := func(n int) *cache {
		t.Helper()
		c, err := p.get(n)
		if err != nil {
			t.Fatal(err)
		}
		if c.limit != n || c.capacity < n || c.capacity%cacheStep != 0 || len(c.tokens) != 0 {
			t.Fatalf("for %d: %+v", n, c)
		}
		return c
	}
	small, middle, large := get(10), get(300), get(1000)
	small.tokens = append(small.tokens, 1)
	for _, c := range []*cache{large, small, middle} {
		if err := p.put(c); err != nil {
			t.Fatal(err)
		}
	}
	// The smallest was freed; the smallest that is large enough is handed out.
	if m.stores != 2 {
		t.Errorf("%d caches, want 2", m.stores)
	}
	if c := get(5); c != middle {
		t.Errorf("got the cache of %d", c.capacity)
	}
	if c := get(600); c != large {
		t.Errorf("got the cache of %d", c.capacity)
	}
	if c := get(600); c == large || m.stores != 3 {
		t.Errorf("the same cache twice, or %d caches", m.stores)
	} else if err := p.put(c); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	for _, c := range []*cache{middle, large} { // still out at Close
		if err := p.put(c); err != nil {
			t.Error(err)
		}
	}
	if m.stores != 0 {
		t.Errorf("%d caches after Close", m.stores)
	}
}
