package adoption

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/weaviate/weaviate/cluster/distributedtask"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"
	"github.com/weaviate/weaviate/entities/schema"
	schemaconfig "github.com/weaviate/weaviate/entities/schema/config"
)

// vectorizer is the module whose vectors are filled.
const vectorizer = "text2vec-latent"

// Cluster is the log that all nodes share.
type Cluster interface {
	AddDistributedTask(ctx context.Context, namespace, taskID string, payload any, unitIDs []string) error
	CancelDistributedTask(ctx context.Context, namespace, taskID string, version uint64) error
	ListDistributedTasks(ctx context.Context) (map[string][]*distributedtask.Task, error)
}

// Host is the node that a Service works in.
type Host struct {
	// Node is the node's name in its cluster.
	Node string
	// Dir is where the states of jobs are kept.
	Dir     string
	Storage storage
	Schema  Schema
	Cluster Cluster
	// Ready tells whether the node knows what the cluster's log says.
	Ready  func() bool
	Rights rights
	Known  known
	// Authenticate tells who makes a request: nil for an anonymous user, where
	// that is allowed.
	Authenticate func(*http.Request) (*models.Principal, error)
	// Resolve gives a collection its full name, as its user means it.
	Resolve func(principal *models.Principal, collection string) (string, error)
}

// Service starts, shows and stops jobs, and runs this node's part of them.
type Service struct {
	node    string
	host    *Host
	model   Model
	traffic Traffic
	metrics *Metrics
	states  store
	logger  logrus.FieldLogger
	// running are the states of the jobs that this node works on, by task.
	running sync.Map // string → *state
	// starting serialises starts on this node.
	starting sync.Mutex
	settle   settling
	lag      time.Duration
}

// lag is how long a node waits for a change of the schema that another made.
const lag = 3 * time.Second

// NewService makes the service of a node. Write is how long a write may take in a
// collection with a vectorizer, DefaultWrite where 0.
func NewService(host *Host, model Model, traffic Traffic, metrics *Metrics, write time.Duration, logger logrus.FieldLogger) *Service {
	return &Service{
		node: host.Node, host: host, model: model, traffic: traffic, metrics: metrics,
		states: store{dir: host.Dir}, logger: logger, settle: settlingOf(write), lag: lag,
	}
}

// Provider is what the node's scheduler of tasks gets under Namespace.
func (s *Service) Provider() *Provider { return &Provider{service: s} }

func (s *Service) dependencies() (*dependencies, error) {
	if s.host.Storage == nil {
		return nil, problemf(ErrConflict, "this node was built without the file of latentask's in Weaviate's package db; build it with `latentask build`")
	}
	return &dependencies{
		storage: s.host.Storage, schema: s.host.Schema, rights: s.host.Rights, known: s.host.Known,
		model: s.model, traffic: s.traffic, metrics: s.metrics, settle: s.settle, now: time.Now, sleep: sleep,
	}, nil
}

// Start starts a job, or returns the one that runs; existed tells which. A job
// that ended starts anew, and fills what lacks.
//
// Errors: ErrNotFound, ErrInvalid, ErrUnavailable, ErrConflict where the node's
// bundle or build can't make this vector, or where a job for other tenants or at
// another rate runs, and those of Weaviate's Authorizer.
func (s *Service) Start(ctx context.Context, p *models.Principal, r Request) (started *Job, existed bool, err error) {
	if r.Collection == "" || r.Vector == "" {
		return nil, false, problemf(ErrInvalid, "collection and vector must be named")
	}
	if r.Rate < 0 {
		return nil, false, problemf(ErrInvalid, "rate is %d, must be 0 or more objects a second", r.Rate)
	}
	collection, err := s.host.Resolve(p, r.Collection)
	if err != nil {
		return nil, false, problemf(ErrInvalid, "%v", err)
	}
	if err := mayFill(ctx, s.host.Rights, p, collection, r.Tenants); err != nil {
		return nil, false, err
	}
	if _, err := s.dependencies(); err != nil {
		return nil, false, err
	}
	class, err := s.classWith(ctx, collection, r.Vector)
	if err != nil {
		return nil, false, err
	}
	if err := s.model.Ready(); err != nil {
		return nil, false, problemf(ErrUnavailable, "%v", err)
	}
	if _, err := s.model.Texts(class, r.Vector, ""); err != nil {
		return nil, false, problemf(ErrConflict, "%v", err)
	}
	nodes, err := s.placed(ctx, p, class, r)
	if err != nil {
		return nil, false, err
	}

	s.starting.Lock()
	defer s.starting.Unlock()
	task, err := s.task(ctx, class.Class, r.Vector)
	if err != nil {
		return nil, false, err
	}
	if task != nil && task.Status.IsActive() {
		started, err = s.goesOn(ctx, p, task, r)
		return started, true, err
	}
	err = s.host.Cluster.AddDistributedTask(ctx, Namespace, taskID(class.Class, r.Vector), payload{
		Collection: class.Class, Vector: r.Vector, Rate: r.Rate, Tenants: r.Tenants, Starter: copyOf(p),
	}, nodes)
	task, listErr := s.task(ctx, class.Class, r.Vector)
	switch {
	case err != nil && listErr == nil && task != nil && task.Status.IsActive():
		started, err = s.goesOn(ctx, p, task, r) // another node was faster
		return started, true, err
	case err != nil:
		return nil, false, fmt.Errorf("start the job in the cluster: %w", err)
	case listErr != nil:
		return nil, false, listErr
	case task == nil:
		return nil, false, problemf(ErrUnavailable, "the job was started and the cluster does not know of it yet; ask for it again")
	}
	started, err = s.seen(ctx, p, task, maxShards)
	return started, false, err
}

// goesOn is a job that runs, for one who asks for the same: no rate is any.
func (s *Service) goesOn(ctx context.Context, p *models.Principal, task *distributedtask.Task, r Request) (*Job, error) {
	pay, err := payloadOf(task)
	if err != nil {
		return nil, err
	}
	if r.Rate != 0 && r.Rate != pay.Rate {
		at := "as fast as the node's traffic allows"
		if pay.Rate > 0 {
			at = fmt.Sprintf("at %d objects a second", pay.Rate)
		}
		return nil, problemf(ErrConflict, "a job fills this vector already, %s: it can be watched without naming a rate, or stopped (DELETE) and started at another", at)
	}
	if !sameNames(r.Tenants, pay.Tenants) {
		of := "all tenants"
		if n := len(pay.Tenants); n > 0 {
			of = fmt.Sprintf("%d tenants", n)
		}
		return nil, problemf(ErrConflict, "a job fills this vector already, for %s, and not for those that are named here: wait for its end, or stop it (DELETE)", of)
	}
	return s.seen(ctx, p, task, maxShards)
}

func sameNames(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// seen is a job as a principal may see it, with so many of its shards at most.
func (s *Service) seen(ctx context.Context, p *models.Principal, task *distributedtask.Task, shards int) (*Job, error) {
	j := s.view(task)
	return j, s.limitShards(ctx, p, j, shards)
}

// placed checks the tenants of a request and names the nodes that hold them.
func (s *Service) placed(ctx context.Context, p *models.Principal, class *models.Class, r Request) ([]string, error) {
	if len(r.Tenants) > 0 && !schema.MultiTenancyEnabled(class) {
		return nil, problemf(ErrInvalid, "collection %q has no tenants", r.Collection)
	}
	placement, err := s.host.Schema.Placement(class.Class)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	var nodes, inactive []string
	for _, placed := range placement {
		if len(r.Tenants) > 0 && !slices.Contains(r.Tenants, placed.Name) {
			continue
		}
		found[placed.Name] = true
		if placed.inactive() {
			inactive = append(inactive, placed.Name)
		}
		for _, node := range placed.Nodes {
			if !slices.Contains(nodes, node) {
				nodes = append(nodes, node)
			}
		}
	}
	for _, tenant := range r.Tenants {
		if !found[tenant] {
			return nil, problemf(ErrNotFound, "collection %q has no tenant %q", r.Collection, tenant)
		}
	}
	if len(inactive) > 0 {
		if err := mayActivate(ctx, s.host.Rights, p, class.Class, inactive...); err != nil {
			return nil, fmt.Errorf("%d tenants are inactive and have to be activated for the time of their filling: %w", len(inactive), err)
		}
	}
	if len(nodes) == 0 {
		nodes = []string{s.node} // no tenant yet: the job ends at once
	}
	slices.Sort(nodes)
	return nodes, nil
}

// classWith is a collection with a vector that can be filled. A vector that was
// added through another node is waited for, as that node answers before this one
// knows.
func (s *Service) classWith(ctx context.Context, collection, vector string) (*models.Class, error) {
	for until := time.Now().Add(s.lag); ; {
		class := s.host.Schema.Class(collection)
		err := problemf(ErrNotFound, "there is no collection %q", collection)
		if class != nil {
			err = fillable(class, vector)
		}
		if !errors.Is(err, ErrNotFound) || !time.Now().Before(until) {
			return class, err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// fillable tells whether a vector is one that a job can fill.
func fillable(class *models.Class, vector string) error {
	config, ok := class.VectorConfig[vector]
	if !ok {
		return problemf(ErrNotFound, "collection %q has no named vector %q; add it to the schema first", class.Class, vector)
	}
	by, _ := config.Vectorizer.(map[string]any)
	if _, ours := by[vectorizer]; !ours {
		return problemf(ErrInvalid, "vector %q of collection %q is not of %s", vector, class.Class, vectorizer)
	}
	if modelsext.IsVectorIndexDropped(config) {
		return problemf(ErrInvalid, "vector %q of collection %q was dropped", vector, class.Class)
	}
	if index, ok := config.VectorIndexConfig.(schemaconfig.VectorIndexConfig); ok && index.IsMultiVector() {
		return problemf(ErrInvalid, "vector %q of collection %q holds several vectors an object", vector, class.Class)
	}
	return nil
}

// Job is one that the principal may see, with so many of its shards at most.
// Errors: ErrNotFound, and those of the Authorizer.
func (s *Service) Job(ctx context.Context, p *models.Principal, collection, vector string, shards int) (*Job, error) {
	task, err := s.authorized(ctx, p, collection, vector)
	if err != nil {
		return nil, err
	}
	return s.seen(ctx, p, task, shards)
}

// Stop stops a job; one that has ended stays as it is. What was filled stays
// filled. It needs what starting needs.
func (s *Service) Stop(ctx context.Context, p *models.Principal, collection, vector string) error {
	task, err := s.authorized(ctx, p, collection, vector)
	if err != nil {
		return err
	}
	pay, err := payloadOf(task)
	if err != nil {
		return err
	}
	if err := mayFill(ctx, s.host.Rights, p, pay.Collection, pay.Tenants); err != nil || !task.Status.IsActive() {
		return err
	}
	err = s.host.Cluster.CancelDistributedTask(ctx, Namespace, task.ID, task.Version)
	if again, listErr := s.task(ctx, collection, vector); err != nil && listErr == nil && (again == nil || !again.Status.IsActive()) {
		return nil // it ended by itself in between
	}
	return err
}

// authorized is the job of a vector, for one who may read its collection.
func (s *Service) authorized(ctx context.Context, p *models.Principal, collection, vector string) (*distributedtask.Task, error) {
	resolved, err := s.host.Resolve(p, collection)
	if err != nil {
		return nil, problemf(ErrInvalid, "%v", err)
	}
	if err := mayRead(ctx, s.host.Rights, p, resolved); err != nil {
		return nil, err
	}
	task, err := s.task(ctx, resolved, vector)
	if err != nil {
		return nil, err
	}
	if task == nil {
		return nil, problemf(ErrNotFound, "there is no adoption of collection %q, vector %q", collection, vector)
	}
	return task, nil
}

// Jobs are those that the principal may see, each with so many of its shards at
// most.
func (s *Service) Jobs(ctx context.Context, p *models.Principal, shards int) ([]*Job, error) {
	tasks, err := s.tasks(ctx)
	if err != nil {
		return nil, err
	}
	jobs := []*Job{}
	for _, task := range tasks {
		collection, _, _ := strings.Cut(task.ID, "/")
		if mayRead(ctx, s.host.Rights, p, collection) == nil {
			job, err := s.seen(ctx, p, task, shards)
			if err != nil {
				return nil, err
			}
			jobs = append(jobs, job)
		}
	}
	slices.SortFunc(jobs, func(a, b *Job) int {
		return strings.Compare(taskID(a.Collection, a.Vector), taskID(b.Collection, b.Vector))
	})
	return jobs, nil
}

func (s *Service) tasks(ctx context.Context) ([]*distributedtask.Task, error) {
	all, err := s.host.Cluster.ListDistributedTasks(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the cluster's jobs: %w", err)
	}
	return all[Namespace], nil
}

// task is the job of a vector, nil where there is none.
func (s *Service) task(ctx context.Context, collection, vector string) (*distributedtask.Task, error) {
	tasks, err := s.tasks(ctx)
	if err != nil {
		return nil, err
	}
	id := taskID(collection, vector)
	for _, task := range tasks {
		if task.ID == id {
			return task, nil
		}
	}
	return nil, nil
}

// errNoState: this node has none of the job.
var errNoState = errors.New("no state")

// stateOf is this node's state of a job, and how fast it is.
func (s *Service) stateOf(task *distributedtask.Task, pay payload) (stateFile, float64, error) {
	if running, ok := s.running.Load(task.ID); ok {
		if file, speed := running.(*state).snapshot(); file.Version == task.Version {
			return file, speed, nil
		}
	}
	file, err := readState(s.states.path(pay.Collection, pay.Vector))
	if err != nil {
		return stateFile{}, 0, err
	}
	if file.ID != task.ID || file.Version != task.Version {
		return stateFile{}, 0, errNoState
	}
	return *file, 0, nil
}
