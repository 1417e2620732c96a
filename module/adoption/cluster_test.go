package adoption

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weaviate/weaviate/entities/models"
)

// A node that is behind the cluster's log knows of the vector later than of the
// job.
func TestWaitsForTheSchema(t *testing.T) {
	b := newBench(t, "a")
	b.fillWith("a", 3)
	class := b.schema.class
	b.schema.class, b.version = nil, 17
	tries := 0
	b.schema.behind = func(version uint64) error {
		if version != 17 {
			t.Errorf("it waits for version %d", version)
		}
		if tries++; tries < 4 {
			return errors.New("deadline exceeded")
		}
		b.schema.class = class
		return nil
	}
	if _, err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.storage.check(t)
}

func TestWaitsForTheSchemaNotForEver(t *testing.T) {
	b := newBench(t, "a")
	b.fillWith("a", 3)
	b.schema.behind = func(uint64) error { return errors.New("deadline exceeded") }
	if _, err := b.run(t.Context()); err != nil {
		t.Errorf("the schema is there, and got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	b.version++
	b.schema.behind = func(uint64) error { cancel(); return errors.New("deadline exceeded") }
	if _, err := b.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A shard that moves to another node in mid job is left to that one, and one
// that comes to this node is filled.
func TestShardsThatMove(t *testing.T) {
	b := newBench(t, "goes", "stays", "comes")
	b.fillWith("stays", 5)
	b.fillWith("comes", 5)
	b.storage.shards["goes"] = nil
	b.schema.placed[2].Nodes = []string{"node2"}
	b.nodes = []string{testNode, "node2"}
	moved := false
	b.started = b.now // so that it waits at the end
	b.waited = func() {
		b.schema.mu.Lock()
		defer b.schema.mu.Unlock()
		b.schema.placed[0].Nodes = []string{"node2"}
		b.schema.placed[2].Nodes = []string{testNode}
		moved = true
	}
	file, err := b.run(t.Context())
	if err != nil || !moved {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, s := range file.Shards {
		states[s.Name] = s.State
	}
	if states["goes"] != ShardGone || states["stays"] != StateFinished || states["comes"] != StateFinished {
		t.Errorf("states are %v", states)
	}
	b.storage.check(t)
}

func TestShardThatComesToANodeWithoutAPart(t *testing.T) {
	b := newBench(t, "a")
	b.fillWith("a", 5)
	b.nodes = []string{testNode}
	b.started = b.now
	b.waited = func() { b.schema.placed[0].Nodes = []string{testNode, "node7"} }
	b.others = func(context.Context) (others, error) { return others{told: true, filled: true}, nil }
	if _, err := b.run(t.Context()); err == nil || !strings.Contains(err.Error(), `"node7"`) {
		t.Errorf("got %v", err)
	}
}

// The encoder is open while shards are filled, and neither while the job waits
// nor when it has ended.
func TestEncoderIsOpenWhileFilling(t *testing.T) {
	b := newBench(t, "a")
	b.model.batches = 4
	b.fillWith("a", 10*batchSize)
	b.started = b.now
	waits := 0
	b.waited = func() {
		if waits++; b.model.open != 0 {
			t.Error("it is open while the job waits")
		}
	}
	b.storage.beforeFill = func(string, [][]byte) {
		if b.model.open != 1 {
			t.Errorf("it is opened %d times", b.model.open)
		}
	}
	if _, err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.storage.check(t)
	if waits == 0 || b.model.open != 0 {
		t.Errorf("the job waited %d times, and left it opened %d times", waits, b.model.open)
	}

	b.version++
	b.model.refused = errors.New("out of memory")
	if _, err := b.run(t.Context()); !errors.Is(err, b.model.refused) {
		t.Errorf("got %v", err)
	}
}

// Replicas of a tenant are filled by their nodes on their own: one that finds it
// deactivated by the other activates it again, and puts it back.
func TestTenantDeactivatedByAnotherNode(t *testing.T) {
	b := newBench(t, "t")
	b.replicate("t")
	b.fillWith("t", 3*batchSize)
	b.schema.placed[0].Status = models.TenantActivityStatusHOT // as the other node has it
	objects := b.storage.shards["t"]
	b.schema.load = func(_ string, active bool) {
		b.storage.mu.Lock()
		defer b.storage.mu.Unlock()
		b.storage.shards["t"] = nil
		if active {
			b.storage.shards["t"] = objects
		}
	}
	b.others = func(context.Context) (others, error) { return others{told: true, filled: true}, nil }
	n := 0
	b.storage.beforeFill = func(string, [][]byte) {
		if n++; n == 2 { // the other node is through
			if err := b.schema.SetActive(t.Context(), testClass, "t", false); err != nil {
				t.Error(err)
			}
		}
	}
	file, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if file.Shards[0].State != StateFinished || b.schema.placed[0].Status != models.TenantActivityStatusCOLD {
		t.Errorf("the shard is %s, the tenant %s", file.Shards[0].State, b.schema.placed[0].Status)
	}
	for id, o := range objects {
		if len(o.Vectors[testVector]) == 0 {
			t.Errorf("%x is not filled", id)
		}
	}
}

// A node's own clock tells how long a write may still take that does not know of
// the vector.
func TestClocksOfOtherNodes(t *testing.T) {
	s := newSite(t, "a")
	s.fillWith("a", 3)
	s.do("POST", "/adoptions", "ann", startBody)
	s.cluster.tasks[0].StartedAt = time.Now().Add(24 * time.Hour) // of a node whose clock is ahead
	s.service.settle = settlingOf(50 * time.Millisecond)
	s.work()
	s.storage.check(t)
}
