package reasoner

import (
	"context"
	"errors"
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
	p := &cachePool{model: m, tokenBytes: 8, keep: 2 * 1024 * 8}
	get := func(n int) *cache {
		t.Helper()
		c, err := p.get(n, ofLoop)
		if err != nil {
			t.Fatal(err)
		}
		if c.limit != n || c.capacity < n || c.capacity%cacheStep != 0 || len(c.tokens) != 0 {
			t.Fatalf("for %d: %+v", n, c)
		}
		return c
	}
	put := func(caches ...*cache) {
		t.Helper()
		for _, c := range caches {
			if err := p.put(c); err != nil {
				t.Fatal(err)
			}
		}
	}
	small, middle, large, huge := get(10), get(600), get(1500), get(2049)
	if a, b := get(500), get(512); a.capacity != small.capacity || b.capacity != small.capacity {
		t.Errorf("caches for 10, 500 and 512 tokens hold %d, %d and %d", small.capacity, a.capacity, b.capacity)
	} else if err := errors.Join(a.store.Close(), b.store.Close()); err != nil {
		t.Error(err)
	}
	small.tokens = append(small.tokens, 1)
	put(large, small) // 2,048 tokens' room: all that is kept
	if m.stores != 4 {
		t.Errorf("%d caches, want 4", m.stores)
	}
	put(huge) // alone more than is kept: nothing makes room for it
	if m.stores != 3 {
		t.Errorf("%d caches, want 3", m.stores)
	}
	put(middle) // the smaller ones make room for the largest
	if m.stores != 1 {
		t.Errorf("%d caches, want 1", m.stores)
	}
	// The smallest that is large enough is handed out.
	small = get(10)
	if small != large {
		t.Errorf("got a cache of %d", small.capacity)
	}
	small = get(10)
	put(large, small)
	if c := get(10); c != small {
		t.Errorf("got the cache of %d", c.capacity)
	}
	if c := get(513); c != large {
		t.Errorf("got the cache of %d", c.capacity)
	}
	if c := get(10); c == small || m.stores != 3 {
		t.Errorf("the same cache twice, or %d caches", m.stores)
	} else {
		put(c)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	put(small, large) // still out at Close
	if m.stores != 0 {
		t.Errorf("%d caches after Close", m.stores)
	}
}

// A question takes the room that it can come to need, and no more.
func TestCacheOfARequest(t *testing.T) {
	e, m := newFake(t, Options{})
	e.layout.Backbone.MaxPositions = 4096
	e.layout.Limits.PassageTokens = 100
	for _, c := range []struct {
		request  Request
		capacity int
	}{
		{Request{MaxHops: 1}, 512},
		{Request{MaxHops: 4}, 1024},                          // 4 hops of 2 passages of 101, and 36
		{Request{MaxHops: 4, PassagesPerHop: 10}, 4096},      // 4 hops of 10
		{Request{Mode: ModeDirect, PassagesPerHop: 10}, 512}, // reads none of them
		{Request{MaxHops: 1, Decode: true}, 512},             // in the same cache
	} {
		m.allocated = nil
		e.caches = newCachePool(m, e.layout, 1)
		e.caches.keep = 0
		c.request.Question = "who"
		ask(t, e, c.request, &script{hits: [][]Passage{{hit("a", "Knox")}}})
		if !slices.Equal(m.allocated, []int{c.capacity}) {
			t.Errorf("%+v: caches of %d, want one of %d", c.request, m.allocated, c.capacity)
		}
	}
}
