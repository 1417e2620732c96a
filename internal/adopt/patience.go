package adopt

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/latentask/latentask/internal/client"
)

const (
	defaultPoll     = time.Second
	defaultPatience = 10 * time.Minute
)

func (r *Runner) poll() time.Duration {
	if r.Poll > 0 {
		return r.Poll
	}
	return defaultPoll
}

func (r *Runner) patience() time.Duration {
	if r.Patience > 0 {
		return r.Patience
	}
	return defaultPatience
}

// passing tells whether an error is that of a node that restarts, or that took
// longer than its time for one request.
func passing(err error) bool {
	if errors.Is(err, client.ErrUnreachable) {
		return true
	}
	switch client.Status(err) {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// patiently does something again until it does not fail for a passing reason, or
// patience ends. It must be something that may be done twice.
func (r *Runner) patiently(ctx context.Context, do func() error) error {
	begin := time.Now()
	for {
		err := do()
		if err == nil || !passing(err) || ctx.Err() != nil || time.Since(begin) > r.patience() {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(r.poll()):
		}
	}
}
