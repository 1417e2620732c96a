package module

import (
	"context"
	"fmt"
	"sync"
)

// askCounter counts the latentAsk operators of one HTTP request: aliases of one
// query, and the queries of a batch.
//
// Nothing that reaches a search names the request, but the context of every
// operator is derived from the request's by values alone, and so shares its
// Done channel, which closes when the request ends.
type askCounter struct {
	limit int

	mu     sync.Mutex
	counts map[<-chan struct{}]int
}

func newAskCounter(limit int) *askCounter {
	return &askCounter{limit: limit, counts: map[<-chan struct{}]int{}}
}

// add counts one operator and refuses it with ErrTooManyAsks past the limit. A
// context that never ends belongs to no request and is not counted.
func (c *askCounter) add(ctx context.Context) error {
	request := ctx.Done()
	if request == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.counts[request] + 1
	c.counts[request] = n
	if n == 1 {
		context.AfterFunc(ctx, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.counts, request)
		})
	}
	if n > c.limit {
		return fmt.Errorf("%w: the limit is %d; send the others in requests of their own, or raise %s",
			ErrTooManyAsks, c.limit, EnvMaxAsks)
	}
	return nil
}
