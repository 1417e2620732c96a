package client

import (
	"context"
	"fmt"
	"time"
)

// waitInterval is the time between two looks at a bundle that is loading.
const waitInterval = 200 * time.Millisecond

// WaitBundle returns when the node's bundle can answer, and with an error that
// says what to do when it never will. A bundle that loads is waited for until
// ctx ends.
func (c *Client) WaitBundle(ctx context.Context) (Operator, error) {
	tick := time.NewTicker(waitInterval)
	defer tick.Stop()
	for {
		o, err := c.Operator(ctx)
		if err != nil {
			return o, err
		}
		switch o.State {
		case "ready":
			return o, nil
		case "loading":
		case "":
			return o, fmt.Errorf("the node at %s has no latentask in it; build one with `latentask build`", c.url)
		default:
			return o, fmt.Errorf("the bundle is %s: %s (`make bundle` assembles it)", o.State, o.Reason)
		}
		select {
		case <-ctx.Done():
			return o, fmt.Errorf("wait for the bundle: %w", ctx.Err())
		case <-tick.C:
		}
	}
}
