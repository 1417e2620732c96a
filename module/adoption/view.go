package adoption

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/weaviate/weaviate/cluster/distributedtask"
	"github.com/weaviate/weaviate/entities/models"
)

// view puts together what the cluster and this node know of a job.
func (s *Service) view(task *distributedtask.Task) *Job {
	// What can't be read is shown as what the cluster knows alone.
	pay, _ := payloadOf(task)
	file, speed, stateErr := s.stateOf(task, pay)
	j := &Job{
		Collection: pay.Collection, Vector: pay.Vector, Rate: pay.Rate, Tenants: pay.Tenants, Starter: nameOf(pay.Starter),
		State: jobState(task), Error: task.Error,
		StartedUnixMs: task.StartedAt.UnixMilli(), UpdatedUnixMs: task.StartedAt.UnixMilli(),
		Node: s.node, Shards: []Shard{}, Nodes: []Node{},
	}
	if j.Tenants == nil {
		j.Tenants = []string{}
	}
	for name, unit := range task.Units {
		j.Nodes = append(j.Nodes, Node{Name: name, State: unitState(task, unit), Progress: float64(unit.Progress)})
		j.UpdatedUnixMs = max(j.UpdatedUnixMs, unit.UpdatedAt.UnixMilli(), unit.FinishedAt.UnixMilli())
	}
	slices.SortFunc(j.Nodes, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	if stateErr == nil {
		j.UpdatedUnixMs = max(j.UpdatedUnixMs, file.UpdatedUnixMs)
		for _, sh := range file.Shards {
			shard := Shard{Name: sh.Name, Tenant: sh.Tenant, Node: s.node, State: sh.State, Counts: sh.Counts}
			if shard.State == StateRunning && j.State != StateRunning {
				shard.State = j.State
			}
			j.Shards = append(j.Shards, shard)
			j.Total.add(sh.Counts)
			if sh.State == ShardOffloaded {
				j.Offloaded++
			}
		}
		e := extentOf(file.Shards)
		j.Objects, j.Done, j.Uncounted = e.objects, e.done, e.uncounted
	}
	j.Shards = append(j.Shards, s.elsewhere(task, pay)...)
	if j.State == StateRunning {
		j.PerSecond, j.Waiting = speed, s.waits(task)
		if speed > 0 {
			j.SecondsLeft = float64(j.Objects-j.Done) / speed
		}
	}
	return j
}

// waits tells whether this node waits for writers in a job.
func (s *Service) waits(task *distributedtask.Task) bool {
	running, ok := s.running.Load(task.ID)
	return ok && running.(*state).waiting.Load()
}

// limitShards leaves so many shards of a job, those first that are not finished,
// and of them those whose tenants a principal may see.
func (s *Service) limitShards(ctx context.Context, p *models.Principal, j *Job, limit int) error {
	all := len(j.Shards)
	if all > limit {
		slices.SortStableFunc(j.Shards, func(a, b Shard) int { return cmp.Compare(urgency(a), urgency(b)) })
		j.Shards = j.Shards[:limit]
	}
	names := slices.Clone(j.Tenants)
	for _, shard := range j.Shards {
		if shard.Tenant != "" {
			names = append(names, shard.Tenant)
		}
	}
	unseen, err := s.unseen(ctx, p, j.Collection, names)
	if err != nil {
		return err
	}
	hidden := func(tenant string) bool { return unseen[tenant] }
	j.Tenants = slices.DeleteFunc(j.Tenants, hidden)
	j.Shards = slices.DeleteFunc(j.Shards, func(shard Shard) bool { return hidden(shard.Tenant) })
	j.LeftOut = all - len(j.Shards)
	if len(unseen) > 0 && j.Error != "" {
		j.Error = "why is told to those who may read the collection's tenants"
	}
	return nil
}

// urgency is the order in which shards are of interest.
func urgency(s Shard) int {
	return slices.Index([]string{StateFailed, StateRunning, StateStopped, ShardPending, ShardOffloaded, ShardGone, StateFinished}, s.State)
}

// elsewhere are the shards of other nodes, with their nodes' states.
func (s *Service) elsewhere(task *distributedtask.Task, pay payload) []Shard {
	if task.Units[unitOf(s.node)] != nil && len(task.Units) == 1 {
		return nil
	}
	placement, err := s.host.Schema.Placement(pay.Collection)
	if err != nil {
		return nil
	}
	var shards []Shard
	for _, p := range placement {
		if len(pay.Tenants) > 0 && !slices.Contains(pay.Tenants, p.Name) {
			continue
		}
		for _, node := range p.Nodes {
			unit := task.Units[unitOf(node)]
			if node == s.node || unit == nil {
				continue
			}
			shard := Shard{Name: p.Name, Node: node, State: unitState(task, unit)}
			if p.Status != "" {
				shard.Tenant = p.Name
			}
			shards = append(shards, shard)
		}
	}
	slices.SortFunc(shards, func(a, b Shard) int {
		return strings.Compare(a.Node+"/"+a.Name, b.Node+"/"+b.Name)
	})
	return shards
}

func jobState(task *distributedtask.Task) string {
	switch task.Status {
	case distributedtask.TaskStatusFailed:
		return StateFailed
	case distributedtask.TaskStatusCancelled:
		return StateStopped
	case distributedtask.TaskStatusFinished, distributedtask.TaskStatusSwapping:
		return StateFinished // every node has done its part
	default:
		return StateRunning
	}
}

func unitState(task *distributedtask.Task, unit *distributedtask.Unit) string {
	switch unit.Status {
	case distributedtask.UnitStatusCompleted:
		return StateFinished
	case distributedtask.UnitStatusFailed:
		return StateFailed
	default:
		return jobState(task)
	}
}
