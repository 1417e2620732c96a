package module

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/sirupsen/logrus"
	enterrors "github.com/weaviate/weaviate/entities/errors"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/module/adoption"
	"github.com/latentask/latentask/reasoner"
)

// State is how far the bundle is.
type State string

// States of the bundle. A node starts in StateLoading and leaves it once.
const (
	// StateAbsent: there is no bundle at the configured place.
	StateAbsent State = "absent"
	// StateLoading: the bundle is being checked and opened.
	StateLoading State = "loading"
	// StateReady: vectors and answers can be had.
	StateReady State = "ready"
	// StateFailed: there is a bundle, and it cannot be used.
	StateFailed State = "failed"
)

// engine answers questions; *reasoner.Engine is one.
type engine interface {
	Ask(ctx context.Context, r reasoner.Request, s reasoner.Searcher) (*reasoner.Result, error)
	Validate(r reasoner.Request) error
}

// model is an opened bundle.
type model struct {
	engine   engine
	embedder reasoner.Embedder
	// retriever names the model whose vectors the bundle works with, dimension
	// is their length.
	retriever string
	dimension int
	// background opens what jobs embed with; whoever opens it closes it.
	background func() (adoption.Background, error)
	// cut tells whether a text is longer than the retriever reads.
	cut func(text string) bool
	// search is how hybrid hops weigh their sides.
	search bundle.Search
	// info is what /v1/meta shows, device included.
	info map[string]any
	// warning is set when the device is not the one asked for.
	warning string
	close   func() error
}

// opener opens the bundle that the settings name. Its error is errNoBundle where
// there is none.
type opener func(ctx context.Context, s Settings) (*model, error)

// status is one moment of the service; it never changes once published.
type status struct {
	state  State
	reason string
	model  *model
}

// service owns the bundle for both modules. It is opened once, in the
// background, by start, and closed by close.
type service struct {
	settings Settings
	open     opener
	logger   logrus.FieldLogger
	metrics  *metrics
	// adoptions are the series of jobs that fill vectors, traffic what else the
	// node is asked.
	adoptions *adoption.Metrics
	traffic   traffic
	current   atomic.Pointer[status]

	cancel context.CancelFunc
	done   chan struct{}
	once   sync.Once
	err    error
}

func newService(settings Settings, open opener, logger logrus.FieldLogger) *service {
	s := &service{
		settings:  settings,
		open:      open,
		logger:    logger.WithField("module", OperatorName),
		metrics:   newMetrics(),
		adoptions: adoption.NewMetrics(),
		done:      make(chan struct{}),
	}
	s.set(&status{state: StateLoading})
	return s
}

// start opens the bundle in the background.
func (s *service) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	enterrors.GoWrapper(func() {
		defer close(s.done)
		defer s.loadEnded()
		s.load(ctx)
	}, s.logger)
}

func (s *service) load(ctx context.Context) {
	log := s.logger.WithField("bundle", s.settings.Bundle)
	m, err := s.open(ctx, s.settings)
	switch {
	case err == nil:
		s.set(&status{state: StateReady, model: m})
		if m.warning != "" {
			log.Warn(m.warning)
		}
		log.Info("latentask: the bundle is ready")
	case errors.Is(err, errNoBundle):
		s.set(&status{state: StateAbsent, reason: err.Error()})
		log.Info("latentask: no bundle; the node serves without it")
	default:
		s.set(&status{state: StateFailed, reason: err.Error()})
		log.WithError(err).Error("latentask: the bundle cannot be used; the node serves without it")
	}
}

// loadEnded leaves no service loading for ever, whatever became of load.
func (s *service) loadEnded() {
	if s.current.Load().state == StateLoading {
		s.set(&status{state: StateFailed, reason: "opening it ended unexpectedly; the node's log says how"})
	}
}

func (s *service) set(st *status) {
	s.current.Store(st)
	s.metrics.setState(st.state)
}

// ready returns the opened bundle, or a *NotReadyError.
func (s *service) ready() (*model, error) {
	st := s.current.Load()
	if st.state == StateReady {
		return st.model, nil
	}
	return nil, &NotReadyError{State: st.state, Bundle: s.settings.Bundle, Reason: st.reason}
}

// close waits for an opening that runs and closes what it opened.
func (s *service) close() error {
	s.once.Do(func() {
		if s.cancel == nil {
			return
		}
		s.cancel()
		<-s.done
		if m := s.current.Load().model; m != nil && m.close != nil {
			s.err = m.close()
		}
	})
	return s.err
}

// errNoBundle marks an opener's error where there is nothing at the bundle's
// place, which is no fault of a node.
var errNoBundle = errors.New("no bundle")

// ErrNotReady is what every NotReadyError is.
var ErrNotReady = errors.New("latentask: the bundle is not ready")

// NotReadyError refuses what needs the bundle while there is none to use.
type NotReadyError struct {
	State  State
	Bundle string
	Reason string
}

func (e *NotReadyError) Error() string {
	switch e.State {
	case StateLoading:
		return "latentask: the bundle is still loading; try again in a few seconds (/v1/modules/" + OperatorName + "/ready tells when)"
	case StateAbsent:
		return fmt.Sprintf("latentask: there is no bundle at %s; set %s to a bundle's folder and restart the node", e.Bundle, EnvBundle)
	default:
		return fmt.Sprintf("latentask: the bundle at %s cannot be used: %s; mend it or set %s to another, and restart the node", e.Bundle, e.Reason, EnvBundle)
	}
}

// Is makes errors.Is(err, ErrNotReady) hold.
func (e *NotReadyError) Is(target error) bool { return target == ErrNotReady }
