package adoption

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/weaviate/weaviate/entities/models"
)

// settling is how long a write may take. Two kinds of them are waited for:
//
// A writer that read the schema before the vector was in it has no vector made.
// If it changes a text whose vector was filled meanwhile, the vector of the old
// text stays. So nothing is filled before such writers have ended.
//
// A writer that read an object before it was filled, and leaves its text alone,
// stores it without the vector. So the pass that ends a shard, by finding nothing
// to do, begins no earlier after the last object was filled.
type settling struct {
	// plain is of a collection whose users bring its vectors; module is of one
	// that has a vectorizer, which writes wait for. Weaviate gives up a request
	// after a minute (--write-timeout), and a call of a vectorizer's service after
	// 50 s (MODULES_CLIENT_TIMEOUT).
	plain, module time.Duration
}

// DefaultWrite is how long a write may take in a collection with a vectorizer.
const DefaultWrite = 75 * time.Second

func settlingOf(write time.Duration) settling {
	if write == 0 {
		write = DefaultWrite
	}
	return settling{plain: min(10*time.Second, write), module: write}
}

// of is how long it is for a collection with a new vector.
func (s settling) of(class *models.Class, vector string) time.Duration {
	names := []string{class.Vectorizer}
	for name, config := range class.VectorConfig {
		if by, _ := config.Vectorizer.(map[string]any); name != vector {
			names = slices.AppendSeq(names, maps.Keys(by))
		}
	}
	for _, name := range names {
		if name != "" && name != "none" {
			return s.module
		}
	}
	return s.plain
}

// Placed is a shard, or tenant, of a collection.
type Placed struct {
	Name string
	// Nodes hold it.
	Nodes []string
	// Status is a tenant's: HOT, COLD or another; empty without tenants.
	Status string
}

// active and inactive tell of a tenant, which may be neither: offloaded.
func (p Placed) active() bool {
	return p.Status == models.TenantActivityStatusHOT || p.Status == models.TenantActivityStatusACTIVE
}

func (p Placed) inactive() bool {
	return p.Status == models.TenantActivityStatusCOLD || p.Status == models.TenantActivityStatusINACTIVE
}

// Schema is what a job needs to know and to change of collections.
type Schema interface {
	// Class is a collection, nil where there is none.
	Class(collection string) *models.Class
	// Wait returns when this node knows what the cluster's log says up to a place in
	// it. It may give up with an error.
	Wait(ctx context.Context, version uint64) error
	// Placement are a collection's shards.
	Placement(collection string) ([]Placed, error)
	// SetActive activates a tenant or deactivates it, and returns when that is so
	// on this node.
	SetActive(ctx context.Context, collection, tenant string, active bool) error
}

// Model makes vectors and texts for a vector of a collection.
type Model interface {
	Embedder
	// Texts returns what makes the text of a collection's objects for a vector, or
	// an error that says why the node can't make its vectors.
	Texts(class *models.Class, vector, tenant string) (TextFunc, error)
	// Ready is nil when the model can be used now.
	Ready() error
	// Wait returns when the model can be used, or why it never will be.
	Wait(ctx context.Context) error
	// Background opens what a job embeds with; whoever opens it closes it.
	Background() (Background, error)
}

// job is one run of a job on this node.
type job struct {
	node    string
	nodes   []string // that have a part in the job, this one among them
	payload payload
	// version is the place of the job's start in the cluster's log.
	version uint64
	state   *state
	deps    *dependencies
	logger  logrus.FieldLogger
	pace    *pace
	// settle is how long writes may take that don't know of the vector.
	settle time.Duration
	// encoder is open while shards are filled.
	encoder Background
	// report tells the cluster how far the node is.
	report func(progress float32)
	// others asks the cluster how far the job's other nodes are.
	others func(ctx context.Context) (others, error)
	// replicated are the shards that other nodes hold too, and together is when
	// every node had filled its own and writes that began before had ended; zero
	// until then.
	replicated map[string]bool
	together   time.Time
}

// dependencies are what jobs work with.
type dependencies struct {
	storage storage
	schema  Schema
	rights  rights
	known   known
	model   Model
	traffic Traffic
	metrics *Metrics
	settle  settling
	now     func() time.Time
	// sleep waits, and returns ctx's error where it ends before.
	sleep func(ctx context.Context, d time.Duration) error
}

// run does the node's part. Its error is ctx's where it was ended from outside.
func (j *job) run(ctx context.Context) error {
	if err := j.deps.model.Wait(ctx); err != nil {
		return err
	}
	if err := j.awaitSchema(ctx); err != nil {
		return err
	}
	class := j.deps.schema.Class(j.payload.Collection)
	if class == nil {
		return problemf(ErrNotFound, "the collection was deleted")
	}
	j.settle = j.deps.settle.of(class, j.payload.Vector)
	if err := j.enlist(ctx); err != nil {
		return err
	}
	stop := j.reporting(ctx)
	defer stop()
	began, err := j.state.take(j.deps.now())
	if err == nil {
		err = j.wait(ctx, began.Add(j.settle))
	}
	if err != nil {
		return err
	}

	// A tenant that was inactive is finished before the next is activated; what
	// takes writes all the while is looked at once more at the end.
	early, err := j.fill(ctx)
	for err == nil && len(early) > 0 {
		if err = j.awaitWriters(ctx, early); err == nil {
			// Among them are shards that have come to this node meanwhile.
			err = j.enlist(ctx)
		}
		if err == nil {
			early, err = j.fill(ctx)
		}
	}
	if err != nil {
		return err
	}
	return j.covered()
}

// awaitWriters returns when what was begun before these shards' last objects were
// filled has ended.
func (j *job) awaitWriters(ctx context.Context, shards []int) error {
	var last time.Time
	replicated := false
	for _, i := range shards {
		s := j.state.shard(i)
		last = later(last, j.settled(s))
		replicated = replicated || j.replicated[s.Name]
	}
	if replicated {
		if err := j.awaitOthers(ctx); err != nil {
			return err
		}
		last = later(last, j.together)
	}
	return j.wait(ctx, last)
}

// settled is when writes have ended that began before a shard's last object was
// filled.
func (j *job) settled(s shardState) time.Time {
	if s.FilledUnixMs == 0 {
		return time.Time{}
	}
	return time.UnixMilli(s.FilledUnixMs).Add(j.settle)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// wait returns at a time.
func (j *job) wait(ctx context.Context, until time.Time) error {
	d := until.Sub(j.deps.now())
	if d <= 0 {
		return ctx.Err()
	}
	j.state.waiting.Store(true)
	defer j.state.waiting.Store(false)
	return j.deps.sleep(ctx, d)
}

// fill fills the shards that are not finished, and names those that have to be
// looked at once more. The encoder is open meanwhile, and not while the job
// waits: it has memory of its own.
func (j *job) fill(ctx context.Context) (early []int, err error) {
	file, _ := j.state.snapshot()
	var pending []int
	for i, s := range file.Shards {
		if !s.ended() {
			pending = append(pending, i)
		}
	}
	if len(pending) == 0 {
		return nil, nil
	}
	if j.encoder, err = j.deps.model.Background(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.encoder.Close()) }()
	j.pace.kernel = j.encoder.Yields()
	for _, i := range pending {
		late, err := j.shard(ctx, i)
		if err != nil {
			return nil, err
		}
		if !late {
			early = append(early, i)
		}
	}
	return early, nil
}

// covered checks that no shard of the job has come to a node meanwhile that has
// no part in it: what it holds was copied from a shard that was being filled.
func (j *job) covered() error {
	placement, err := j.deps.schema.Placement(j.payload.Collection)
	if err != nil {
		return err
	}
	file, _ := j.state.snapshot()
	mine := map[string]bool{}
	for _, s := range file.Shards {
		mine[s.Name] = true
	}
	for _, p := range placement {
		if !mine[p.Name] {
			continue
		}
		for _, node := range p.Nodes {
			if len(j.nodes) > 0 && !slices.Contains(j.nodes, node) {
				return fmt.Errorf("shard %q has come to node %q, which has no part in the job: start it again", p.Name, node)
			}
		}
	}
	return nil
}

// schemaTime is how long is waited at most for this node to have read of the
// cluster's log what the job's start comes behind: the vector in the schema.
const schemaTime = time.Minute

// awaitSchema returns when this node knows of the vector, or should.
func (j *job) awaitSchema(ctx context.Context) error {
	for until := j.deps.now().Add(schemaTime); ; {
		err := j.deps.schema.Wait(ctx, j.version)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if !j.deps.now().Before(until) {
			j.logger.WithError(err).Warn("latentask: this node is behind the cluster's log")
			return nil
		}
		if err := j.deps.sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

// enlist adds the node's shards to the state that are not in it.
func (j *job) enlist(ctx context.Context) error {
	placement, err := j.deps.schema.Placement(j.payload.Collection)
	if err != nil {
		return err
	}
	file, _ := j.state.snapshot()
	known := map[string]bool{}
	for _, s := range file.Shards {
		known[s.Name] = true
	}
	j.replicated = map[string]bool{}
	var added []shardState
	for _, p := range placement {
		wanted := len(j.payload.Tenants) == 0 || slices.Contains(j.payload.Tenants, p.Name)
		if !wanted || !slices.Contains(p.Nodes, j.node) {
			continue
		}
		if len(p.Nodes) > 1 {
			j.replicated[p.Name] = true
		}
		if known[p.Name] {
			continue
		}
		s := shardState{Name: p.Name, State: ShardPending}
		count := j.deps.storage.count
		if p.Status != "" {
			s.Tenant, count = p.Name, j.deps.storage.guess
		}
		// A number that can't be had now is had when the shard's turn comes.
		if n, err := count(ctx, j.payload.Collection, p.Name); err == nil && (n > 0 || s.Tenant == "") {
			s.Objects, s.Counted = n, true
		}
		added = append(added, s)
	}
	slices.SortFunc(added, func(a, b shardState) int { return strings.Compare(a.Name, b.Name) })
	return j.state.append(added)
}

// patience is how many times in a row a shard is tried that can't be read or
// written, and how long is waited in between.
var patience = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second}

// shard fills one shard, and tells whether the pass that found nothing to do
// began late enough to be the last.
func (j *job) shard(ctx context.Context, i int) (late bool, err error) {
	for try := 0; ; try++ {
		before := j.state.shard(i)
		late, err = j.attempt(ctx, i)
		if err == nil {
			return late, nil
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if after := j.state.shard(i); after.Pass != before.Pass || after.Cursor != before.Cursor {
			try = 0 // it came further
		}
		if errors.As(err, new(finalError)) || try >= len(patience) {
			j.end(i, StateFailed)
			return false, fmt.Errorf("shard %q: %w", before.Name, err)
		}
		j.logger.WithField("shard", before.Name).WithError(err).Warn("latentask: filling is tried again")
		if err := j.deps.sleep(ctx, patience[try]); err != nil {
			return false, err
		}
	}
}

// finalError is what trying again does not mend.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) error {
	if err == nil {
		return nil
	}
	return finalError{err}
}

func (j *job) attempt(ctx context.Context, i int) (late bool, err error) {
	s := j.state.shard(i)
	class := j.deps.schema.Class(j.payload.Collection)
	if class == nil {
		return false, final(problemf(ErrNotFound, "the collection was deleted"))
	}
	// Also where it goes no further than here: a node that was killed may have
	// left the tenant awake.
	defer func() { err = errors.Join(err, j.close(ctx, i)) }()
	if err := fillable(class, j.payload.Vector); err != nil {
		return false, final(err)
	}
	text, err := j.deps.model.Texts(class, j.payload.Vector, s.Tenant)
	if err != nil {
		return false, final(err)
	}
	var tenants []string
	if s.Tenant != "" {
		tenants = []string{s.Tenant}
	}
	if err := j.stillMay(ctx, j.deps.rights, j.deps.known, tenants, false); err != nil {
		return false, final(err)
	}
	ready, err := j.open(ctx, i)
	if err != nil || !ready {
		return true, err
	}

	f := &filling{
		storage: j.deps.storage, encoder: j.encoder, cut: j.deps.model.Cut, text: text, pace: j.pace,
		metrics: j.deps.metrics, logger: j.logger,
		class: class.Class, shard: s.Name, vector: j.payload.Vector,
		state: j.state, place: i, now: j.deps.now, sleep: j.deps.sleep,
	}
	began, err := f.passes(ctx)
	if err != nil {
		return false, err
	}
	if late = j.mayEnd(i, began); late {
		j.end(i, StateFinished)
	}
	return late, nil
}

// mayEnd tells whether a shard's pass that began then, and found nothing to do,
// may be its last.
func (j *job) mayEnd(i int, began time.Time) bool {
	s := j.state.shard(i)
	// A pass's beginning is kept in milliseconds.
	before := func(t time.Time) bool { return began.Before(t.Truncate(time.Millisecond)) }
	switch {
	case s.Activated:
		return true // nobody writes into a tenant that was inactive before
	case j.replicated[s.Name] && (j.together.IsZero() || before(j.together)):
		return false
	default:
		return !before(j.settled(s))
	}
}

// open activates a shard's tenant where that is needed, and is false where
// there is nothing to fill.
func (j *job) open(ctx context.Context, i int) (bool, error) {
	s := j.state.shard(i)
	placement, err := j.deps.schema.Placement(j.payload.Collection)
	if err != nil {
		return false, err
	}
	at := slices.IndexFunc(placement, func(p Placed) bool { return p.Name == s.Name })
	if at < 0 {
		return false, j.leave(i, ShardGone)
	}
	if !slices.Contains(placement[at].Nodes, j.node) {
		j.end(i, ShardGone)
		return false, nil
	}
	if s.Tenant == "" {
		return true, nil
	}
	switch p := placement[at]; {
	case p.active():
		return true, nil
	case !p.inactive():
		return false, j.leave(i, ShardOffloaded)
	}
	if err := j.stillMay(ctx, j.deps.rights, j.deps.known, []string{s.Tenant}, true); err != nil {
		return false, final(err)
	}
	// Written down first, so that a node that is killed in between still puts the
	// tenant back.
	if err := j.state.change(i, func(s *shardState) { s.Activated = true }); err != nil {
		return false, err
	}
	return true, j.deps.schema.SetActive(ctx, j.payload.Collection, s.Tenant, true)
}

// putBackTime bounds putting a tenant back when the job was ended from outside.
const putBackTime = 30 * time.Second

// close puts a shard's tenant back that open activated.
func (j *job) close(ctx context.Context, i int) error {
	s := j.state.shard(i)
	if !s.Activated {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), putBackTime)
	defer cancel()
	if err := j.deps.schema.SetActive(ctx, j.payload.Collection, s.Tenant, false); err != nil {
		return fmt.Errorf("deactivate tenant %q again: %w", s.Tenant, err)
	}
	return j.state.change(i, func(s *shardState) { s.Activated = false })
}

// leave ends a shard whose tenant was deleted or offloaded: it is not put back.
func (j *job) leave(i int, state string) error {
	if err := j.state.change(i, func(s *shardState) { s.Activated = false }); err != nil {
		return err
	}
	j.end(i, state)
	return nil
}

// end writes a shard's last state down. What can't be written is found out
// again.
func (j *job) end(i int, state string) {
	if err := j.state.change(i, func(s *shardState) {
		s.State = state
		if s.ended() && state != StateFinished && s.Pass == 0 && s.Began == 0 {
			s.Objects, s.Counted = 0, false // they were not looked at
		}
	}); err != nil {
		j.logger.WithError(err).Warn("latentask: the adoption's state can't be written")
	}
}
