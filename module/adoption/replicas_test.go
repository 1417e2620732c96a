package adoption

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/weaviate/weaviate/cluster/distributedtask"
)

// replicate says that a shard lies on another node too.
func (b *bench) replicate(shard string) {
	for i := range b.schema.placed {
		if b.schema.placed[i].Name == shard {
			b.schema.placed[i].Nodes = append(b.schema.placed[i].Nodes, "node2")
		}
	}
}

// A write that leaves the text as it is stores the vector that it finds on one
// replica on all of them: one that reads from a node which has not filled the
// object takes the vector from those that have. So a shard with replicas is
// looked at again when every node has been through.
func TestWritersWhoReadFromAnotherReplica(t *testing.T) {
	b := newBench(t, "a")
	b.replicate("a")
	b.fillWith("a", 20)
	looks := 0
	b.others = func(context.Context) (others, error) {
		if looks++; looks < 3 {
			return others{told: looks > 1}, nil
		}
		if looks == 3 {
			b.storage.put("a", idOf(7), "text 7", false) // before the other node is through
		}
		return others{told: true, filled: true}, nil
	}
	file, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.storage.check(t)
	if file.Shards[0].State != StateFinished {
		t.Errorf("the shard is %s", file.Shards[0].State)
	}
	// Once more, as there was something to fill.
	if looks != 4 || !slices.Contains(b.told, filledProgress) {
		t.Errorf("the cluster was asked %d times, and told %v of this node", looks, b.told)
	}
}

// Writes that read before the last node was through may end after.
func TestWritersWhoReadFromAnotherReplicaAndAreSlow(t *testing.T) {
	b := newBench(t, "a")
	b.replicate("a")
	b.fillWith("a", 3)
	ready, written := false, false
	b.others = func(context.Context) (others, error) { ready = true; return others{true, true}, nil }
	b.waited = func() {
		if ready && !written {
			written = true
			b.storage.put("a", idOf(1), "text 1", false)
		}
	}
	if _, err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.storage.check(t)
}

// A shard that lies on one node waits for no other.
func TestShardsWithoutReplicasWaitForNobody(t *testing.T) {
	b := newBench(t, "a")
	b.fillWith("a", 3)
	b.others = func(context.Context) (others, error) {
		t.Error("it asked for the others")
		return others{true, true}, nil
	}
	if _, err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.storage.check(t)
}

// While the cluster can't be asked, the job goes on waiting; it ends with its
// context.
func TestWaitingForReplicasEndsWithTheContext(t *testing.T) {
	b := newBench(t, "a")
	b.replicate("a")
	b.fillWith("a", 3)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	b.others = func(context.Context) (others, error) {
		if n++; n == 3 {
			cancel()
		}
		return others{}, errors.New("no leader")
	}
	if _, err := b.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// What the cluster knows of other nodes.
func TestOthers(t *testing.T) {
	s := newSite(t, "a")
	s.replicate("a")
	s.do("POST", "/adoptions", "ann", startBody)
	task := s.cluster.tasks[0]
	ask := func() (others, error) { return s.service.othersOf(t.Context(), s.payload, task.Version) }
	for _, tt := range []struct {
		status   distributedtask.UnitStatus
		progress float32
		through  bool
	}{
		{distributedtask.UnitStatusPending, 0, false},
		{distributedtask.UnitStatusInProgress, 0.999, false},
		{distributedtask.UnitStatusInProgress, 1, true},
		{distributedtask.UnitStatusCompleted, 0.9, true},
		{distributedtask.UnitStatusFailed, 0.5, true},
	} {
		for unit, want := range map[string]others{
			"node2":  {filled: tt.through},
			testNode: {told: tt.through},
		} {
			task.Units = map[string]*distributedtask.Unit{"node2": {}, testNode: {}}
			task.Units[unit].Status, task.Units[unit].Progress = tt.status, tt.progress
			if got, err := ask(); err != nil || got != want {
				t.Errorf("%s is %s at %v: got %+v, %v", unit, tt.status, tt.progress, got, err)
			}
		}
	}
	s.cluster.err = errors.New("no leader")
	if _, err := ask(); err == nil {
		t.Error("no error where the cluster can't be asked")
	}
	s.cluster.err, s.cluster.tasks = nil, nil
	if got, err := ask(); err != nil || got != (others{true, true}) {
		t.Errorf("a job that the cluster does not know any more: got %+v, %v", got, err)
	}
}

// A node tells that it is through, sees that the others are, and ends.
func TestProviderWithReplicas(t *testing.T) {
	s := newSite(t, "a")
	s.replicate("a")
	s.fillWith("a", 10)
	s.do("POST", "/adoptions", "ann", startBody)
	s.service.settle = settling{}
	task := s.cluster.tasks[0]
	task.Units["node2"].Status = distributedtask.UnitStatusCompleted
	recorder := &fakeRecorder{marks: func(unit string, progress float32) {
		s.cluster.mu.Lock()
		defer s.cluster.mu.Unlock()
		task.Units[unit].Progress = max(task.Units[unit].Progress, progress)
	}}
	provider := s.service.Provider()
	provider.SetCompletionRecorder(recorder)
	handle, err := provider.StartTask(task.Clone())
	if err != nil {
		t.Fatal(err)
	}
	<-handle.Done()
	if message, ended := recorder.ended[testNode]; !ended || message != "" {
		t.Fatalf("ended %v with %q", ended, message)
	}
	if got := task.Units[testNode].Progress; got != filledProgress {
		t.Errorf("the cluster was told %v of this node", got)
	}
	s.storage.check(t)
}
