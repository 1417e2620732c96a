package adoption

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
	"github.com/weaviate/weaviate/cluster/distributedtask"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/storobj"
	"github.com/weaviate/weaviate/entities/vectorindex/hnsw"
	autherrs "github.com/weaviate/weaviate/usecases/auth/authorization/errors"
)

const (
	testClass  = "Docs"
	testVector = "latent"
	testNode   = "node1"
)

// fakeStorage keeps shards in memory, each object under its id's bytes. A nil
// shard is not active.
type fakeStorage struct {
	mu     sync.Mutex
	shards map[string]map[string]*storobj.Object
	index  map[string]map[uint64]bool
	nextID uint64
	// unlinked documents are held by the index and found by no search; looked counts
	// searches for one.
	unlinked map[uint64]bool
	looked   int
	// flushed counts a shard's flushes to disk.
	flushed map[string]int
	// beforeFill is called before each batch is stored, without the lock.
	beforeFill func(shard string, ids [][]byte)
	// kill makes a write end after so many objects are stored, the last of them
	// without being indexed; negative: never.
	kill int
}

var errKilled = errors.New("killed")

func newFakeStorage(shards ...string) *fakeStorage {
	s := &fakeStorage{shards: map[string]map[string]*storobj.Object{}, index: map[string]map[uint64]bool{}, flushed: map[string]int{}, unlinked: map[uint64]bool{}, kill: -1}
	for _, name := range shards {
		s.shards[name] = map[string]*storobj.Object{}
		s.index[name] = map[uint64]bool{}
	}
	return s
}

// idOf is the i-th of a sequence of ids that is not in order.
func idOf(i int) []byte {
	id := uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%d", i))
	return id[:]
}

// put writes as a user does: a new document, with the vector that the text has
// where made is true. An empty text is none.
func (s *fakeStorage) put(shard string, id []byte, text string, made bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	properties := map[string]any{}
	if text != "" {
		properties["text"] = text
	}
	o := storobj.New(s.nextID)
	o.Object = models.Object{Class: testClass, Properties: properties}
	if made && text != "" {
		o.Vectors = map[string][]float32{testVector: vectorOf(text)}
		s.index[shard][s.nextID] = true
	}
	s.shards[shard][string(id)] = o
}

func (s *fakeStorage) remove(shard string, id []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.shards[shard], string(id))
}

// testPage is how many objects fakeStorage reads at once.
const testPage = 3 * batchSize / 2

func (s *fakeStorage) scan(_ context.Context, _, shard string, after []byte) (page []record, more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	objects, ok := s.shards[shard]
	if !ok || objects == nil {
		return nil, false, errNoShard
	}
	for _, id := range slices.Sorted(maps.Keys(objects)) {
		switch {
		case bytes.Compare([]byte(id), after) <= 0:
		case len(page) == testPage:
			return page, true, nil
		default:
			page = append(page, record{id: []byte(id), object: clone(objects[id])})
		}
	}
	return page, false, nil
}

func clone(o *storobj.Object) *storobj.Object {
	c := *o
	c.Vectors = maps.Clone(o.Vectors)
	return &c
}

func (s *fakeStorage) count(_ context.Context, _, shard string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.shards[shard]), nil
}

func (s *fakeStorage) guess(ctx context.Context, class, tenant string) (int, error) {
	return s.count(ctx, class, tenant)
}

func (s *fakeStorage) indexed(_ context.Context, _, shard, _ string, docID uint64) (held, pending bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index[shard][docID], false, nil
}

func (s *fakeStorage) found(_ context.Context, _, _, _ string, docID uint64, _ []float32) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked++
	return !s.unlinked[docID], nil
}

func (s *fakeStorage) flush(_ context.Context, _, shard string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushed[shard]++
	return nil
}

func (s *fakeStorage) FillNamedVector(_ context.Context, _, shard, vector string, ids [][]byte,
	choose func(int, *storobj.Object) []float32,
) error {
	if s.beforeFill != nil {
		s.beforeFill(shard, ids)
	}
	for i, id := range ids {
		if err := func() error {
			s.mu.Lock()
			defer s.mu.Unlock()
			objects := s.shards[shard]
			if objects == nil {
				return errNoShard
			}
			current := objects[string(id)]
			value := choose(i, current)
			if current == nil || len(value) == 0 {
				return nil
			}
			if len(current.Vectors[vector]) == 0 {
				current = clone(current)
				current.Vectors = map[string][]float32{vector: value}
				objects[string(id)] = current
				if s.kill == 0 {
					return errKilled
				}
				s.kill--
			}
			s.index[shard][current.DocID] = true
			delete(s.unlinked, current.DocID)
			return nil
		}(); err != nil {
			return err
		}
	}
	return nil
}

// check asserts that every object with text has the vector of its text, and that
// the index holds it.
func (s *fakeStorage) check(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for shard, objects := range s.shards {
		for id, o := range objects {
			text, ok := textOf(&o.Object)
			got := o.Vectors[testVector]
			switch {
			case !ok && len(got) > 0:
				t.Errorf("%s/%x has no text and a vector", shard, id)
			case ok && !slices.Equal(got, vectorOf(text)):
				t.Errorf("%s/%x has the text %q and the vector %v", shard, id, text, got)
			case ok && !s.index[shard][o.DocID]:
				t.Errorf("%s/%x is not in the index", shard, id)
			}
		}
	}
}

// vectorOf is a text's vector: one that tells texts apart.
func vectorOf(text string) []float32 {
	v := []float32{float32(len(text)), 0, 0}
	for i, b := range []byte(text) {
		v[1+i%2] += float32(b) * float32(i+1)
	}
	return v
}

func textOf(o *models.Object) (string, bool) {
	text, _ := o.Properties.(map[string]any)["text"].(string)
	return text, text != ""
}

// fakeModel embeds by vectorOf.
type fakeModel struct {
	mu       sync.Mutex
	embedded int
	err      error
	// never is why there is no model, other why it is not the collection's.
	never, other error
	// batches is how many calls it serves at once, 0 is one; open is how many
	// times it was opened and not closed, refused why it can't be.
	batches int
	open    int
	refused error
}

func (m *fakeModel) Background() (Background, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refused != nil {
		return nil, m.refused
	}
	m.open++
	return m, nil
}

func (m *fakeModel) Batches() int { return max(1, m.batches) }

func (m *fakeModel) Yields() bool { return true }

func (m *fakeModel) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open--
	return nil
}

func (m *fakeModel) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	m.embedded += len(texts)
	out := make([][]float32, len(texts))
	for i, text := range texts {
		out[i] = vectorOf(text)
	}
	return out, ctx.Err()
}

func (m *fakeModel) Cut(text string) bool { return strings.HasPrefix(text, "long") }

func (m *fakeModel) Texts(*models.Class, string, string) (TextFunc, error) { return textOf, m.other }

func (m *fakeModel) Ready() error { return m.never }

func (m *fakeModel) Wait(context.Context) error { return m.never }

// fakeSchema is a schema of one collection.
type fakeSchema struct {
	mu      sync.Mutex
	class   *models.Class
	placed  []Placed
	changes []string // "tenant on", "tenant off"
	// load is called when a tenant is activated or deactivated.
	load func(tenant string, active bool)
	// notLoaded is why a tenant that was activated is not to be had.
	notLoaded error
	// late is how many times the class is asked for before it is known here.
	late int
	// behind is called when somebody waits for the cluster's log.
	behind func(version uint64) error
}

func (s *fakeSchema) Wait(_ context.Context, version uint64) error {
	if s.behind == nil {
		return nil
	}
	return s.behind(version)
}

func (s *fakeSchema) Class(collection string) *models.Class {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.late > 0 {
		s.late--
		return nil
	}
	if s.class == nil || s.class.Class != collection {
		return nil
	}
	return s.class
}

func (s *fakeSchema) Placement(string) ([]Placed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.placed), nil
}

func (s *fakeSchema) SetActive(_ context.Context, _, tenant string, active bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.placed, func(p Placed) bool { return p.Name == tenant })
	if active {
		s.placed[at].Status, s.changes = models.TenantActivityStatusHOT, append(s.changes, tenant+" on")
	} else {
		s.placed[at].Status, s.changes = models.TenantActivityStatusCOLD, append(s.changes, tenant+" off")
	}
	if s.load != nil {
		s.load(tenant, active)
	}
	if active {
		return s.notLoaded
	}
	return nil
}

func fakeClass() *models.Class {
	return &models.Class{
		Class: testClass,
		VectorConfig: map[string]models.VectorConfig{
			testVector: {
				Vectorizer:        map[string]any{"text2vec-latent": map[string]any{}},
				VectorIndexType:   "hnsw",
				VectorIndexConfig: hnsw.NewDefaultUserConfig(),
			},
			"other": {Vectorizer: map[string]any{"none": map[string]any{}}, VectorIndexType: "hnsw"},
		},
	}
}

// fakeRights forbids what its functions say.
type fakeRights struct {
	mu     sync.Mutex
	forbid func(p *models.Principal, verb, resource string) bool
	asked  []string
	gone   map[string]bool
}

func (r *fakeRights) Authorize(_ context.Context, p *models.Principal, verb string, resources ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range resources {
		r.asked = append(r.asked, verb+" "+resource)
		if r.forbid != nil && r.forbid(p, verb, resource) {
			return fmt.Errorf("rbac: %w", autherrs.NewForbidden(p, verb, resource))
		}
	}
	return nil
}

func (r *fakeRights) FilterAuthorizedResources(ctx context.Context, p *models.Principal, verb string, resources ...string) ([]string, error) {
	var allowed []string
	for _, resource := range resources {
		if r.Authorize(ctx, p, verb, resource) == nil {
			allowed = append(allowed, resource)
		}
	}
	return allowed, nil
}

func (r *fakeRights) Known(p *models.Principal) error {
	if p != nil && r.gone[p.Username] {
		return fmt.Errorf("there is no user %q any more", p.Username)
	}
	return nil
}

// fakeCluster is the log of a cluster. What it starts it does not run.
type fakeCluster struct {
	mu      sync.Mutex
	tasks   []*distributedtask.Task
	version uint64
	err     error
}

func (c *fakeCluster) AddDistributedTask(_ context.Context, namespace, id string, pay any, units []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	c.version++
	c.tasks = slices.DeleteFunc(c.tasks, func(t *distributedtask.Task) bool { return t.ID == id })
	task := &distributedtask.Task{
		Namespace: namespace, TaskDescriptor: distributedtask.TaskDescriptor{ID: id, Version: c.version},
		Payload: mustJSON(pay), Status: distributedtask.TaskStatusStarted, StartedAt: time.Now(),
		Units: map[string]*distributedtask.Unit{},
	}
	for _, unit := range units {
		task.Units[unit] = &distributedtask.Unit{ID: unit, Status: distributedtask.UnitStatusPending}
	}
	c.tasks = append(c.tasks, task)
	return nil
}

func (c *fakeCluster) CancelDistributedTask(_ context.Context, _, id string, version uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, task := range c.tasks {
		if task.ID == id && task.Version == version {
			task.Status = distributedtask.TaskStatusCancelled
		}
	}
	return nil
}

func (c *fakeCluster) ListDistributedTasks(context.Context) (map[string][]*distributedtask.Task, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tasks := make([]*distributedtask.Task, len(c.tasks))
	for i, task := range c.tasks {
		tasks[i] = task.Clone()
	}
	return map[string][]*distributedtask.Task{Namespace: tasks}, c.err
}

// fakeRecorder takes what a provider tells the cluster.
type fakeRecorder struct {
	mu     sync.Mutex
	ended  map[string]string // unit → error
	marked int
	// marks is told of each progress.
	marks func(unit string, progress float32)
}

func (r *fakeRecorder) RecordDistributedTaskUnitCompletion(_ context.Context, _, _ string, _ uint64, _, unit string) error {
	return r.end(unit, "")
}

func (r *fakeRecorder) RecordDistributedTaskUnitFailure(_ context.Context, _, _ string, _ uint64, _, unit, message string) error {
	return r.end(unit, message)
}

func (r *fakeRecorder) end(unit, message string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended == nil {
		r.ended = map[string]string{}
	}
	r.ended[unit] = message
	return nil
}

func (r *fakeRecorder) UpdateDistributedTaskUnitProgress(_ context.Context, _, _ string, _ uint64, _, unit string, progress float32) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.marked++
	if r.marks != nil {
		r.marks(unit, progress)
	}
	return nil
}

// bench is a job on a node of fakes.
type bench struct {
	t       *testing.T
	mu      sync.Mutex // guards now
	storage *fakeStorage
	model   *fakeModel
	schema  *fakeSchema
	rights  *fakeRights
	store   store
	payload payload
	// started is when the node took the job up.
	started time.Time
	settle  time.Duration
	version uint64
	// now is the clock of the job, which sleeping moves; waited is called then.
	now    time.Time
	waited func()
	// others are the other nodes of the job, told is what this one reports.
	others func(ctx context.Context) (others, error)
	told   []float32
	// nodes have a part in the job; none are not checked.
	nodes []string
}

func newBench(t *testing.T, shards ...string) *bench {
	b := &bench{
		t: t, storage: newFakeStorage(shards...), model: &fakeModel{}, rights: &fakeRights{},
		schema: &fakeSchema{class: fakeClass()}, store: store{dir: t.TempDir()}, version: 1,
		payload: payload{Collection: testClass, Vector: testVector, Starter: &models.Principal{Username: "ann"}},
		settle:  time.Minute, now: time.UnixMilli(1_800_000_000_000),
	}
	b.started = b.now.Add(-time.Hour)
	for _, name := range shards {
		b.schema.placed = append(b.schema.placed, Placed{Name: name, Nodes: []string{testNode}})
	}
	return b
}

func quiet() logrus.FieldLogger {
	logger, _ := test.NewNullLogger()
	return logger
}

// run runs the job as a node that was just started does, and returns its state.
func (b *bench) run(ctx context.Context) (stateFile, error) {
	b.t.Helper()
	st, err := b.store.open(b.payload.Collection, b.payload.Vector, b.payload.taskID(), b.version)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := st.take(b.started); err != nil {
		b.t.Fatal(err)
	}
	j := &job{
		node: testNode, nodes: b.nodes, payload: b.payload, version: b.version, state: st, logger: quiet(),
		pace: newPace(0, nil), others: b.others,
		report: func(progress float32) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.told = append(b.told, progress)
		},
		deps: &dependencies{
			storage: b.storage, schema: b.schema, rights: b.rights, known: b.rights, model: b.model,
			metrics: NewMetrics(), settle: settling{plain: b.settle, module: 10 * b.settle},
			now: func() time.Time {
				b.mu.Lock()
				defer b.mu.Unlock()
				return b.now
			},
			sleep: func(ctx context.Context, d time.Duration) error {
				if b.waited != nil {
					b.waited()
				}
				b.mu.Lock()
				defer b.mu.Unlock()
				b.now = b.now.Add(d)
				return ctx.Err()
			},
		},
	}
	err = j.run(ctx)
	file, _ := st.snapshot()
	return file, err
}
