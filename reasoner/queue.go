package reasoner

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// admission lets a bounded number of questions hold the model, and a bounded
// number wait for it in the order of their coming.
type admission struct {
	slots   *semaphore.Weighted
	waiting *semaphore.Weighted
}

func newAdmission(concurrency, queue int) *admission {
	return &admission{
		slots:   semaphore.NewWeighted(int64(concurrency)),
		waiting: semaphore.NewWeighted(int64(queue)),
	}
}

// enter waits for a slot, or fails with ErrOverloaded at once when the queue is
// full, or with ctx's error. After a nil error the caller must leave.
func (a *admission) enter(ctx context.Context) error {
	// TryAcquire fails while others wait, so nobody overtakes them.
	if a.slots.TryAcquire(1) {
		return nil
	}
	if !a.waiting.TryAcquire(1) {
		return ErrOverloaded
	}
	defer a.waiting.Release(1)
	return a.slots.Acquire(ctx, 1)
}

func (a *admission) leave() { a.slots.Release(1) }
