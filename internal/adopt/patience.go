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

// silentPart is the part of the patience that passes before what is waited for is
// said, six seconds of ten minutes: most of what passes is over by then.
const silentPart = 100

// patiently does something again until it does not fail for a passing reason, or
// patience ends. It must be something that may be done twice.
func (r *Runner) patiently(ctx context.Context, do func() error) error {
	begin := time.Now()
	said, told := begin, ""
	for {
		err := do()
		if err == nil || !passing(err) || ctx.Err() != nil || time.Since(begin) > r.patience() {
			return err
		}
		if message := err.Error(); message != told && time.Since(said) >= r.patience()/silentPart {
			left := r.patience() - time.Since(begin)
			r.say("the node can't do it now; trying again for %s at most: %s", left.Round(time.Second), message)
			said, told = time.Now(), message
		}
		if r.pause(ctx) != nil {
			return err
		}
	}
}

// pause is the time between two tries; its error is that of ctx.
func (r *Runner) pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(r.poll()):
		return nil
	}
}
