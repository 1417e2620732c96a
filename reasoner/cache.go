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
	of       backbone
}

// backbone is which of a bundle's backbones a cache's keys and values are of;
// their shapes are the same. A cache changes it only when it is empty.
type backbone int

const (
	ofLoop   backbone = iota
	ofTwin            // writes its subqueries: ModeExplicit
	ofTeller          // puts latents into words; the loop's, where a bundle has no other
)

// backbone is the one that makes the hops of a mode.
func (m Mode) backbone() backbone {
	if m == ModeExplicit {
		return ofTwin
	}
	return ofLoop
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

// keep forgets all but the first n tokens.
func (c *cache) keep(n int) { c.tokens = c.tokens[:min(n, len(c.tokens))] }

// cachePool keeps caches between questions, since their memory is large (46 KB
// a token in float32, for the default backbone) and the system's price for
// fresh pages is paid in the middle of a question.
type cachePool struct {
	model      model
	tokenBytes int // of one token's keys and values
	keep       int // bytes of idle caches

	mu     sync.Mutex
	idle   []*cache // by capacity
	closed bool
}

// cacheStep is what capacities are rounded up to, so that questions of
// different limits share caches: four sizes, for a backbone of 2,048 positions.
const cacheStep = 512

// roundUp is the capacity of a cache that holds n tokens.
func roundUp(n int) int { return (n + cacheStep - 1) / cacheStep * cacheStep }

// newCachePool keeps as much as so many questions under the bundle's own limits
// need at once. A question that asks for more passages gets a cache that is
// freed behind it.
func newCachePool(m model, l layout, questions int) *cachePool {
	most := roundUp(l.longest(ModeLatent, l.Limits.QuestionTokens, l.Limits.Hops, l.Limits.Passages))
	return &cachePool{model: m, tokenBytes: l.tokenBytes(), keep: questions * most * l.tokenBytes()}
}

// get hands out an empty cache for at least n tokens of a backbone; put takes
// it back.
func (p *cachePool) get(n int, of backbone) (*cache, error) {
	p.mu.Lock()
	if i := slices.IndexFunc(p.idle, func(c *cache) bool { return c.capacity >= n }); i >= 0 {
		c := p.idle[i]
		p.idle = slices.Delete(p.idle, i, i+1)
		p.mu.Unlock()
		c.tokens, c.limit, c.of = c.tokens[:0], n, of
		return c, nil
	}
	p.mu.Unlock()

	capacity := roundUp(n)
	s, err := p.model.allocate(capacity)
	if err != nil {
		return nil, err
	}
	return &cache{store: s, capacity: capacity, limit: n, of: of}, nil
}

// put takes a cache back that no pass uses any more. While the idle caches take
// more than p.keep bytes the smallest is freed, since large ones serve every
// question; one that takes more by itself is freed at once.
func (p *cachePool) put(c *cache) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || c.capacity*p.tokenBytes > p.keep {
		return c.store.Close()
	}
	p.idle = append(p.idle, c)
	slices.SortFunc(p.idle, func(a, b *cache) int { return a.capacity - b.capacity })
	var errs []error
	for p.idleBytes() > p.keep {
		errs = append(errs, p.idle[0].store.Close())
		p.idle = slices.Delete(p.idle, 0, 1)
	}
	return errors.Join(errs...)
}

func (p *cachePool) idleBytes() int {
	n := 0
	for _, c := range p.idle {
		n += c.capacity * p.tokenBytes
	}
	return n
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
