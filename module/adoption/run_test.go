package adoption

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weaviate/weaviate/cluster/distributedtask"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/storobj"
)

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// fillWith puts n objects without the vector into a shard.
func (b *bench) fillWith(shard string, n int) {
	for i := range n {
		b.storage.put(shard, idOf(i), fmt.Sprintf("text %d", i), false)
	}
}

func TestFillsWhatLacks(t *testing.T) {
	b := newBench(t, "a", "b")
	b.fillWith("a", 300)
	b.storage.put("b", idOf(1), "long text", false)
	b.storage.put("b", idOf(2), "", false)
	b.storage.put("b", idOf(3), "there already", true)
	file, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.storage.check(t)
	want := []Counts{{Objects: 300, Filled: 300}, {Objects: 3, Filled: 1, Present: 1, WithoutText: 1, Cut: 1}}
	for i, s := range file.Shards {
		if s.State != StateFinished || s.Counts != want[i] {
			t.Errorf("shard %s is %s with %+v, want %+v", s.Name, s.State, s.Counts, want[i])
		}
	}
	if b.model.embedded != 301 {
		t.Errorf("%d texts were embedded for 301 objects", b.model.embedded)
	}

	if b.storage.flushed["a"] == 0 || b.storage.flushed["b"] == 0 {
		t.Errorf("filled shards were not flushed: %v", b.storage.flushed)
	}

	// A second run finds nothing to do.
	b.version = 2
	file, err = b.run(t.Context())
	if err != nil || b.model.embedded != 301 {
		t.Errorf("the second run embedded %d texts, %v", b.model.embedded-301, err)
	}
	if got, want := file.Shards[0].Counts, (Counts{Objects: 300, Present: 300}); got != want {
		t.Errorf("the second run counts %+v, want %+v", got, want)
	}
}

// What is written between reading and storing is neither lost nor overtaken.
func TestWritersBetweenReadingAndStoring(t *testing.T) {
	for name, write := range map[string]func(s *fakeStorage, id []byte){
		"updated by one who knows the vector":       func(s *fakeStorage, id []byte) { s.put("a", id, "new text", true) },
		"updated by one who doesn't":                func(s *fakeStorage, id []byte) { s.put("a", id, "new text", false) },
		"deleted":                                   func(s *fakeStorage, id []byte) { s.remove("a", id) },
		"deleted and made anew":                     func(s *fakeStorage, id []byte) { s.remove("a", id); s.put("a", id, "text of another", false) },
		"deleted and made anew with the same text":  func(s *fakeStorage, id []byte) { s.remove("a", id); s.put("a", id, "text 7", false) },
		"its text taken away":                       func(s *fakeStorage, id []byte) { s.put("a", id, "", true) },
		"given the vector by somebody else":         func(s *fakeStorage, id []byte) { s.put("a", id, "text 7", true) },
		"written again as it was, with a new docID": func(s *fakeStorage, id []byte) { s.put("a", id, "text 7", false) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "a")
			b.fillWith("a", 20)
			var once sync.Once
			b.storage.beforeFill = func(string, [][]byte) { once.Do(func() { write(b.storage, idOf(7)) }) }
			if _, err := b.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.storage.check(t)
			if _, there := b.storage.shards["a"][string(idOf(7))]; there == (name == "deleted") {
				t.Errorf("the object is there: %v", there)
			}
		})
	}
}

// An object whose text changes each time that it is to be stored is left to the
// next pass, and filled there.
func TestTextThatChangesAgainAndAgain(t *testing.T) {
	b := newBench(t, "a")
	b.fillWith("a", 5)
	n := 0
	b.storage.beforeFill = func(string, [][]byte) {
		if n++; n <= attempts {
			b.storage.put("a", idOf(2), fmt.Sprintf("change %d", n), false)
		}
	}
	file, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.storage.check(t)
	if file.Shards[0].Pass < 3 {
		t.Errorf("ended after %d passes", file.Shards[0].Pass)
	}
}

// A write that did not know of the vector and ends behind the cursor is found by
// a later pass.
func TestWriteBehindTheCursor(t *testing.T) {
	b := newBench(t, "a")
	b.fillWith("a", 3*batchSize)
	first := ""
	for id := range b.storage.shards["a"] {
		if first == "" || id < first {
			first = id
		}
	}
	n := 0
	b.storage.beforeFill = func(string, [][]byte) {
		if n++; n == 3*batchSize/storeSize {
			b.storage.put("a", []byte(first), "late", false)
		}
	}
	if _, err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.storage.check(t)
}

// The pass that ends a job began when every write that did not know of the
// vector had ended.
func TestLastPassBeginsLate(t *testing.T) {
	b := newBench(t, "a")
	b.fillWith("a", 3)
	late := 2
	b.waited = func() {
		if late--; late >= 0 {
			b.storage.put("a", idOf(1), "text 1", false) // as it was read before it was filled
		}
	}
	began := b.now
	if _, err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.storage.check(t)
	if late >= 0 {
		t.Error("the job ended before the late writes")
	}
	if got := b.now.Sub(began); got != 3*b.settle {
		t.Errorf("the last pass began after %s, not %s after each filling", got, b.settle)
	}
}

// Where there is nothing to fill there is nothing to wait for at the end.
func TestNothingIsFilledNothingIsAwaited(t *testing.T) {
	b := newBench(t, "a")
	b.storage.put("a", idOf(1), "text", true)
	began := b.now
	if _, err := b.run(t.Context()); err != nil || b.now != began {
		t.Errorf("waited %s, %v", b.now.Sub(began), err)
	}
}

// A writer that does not know of the vector has a text changed and no vector
// made: one that was filled before would stay, of the text before. Where writes
// wait for a vectorizer that may take long. A restart does not wait again.
func TestNothingIsFilledBeforeSlowWritersHaveEnded(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(class *models.Class)
		settle time.Duration
	}{
		{"users bring vectors", func(*models.Class) {}, time.Minute},
		{"an unnamed vector without a vectorizer", func(c *models.Class) { c.Vectorizer = "none" }, time.Minute},
		{"an unnamed vector's vectorizer", func(c *models.Class) { c.Vectorizer = "text2vec-openai" }, 10 * time.Minute},
		{"a named vector's vectorizer", func(c *models.Class) {
			c.VectorConfig["other"] = models.VectorConfig{Vectorizer: map[string]any{"text2vec-ollama": map[string]any{}}}
		}, 10 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, "a")
			tt.change(b.schema.class)
			b.fillWith("a", 3)
			b.started = b.now
			waits := 0
			b.waited = func() {
				if waits++; waits > 1 {
					return
				}
				for id, o := range b.storage.shards["a"] {
					if len(o.Vectors) > 0 {
						t.Errorf("%x is filled already", id)
					}
				}
				b.storage.put("a", idOf(1), "late", false)
			}
			if _, err := b.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.storage.check(t)
			if got := b.now.Sub(b.started); got != 2*tt.settle || waits != 2 {
				t.Errorf("waited %d times, %s in all, want %s twice", waits, got, tt.settle)
			}

			if _, err := b.run(t.Context()); err != nil || waits != 2 {
				t.Errorf("after a restart: waited %d times more, %v", waits-2, err)
			}
		})
	}
	if got := settlingOf(0); got.plain != 10*time.Second || got.module != DefaultWrite {
		t.Errorf("by default %+v", got)
	}
	if got := settlingOf(time.Second); got.plain != time.Second || got.module != time.Second {
		t.Errorf("of a second %+v", got)
	}
}

// Shards whose turn has not come are counted before it.
func TestCountsShardsBeforehand(t *testing.T) {
	b := newBench(t, "a", "b", "cold")
	for i := range b.schema.placed {
		b.schema.placed[i].Status = models.TenantActivityStatusHOT
	}
	b.schema.placed[2].Status = models.TenantActivityStatusCOLD
	b.fillWith("a", 30)
	b.fillWith("b", 50)
	cold := map[string]*storobj.Object{string(idOf(1)): b.storage.shards["b"][string(idOf(1))]}
	b.storage.shards["cold"] = nil
	b.schema.load = func(_ string, active bool) {
		if b.storage.shards["cold"] = nil; active {
			b.storage.shards["cold"] = cold
		}
	}
	var first []shardState
	b.storage.beforeFill = func(string, [][]byte) {
		if first == nil {
			file, err := readState(b.store.path(testClass, testVector))
			if err != nil {
				t.Error(err)
				return
			}
			first = file.Shards
		}
	}
	if _, err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := extentOf(first), (extent{objects: 120, uncounted: 1}); got != want {
		t.Errorf("in the first shard %+v, want %+v", got, want)
	}
}

func TestExtent(t *testing.T) {
	for _, tt := range []struct {
		name   string
		shards []shardState
		want   extent
	}{
		{"nothing", nil, extent{}},
		{"none counted", []shardState{{State: ShardPending}}, extent{uncounted: 1}},
		{"in the first", []shardState{
			{State: StateRunning, Counted: true, Counts: Counts{Objects: 10}, Seen: Counts{Objects: 4}},
			{State: ShardPending, Counted: true, Counts: Counts{Objects: 20}},
			{State: ShardPending}, {State: ShardPending},
		}, extent{objects: 60, done: 4, uncounted: 2}},
		{"a later pass", []shardState{{State: StateRunning, Counted: true, Pass: 1, Counts: Counts{Objects: 10}}}, extent{objects: 10, done: 10}},
		{"left", []shardState{
			{State: StateFinished, Counted: true, Counts: Counts{Objects: 10}},
			{State: ShardOffloaded}, {State: ShardGone, Counted: true, Counts: Counts{Objects: 5}},
		}, extent{objects: 10, done: 10}},
	} {
		if got := extentOf(tt.shards); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// A node that is killed anywhere goes on where it was: nothing is left out,
// objects that were stored and not indexed are indexed, and at most a batch or
// two is done again.
func TestGoesOnAfterAKill(t *testing.T) {
	const objects = 4 * batchSize
	for _, at := range []int{0, 1, batchSize - 1, batchSize, 2*batchSize + 5, objects - 1} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			b := newBench(t, "a")
			b.fillWith("a", objects)
			b.storage.kill = at
			ctx, cancel := context.WithCancel(t.Context())
			b.storage.beforeFill = func(string, [][]byte) {
				if b.storage.kill < storeSize {
					cancel() // it is killed in this batch: nothing is tried again
				}
			}
			if _, err := b.run(ctx); err == nil {
				t.Fatal("it was not killed")
			}
			b.storage.kill, b.storage.beforeFill = -1, nil
			before := b.model.embedded
			if _, err := b.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.storage.check(t)
			if again := b.model.embedded - before - (objects - at - 1); again > 2*batchSize {
				t.Errorf("%d texts were embedded again", again)
			}
		})
	}
}

// Writers, deleters and kills at once, on real goroutines.
// A node that is killed while it indexes may leave a document that the index
// holds and does not find: one of those that the job was storing, or of a user's.
func TestDocumentsWithoutLinksAreIndexedAgain(t *testing.T) {
	b := newBench(t, "a")
	b.fillWith("a", 4*batchSize)
	ids := slices.Sorted(maps.Keys(b.storage.shards["a"]))
	// A user's object before the cursor, and one of the job's behind it.
	b.storage.put("a", []byte(ids[0]), "a user's", true)
	users := b.storage.shards["a"][ids[0]]
	users.Object.LastUpdateTimeUnix = time.Now().UnixMilli()
	b.storage.unlinked[users.DocID] = true
	b.storage.kill = 3 * batchSize / 2
	if _, err := b.run(t.Context()); err == nil {
		t.Fatal("it was not killed")
	}
	left, err := readState(b.store.path(testClass, testVector))
	if err != nil {
		t.Fatal(err)
	}
	b.storage.looked = 0
	b.storage.kill = -1
	cursor, _ := parseCursor(left.Shards[0].Cursor)
	mine := b.storage.shards["a"][ids[slices.Index(ids, string(cursor))+1]]
	if len(mine.Vectors) == 0 {
		t.Fatal("the job had not come to it")
	}
	b.storage.index["a"][mine.DocID], b.storage.unlinked[mine.DocID] = true, true
	file, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.storage.check(t)
	if len(b.storage.unlinked) != 0 {
		t.Errorf("not found still: %v", b.storage.unlinked)
	}
	// Two batches behind the cursor, and the user's and its like in each pass.
	if most := 2*batchSize + 8; b.storage.looked == 0 || b.storage.looked > most {
		t.Errorf("%d documents were looked for, at most %d are in doubt", b.storage.looked, most)
	}
	if file.Shards[0].State != StateFinished {
		t.Errorf("the shard is %s", file.Shards[0].State)
	}
}

func TestWritersAndKillsAtOnce(t *testing.T) {
	b := newBench(t, "a", "b")
	const objects = 500
	b.fillWith("a", objects)
	b.fillWith("b", objects)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	deleted := make([]sync.Map, 2)
	for w := range 4 {
		writers.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 7))
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				// Each writer has objects of its own.
				i, shard := 4*rng.IntN(objects/4)+w, rng.IntN(2)
				name := []string{"a", "b"}[shard]
				switch rng.IntN(4) {
				case 0:
					b.storage.remove(name, idOf(i))
					deleted[shard].Store(i, true)
				default:
					b.storage.put(name, idOf(i), fmt.Sprintf("text %d of %d", n, w), n%2 == 0)
					deleted[shard].Delete(i)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		_, err := b.run(ctx)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	}
	close(stop)
	writers.Wait()
	b.version++
	if _, err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.storage.check(t)
	for shard, name := range []string{"a", "b"} {
		for i := range objects {
			_, gone := deleted[shard].Load(i)
			if _, there := b.storage.shards[name][string(idOf(i))]; there == gone {
				t.Errorf("object %d of %s: deleted %v, there %v", i, name, gone, there)
			}
		}
	}
}

func TestTenants(t *testing.T) {
	b := newBench(t, "active", "inactive", "offloaded", "others")
	statuses := map[string]string{
		"active": models.TenantActivityStatusHOT, "inactive": models.TenantActivityStatusCOLD,
		"offloaded": models.TenantActivityStatusFROZEN, "others": models.TenantActivityStatusHOT,
	}
	for i, p := range b.schema.placed {
		b.schema.placed[i].Status = statuses[p.Name]
		b.fillWith(p.Name, 10)
	}
	b.schema.placed[3].Nodes = []string{"node2"}
	cold := b.storage.shards["inactive"]
	b.storage.shards["inactive"] = nil
	b.schema.load = func(tenant string, active bool) {
		b.storage.shards[tenant] = nil
		if active {
			b.storage.shards[tenant] = cold
		}
	}
	file, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, s := range file.Shards {
		states[s.Name] = s.State
	}
	for name, want := range map[string]string{
		"active": StateFinished, "inactive": StateFinished, "offloaded": ShardOffloaded, "others": "",
	} {
		if states[name] != want {
			t.Errorf("%s is %q, want %q", name, states[name], want)
		}
	}
	if got := strings.Join(b.schema.changes, ", "); got != "inactive on, inactive off" {
		t.Errorf("tenants were changed: %s", got)
	}
	for id, o := range cold {
		if len(o.Vectors[testVector]) == 0 {
			t.Errorf("%x of the inactive tenant is not filled", id)
		}
	}
}

// A tenant that was activated is put back whatever ends the filling.
func TestTenantIsPutBack(t *testing.T) {
	for name, end := range map[string]func(b *bench, cancel func()){
		"stopped": func(_ *bench, cancel func()) { cancel() },
		"failed":  func(b *bench, _ func()) { b.model.err = finalError{errors.New("no bundle")} },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "cold")
			b.fillWith("cold", 10)
			b.schema.placed[0].Status = models.TenantActivityStatusCOLD
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			b.schema.load = func(_ string, active bool) {
				if active {
					end(b, cancel)
				}
			}
			if _, err := b.run(ctx); err == nil {
				t.Fatal("it did not end")
			}
			if got := b.schema.placed[0].Status; got != models.TenantActivityStatusCOLD {
				t.Errorf("the tenant is %s", got)
			}
		})
	}
	for name, change := range map[string]func(b *bench){
		"killed, and its starter has no rights any more": func(b *bench) { b.rights.gone = map[string]bool{"ann": true} },
		"killed, and the vector is another's":            func(b *bench) { b.model.other = errors.New("another retriever") },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "cold")
			b.fillWith("cold", 10)
			b.leftAwake("cold")
			change(b)
			if _, err := b.run(t.Context()); err == nil {
				t.Fatal("it did not end")
			}
			if got := b.schema.placed[0].Status; got != models.TenantActivityStatusCOLD {
				t.Errorf("the tenant is %s", got)
			}
		})
	}
	t.Run("not loaded", func(t *testing.T) {
		b := newBench(t, "cold")
		b.schema.placed[0].Status = models.TenantActivityStatusCOLD
		b.schema.notLoaded = errors.New("not loaded")
		if _, err := b.run(t.Context()); !errors.Is(err, b.schema.notLoaded) {
			t.Fatalf("got %v", err)
		}
		if got := b.schema.placed[0].Status; got != models.TenantActivityStatusCOLD {
			t.Errorf("the tenant is %s", got)
		}
	})
	t.Run("stopped while the node was away", func(t *testing.T) {
		for _, running := range []bool{false, true} {
			s := newSite(t, "cold", "gone")
			s.do("POST", "/adoptions", "ann", startBody)
			s.leftAwake("cold", "gone")
			s.schema.placed = s.schema.placed[:1]
			want := models.TenantActivityStatusHOT
			if !running {
				s.cluster.tasks[0].Status = distributedtask.TaskStatusCancelled
				want = models.TenantActivityStatusCOLD
			}
			s.service.PutBack(t.Context())
			if got := s.schema.placed[0].Status; got != want {
				t.Errorf("the job runs: %v, the tenant is %s", running, got)
			}
			file, err := readState(s.store.path(testClass, testVector))
			if err != nil || file.Shards[0].Activated != running || file.Shards[1].Activated != running {
				t.Errorf("the job runs: %v, its state is %+v, %v", running, file, err)
			}
		}
	})
	t.Run("killed", func(t *testing.T) {
		b := newBench(t, "cold")
		b.fillWith("cold", 10)
		// As a killed node leaves it.
		b.leftAwake("cold")
		b.version++ // and somebody starts it anew
		if _, err := b.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.storage.check(t)
		if got := b.schema.placed[0].Status; got != models.TenantActivityStatusCOLD {
			t.Errorf("the tenant is %s", got)
		}
	})
}

// leftAwake leaves tenants as a node does that is killed while they are filled.
func (b *bench) leftAwake(tenants ...string) {
	b.t.Helper()
	var shards []shardState
	for i, name := range tenants {
		b.schema.placed[i].Status = models.TenantActivityStatusHOT
		shards = append(shards, shardState{Name: name, Tenant: name, State: StateRunning, Activated: true})
	}
	st, err := b.store.open(testClass, testVector, b.payload.taskID(), b.version)
	if err == nil {
		err = st.append(shards)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// One that was deleted, or offloaded, while it was filled is not touched again.
func TestTenantThatIsTakenAwayAwake(t *testing.T) {
	b := newBench(t, "deleted", "offloaded")
	b.leftAwake("deleted", "offloaded")
	b.schema.placed = b.schema.placed[1:]
	b.schema.placed[0].Status = models.TenantActivityStatusFROZEN
	file, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{ShardGone, ShardOffloaded} {
		if s := file.Shards[i]; s.State != want || s.Activated {
			t.Errorf("%+v, want %s", s, want)
		}
	}
	if len(b.schema.changes) != 0 {
		t.Errorf("changed %v", b.schema.changes)
	}
}

func TestTenantThatVanishes(t *testing.T) {
	b := newBench(t, "a", "b")
	for i := range b.schema.placed {
		b.schema.placed[i].Status = models.TenantActivityStatusHOT
	}
	b.fillWith("a", 5)
	b.fillWith("b", 5)
	var once sync.Once
	b.storage.beforeFill = func(string, [][]byte) {
		once.Do(func() {
			b.schema.mu.Lock()
			defer b.schema.mu.Unlock()
			b.schema.placed = b.schema.placed[:1]
		})
	}
	file, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if file.Shards[0].State != StateFinished || file.Shards[1].State != ShardGone {
		t.Errorf("shards are %s and %s", file.Shards[0].State, file.Shards[1].State)
	}
}

// A job goes on with its starter's rights alone, looked up again at each shard.
func TestStarterMustKeepItsRights(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*bench)
		says   string
	}{
		"user deleted":     {func(b *bench) { b.rights.gone = map[string]bool{"ann": true} }, `no user "ann"`},
		"role taken away":  {func(b *bench) { b.rights.forbid = forbid("U", "data") }, "insufficient permissions"},
		"schema unread":    {func(b *bench) { b.rights.forbid = forbid("R", "schema") }, "insufficient permissions"},
		"no tenant rights": {func(b *bench) { b.rights.forbid = forbid("U", "schema") }, "insufficient permissions"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "cold")
			b.fillWith("cold", 5)
			b.schema.placed[0].Status = models.TenantActivityStatusCOLD
			tt.change(b)
			file, err := b.run(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "starter") {
				t.Fatalf("got %v, want %q", err, tt.says)
			}
			if b.model.embedded != 0 || len(b.schema.changes) != 0 || file.Shards[0].State != StateFailed {
				t.Errorf("%d embedded, changed %v, state %s", b.model.embedded, b.schema.changes, file.Shards[0].State)
			}
		})
	}
}

// forbid forbids a verb on resources of a domain.
func forbid(verb, domain string) func(*models.Principal, string, string) bool {
	return func(_ *models.Principal, v, resource string) bool {
		return v == verb && strings.HasPrefix(resource, domain+"/")
	}
}

func TestWhatEndsAJob(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*bench)
		says   string
	}{
		"collection deleted": {func(b *bench) { b.schema.class = nil }, "collection was deleted"},
		"vector dropped": {func(b *bench) {
			config := b.schema.class.VectorConfig[testVector]
			config.VectorIndexType = "none"
			b.schema.class.VectorConfig[testVector] = config
		}, "was dropped"},
		"another model":    {func(b *bench) { b.model.other = errors.New("another retriever") }, "another retriever"},
		"no bundle at all": {func(b *bench) { b.model.never = errors.New("no bundle") }, "no bundle"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "a")
			b.fillWith("a", 5)
			tt.change(b)
			if _, err := b.run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

func TestRestrictedToTenants(t *testing.T) {
	b := newBench(t, "a", "b")
	for i := range b.schema.placed {
		b.schema.placed[i].Status = models.TenantActivityStatusHOT
	}
	b.fillWith("a", 5)
	b.fillWith("b", 5)
	b.payload.Tenants = []string{"b"}
	file, err := b.run(t.Context())
	if err != nil || len(file.Shards) != 1 || file.Shards[0].Name != "b" || b.model.embedded != 5 {
		t.Errorf("shards %+v, %d embedded, %v", file.Shards, b.model.embedded, err)
	}
	if slices.ContainsFunc(b.rights.asked, func(asked string) bool { return strings.Contains(asked, "shards/*/objects") }) {
		t.Errorf("rights were asked for all tenants: %v", b.rights.asked)
	}
}
