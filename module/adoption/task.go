package adoption

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/weaviate/weaviate/cluster/distributedtask"
	enterrors "github.com/weaviate/weaviate/entities/errors"
	"github.com/weaviate/weaviate/entities/models"
)

// Namespace is the jobs' name in the cluster's log.
const Namespace = "latentask-adoption"

// payload is what the cluster knows of a job from its start on.
type payload struct {
	Collection string   `json:"collection"`
	Vector     string   `json:"vector"`
	Rate       int      `json:"rate,omitempty"`
	Tenants    []string `json:"tenants,omitempty"`
	// Starter is nil for an anonymous user. It has no key and no token in it.
	Starter *models.Principal `json:"starter,omitempty"`
}

func (p payload) taskID() string { return taskID(p.Collection, p.Vector) }

// taskID names a job: one a vector.
func taskID(collection, vector string) string { return collection + "/" + vector }

func payloadOf(task *distributedtask.Task) (payload, error) {
	var p payload
	if err := json.Unmarshal(task.Payload, &p); err != nil {
		return payload{}, fmt.Errorf("task %s: %w", task.ID, err)
	}
	return p, nil
}

// unitOf is the unit of a node: its name.
func unitOf(node string) string { return node }

// nodesOf are the nodes that have a part in a job.
func nodesOf(task *distributedtask.Task) []string { return slices.Collect(maps.Keys(task.Units)) }

// Provider runs a node's part of jobs; it is what Weaviate's scheduler of tasks
// calls.
type Provider struct {
	service *Service

	mu       sync.Mutex
	recorder distributedtask.TaskCompletionRecorder
}

// SetCompletionRecorder implements distributedtask.Provider.
func (p *Provider) SetCompletionRecorder(recorder distributedtask.TaskCompletionRecorder) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recorder = recorder
}

// GetLocalTasks implements distributedtask.Provider. It names none: the state
// of a job that ended is kept, and is what a client sees of it.
func (p *Provider) GetLocalTasks() []distributedtask.TaskDescriptor { return nil }

// CleanupTask implements distributedtask.Provider.
func (p *Provider) CleanupTask(distributedtask.TaskDescriptor) error { return nil }

// StartTask begins a node's part of a job, or goes on with it after a restart.
// Where the node has no part in it, or has done its own, the handle lasts until
// the job ends: the scheduler would start one that is done again and again.
func (p *Provider) StartTask(task *distributedtask.Task) (distributedtask.TaskHandle, error) {
	ctx, cancel := context.WithCancel(context.Background())
	h := &handle{cancel: cancel, done: make(chan struct{})}
	unit, ok := task.Units[unitOf(p.service.node)]
	if !ok || unit.Status == distributedtask.UnitStatusCompleted || unit.Status == distributedtask.UnitStatusFailed {
		context.AfterFunc(ctx, func() { close(h.done) })
		return h, nil
	}
	enterrors.GoWrapper(func() {
		defer close(h.done)
		defer cancel()
		p.work(ctx, task)
	}, p.service.logger)
	return h, nil
}

// recordTime bounds telling the cluster something.
const recordTime = 10 * time.Second

// work runs a node's part and tells the cluster how it ended. What was ended
// from outside is not told: it is stopped, or goes on after a restart.
func (p *Provider) work(ctx context.Context, task *distributedtask.Task) {
	s := p.service
	logger := s.logger.WithFields(logrus.Fields{"adoption": task.ID, "version": task.Version})
	s.metrics.running.Inc()
	defer s.metrics.running.Dec()

	logger.Info("latentask: filling vectors")
	err := p.fill(ctx, task, logger)
	if ctx.Err() != nil {
		s.metrics.end("interrupted")
		return
	}
	p.mu.Lock()
	recorder := p.recorder
	p.mu.Unlock()
	for try := range patience {
		var told error
		if err != nil {
			told = recorder.RecordDistributedTaskUnitFailure(ctx, Namespace, task.ID, task.Version, s.node, unitOf(s.node), err.Error())
		} else {
			told = recorder.RecordDistributedTaskUnitCompletion(ctx, Namespace, task.ID, task.Version, s.node, unitOf(s.node))
		}
		if told == nil || sleep(ctx, patience[try]) != nil {
			break
		}
		logger.WithError(told).Warn("latentask: the cluster could not be told that filling ended")
	}
	if err != nil {
		s.metrics.end("failed")
		logger.WithError(err).Error("latentask: filling vectors failed")
		return
	}
	s.metrics.end("finished")
	logger.Info("latentask: vectors are filled")
}

func (p *Provider) fill(ctx context.Context, task *distributedtask.Task, logger logrus.FieldLogger) (err error) {
	defer func() {
		if r := recover(); r != nil {
			enterrors.PrintStack(logger)
			err = fmt.Errorf("unexpected: %v", r)
		}
	}()
	s := p.service
	pay, err := payloadOf(task)
	if err != nil {
		return err
	}
	deps, err := s.dependencies()
	if err != nil {
		return err
	}
	state, err := s.states.open(pay.Collection, pay.Vector, task.ID, task.Version)
	if err != nil {
		return fmt.Errorf("the adoption's state: %w", err)
	}
	s.running.Store(task.ID, state)
	defer s.running.Delete(task.ID)
	j := &job{
		node: s.node, nodes: nodesOf(task), payload: pay, version: task.Version, state: state, deps: deps, logger: logger,
		pace:   newPace(pay.Rate, deps.traffic),
		others: func(ctx context.Context) (others, error) { return s.othersOf(ctx, pay, task.Version) },
		report: func(progress float32) {
			ctx, cancel := context.WithTimeout(ctx, recordTime)
			defer cancel()
			p.mu.Lock()
			recorder := p.recorder
			p.mu.Unlock()
			if err := recorder.UpdateDistributedTaskUnitProgress(ctx, Namespace, task.ID, task.Version,
				s.node, unitOf(s.node), progress); err != nil && ctx.Err() == nil {
				logger.WithError(err).Debug("latentask: the cluster could not be told how far filling is")
			}
		},
	}
	return j.run(ctx)
}

// reportEvery is how often the cluster is told how far a node is: each time is
// an entry in its log.
const reportEvery = 10 * time.Second

// reporting tells the cluster how far the node is until the returned function is
// called.
func (j *job) reporting(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	enterrors.GoWrapper(func() {
		defer close(done)
		for {
			j.report(j.state.progress())
			if sleep(ctx, reportEvery) != nil {
				return
			}
		}
	}, j.logger)
	return func() {
		cancel()
		<-done
	}
}

// handle is a running part.
type handle struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// Terminate implements distributedtask.TaskHandle.
func (h *handle) Terminate() { h.cancel() }

// Done implements distributedtask.TaskHandle.
func (h *handle) Done() <-chan struct{} { return h.done }

var (
	_ distributedtask.Provider   = (*Provider)(nil)
	_ distributedtask.TaskHandle = (*handle)(nil)
)
