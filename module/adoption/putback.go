package adoption

import (
	"context"
	"slices"
	"strings"
	"time"
)

// readyStep is how often a node that starts is asked whether it is ready.
const readyStep = time.Second

// PutBack deactivates tenants that a job had activated on this node when it was
// killed, and that ended, or was stopped, before the node was back: nobody goes
// on with such a job. It returns when that is done, or ctx ends.
func (s *Service) PutBack(ctx context.Context) {
	for !s.host.Ready() {
		if sleep(ctx, readyStep) != nil {
			return
		}
	}
	files := s.states.all()
	if len(files) == 0 {
		return
	}
	tasks, err := s.tasks(ctx)
	if err != nil {
		s.logger.WithError(err).Warn("latentask: tenants that an adoption activated can't be looked for")
		return
	}
	running := map[string]bool{}
	for _, task := range tasks {
		running[task.ID] = task.Status.IsActive()
	}
	for _, file := range files {
		if running[file.ID] {
			continue
		}
		if err := s.putBack(ctx, file); err != nil {
			s.logger.WithField("adoption", file.ID).WithError(err).
				Warn("latentask: a tenant that the adoption activated can't be put back; the next adoption or start of the node tries again")
		}
	}
}

// putBack does so for one job.
func (s *Service) putBack(ctx context.Context, file stateFile) error {
	if !slices.ContainsFunc(file.Shards, func(sh shardState) bool { return sh.Activated }) {
		return nil
	}
	collection, vector, _ := strings.Cut(file.ID, "/")
	if s.host.Schema.Class(collection) == nil {
		return nil
	}
	placement, err := s.host.Schema.Placement(collection)
	if err != nil {
		return err
	}
	state, err := s.states.open(collection, vector, file.ID, file.Version)
	if err != nil {
		return err
	}
	for i, sh := range file.Shards {
		if !sh.Activated {
			continue
		}
		at := slices.IndexFunc(placement, func(p Placed) bool { return p.Name == sh.Name })
		if at >= 0 && placement[at].active() {
			if err := s.host.Schema.SetActive(ctx, collection, sh.Tenant, false); err != nil {
				return err
			}
			s.logger.WithField("adoption", file.ID).Info("latentask: a tenant that the adoption had activated is inactive again")
		}
		if err := state.change(i, func(s *shardState) { s.Activated = false }); err != nil {
			return err
		}
	}
	return nil
}
