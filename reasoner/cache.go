package reasoner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// cache is one sequence as the backbone has read it: the tokens, and behind
// them their keys and values in a store of fixed capacity.
//
// Invariants: len(tokens) ≤ limit ≤ capacity; the store's first len(tokens) positions
// belong to exactly these tokens. What lies in the store behind them is rubbish
// that no pass reads: rolling back is forgetting tokens, and a pooled cache is
// handed to the next question without being wiped.
type cache struct {
	store    store
	tokens   []int64
	capacity int // of the store
	limit    int // of this use: a question gets no more room in a cache that happens to be large
}

// room is how many more tokens fit.
func (c *cache) room() int { return c.limit - len(c.tokens) }

// extend runs a pass behind the tokens held. When it fails, the cache holds
// what it held before.
func (c *cache) extend(ctx context.Context, m model, p pass) (output, error) {
	if len(p.tokens) > c.room() {
		return output{}, fmt.Errorf("reasoner: a pass of %d tokens in a cache with room for %d", len(p.tokens), c.room())
	}
	if err := ctx.Err(); err != nil {
		return output{}, err
	}
	out, err := m.forward(ctx, c, p)
	if err != nil {
		return output{}, err
	}
	c.tokens = append(c.tokens, p.tokens...)
	return out, nil
}

// rollback forgets the last n tokens.
func (c *cache) rollback(n int) { c.tokens = c.tokens[:len(c.tokens)-min(n, len(c.tokens))] }

// cachePool keeps caches between questions, since their memory is large (23 KB
// a token in half precision, for the default backbone) and the system's price
// for fresh pages is paid in the middle of a question.
type cachePool struct {
	model model
	keep  int

	mu     sync.Mutex
	idle   []*cache
	closed bool
}

// cacheStep is what capacities are rounded up to, so that questions of
// different limits share caches.
const cacheStep = 256

// get hands out an empty cache for at least n tokens; put takes it back.
func (p *cachePool) get(n int) (*cache, error) {
	p.mu.Lock()
	best := -1
	for i, c := range p.idle {
		if c.capacity >= n && (best < 0 || c.capacity < p.idle[best].capacity) {
			best = i
		}
	}
	if best >= 0 {
		c := p.idle[best]
		p.idle = slices.Delete(p.idle, best, best+1)
		p.mu.Unlock()
		c.tokens, c.limit = c.tokens[:0], n
		return c, nil
	}
	p.mu.Unlock()

	capacity := (n + cacheStep - 1) / cacheStep * cacheStep
	s, err := p.model.allocate(capacity)
	if err != nil {
		return nil, err
	}
	return &cache{store: s, capacity: capacity, limit: n}, nil
}

// put takes a cache back that no pass uses any more. Beyond p.keep idle caches
// the smallest is freed: large ones serve every question.
func (p *cachePool) put(c *cache) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return c.store.Close()
	}
	p.idle = append(p.idle, c)
	if len(p.idle) <= p.keep {
		return nil
	}
	least := 0
	for i, c := range p.idle {
		if c.capacity < p.idle[least].capacity {
			least = i
		}
	}
	c = p.idle[least]
	p.idle = slices.Delete(p.idle, least, least+1)
	return c.store.Close()
}

// Close frees the idle caches; ones that are out are freed when they come back.
func (p *cachePool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for _, c := range p.idle {
		errs = append(errs, c.store.Close())
	}
	p.idle = nil
	return errors.Join(errs...)
}
