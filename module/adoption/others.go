package adoption

import (
	"context"
	"time"

	"github.com/weaviate/weaviate/cluster/distributedtask"
)

// others is how far the other nodes of a job are, as the cluster knows it.
type others struct {
	// told: the cluster knows that this node is through its shards.
	told bool
	// filled: every other node is through its own.
	filled bool
}

// filledProgress is what a node tells the cluster when it is through its shards
// and waits for the others.
const filledProgress = 1

// othersOf asks the cluster how far a job is. A job that the cluster has
// forgotten is waited for no longer.
func (s *Service) othersOf(ctx context.Context, pay payload, version uint64) (others, error) {
	task, err := s.task(ctx, pay.Collection, pay.Vector)
	if err != nil {
		return others{}, err
	}
	o := others{told: true, filled: true}
	if task == nil || task.Version != version {
		return o, nil
	}
	for name, unit := range task.Units {
		through := unit.Progress >= filledProgress ||
			unit.Status == distributedtask.UnitStatusCompleted || unit.Status == distributedtask.UnitStatusFailed
		if name == unitOf(s.node) {
			o.told = through
		} else {
			o.filled = o.filled && through
		}
	}
	return o, nil
}

// othersStep is how often the cluster is asked how far the other nodes are.
const othersStep = 2 * time.Second

// awaitOthers returns when every node of the job is through its shards, and sets
// together. A write that leaves an object's text as it is reads its vector from
// one replica and stores it on all of them: read from a node that has not filled
// the object yet, it takes the vector from one that has. So the pass that ends a
// replicated shard comes after all nodes have filled it.
func (j *job) awaitOthers(ctx context.Context) error {
	for {
		o, err := j.others(ctx)
		if err != nil {
			j.logger.WithError(err).Debug("latentask: the cluster could not be asked how far other nodes are")
		}
		if err == nil && o.told && o.filled {
			j.together = j.deps.now().Add(j.settle)
			return nil
		}
		if !o.told {
			j.report(filledProgress)
		}
		if err := j.deps.sleep(ctx, othersStep); err != nil {
			return err
		}
	}
}
