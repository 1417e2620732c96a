package ort

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	ortgo "github.com/yalue/onnxruntime_go"
)

// SessionConfig is how a graph is loaded.
type SessionConfig struct {
	// Inputs and Outputs are the names to bind, in the order in which Run takes
	// them. Empty is the graph's own order.
	Inputs, Outputs []string
	// Arena keeps freed working memory for the next run. It never shrinks (the
	// binding cannot ask it to), so it stays as large as the largest run: turn
	// it on where runs are bounded. Measured with a MiniLM encoder, batches of
	// at most 2,048 tokens in random shapes: 105 MB stay behind with the arena;
	// without it every run pays for fresh pages, nearly twice the processor
	// time in all, and glibc's malloc keeps as much or more (with batches of
	// 4,096 tokens 375 MB against 170 MB with the arena). Without it memory
	// comes back only under a fixed MALLOC_MMAP_THRESHOLD_.
	Arena bool
	// Threads is how many threads one run uses, 0 the runtime's (Config.Threads).
	// With 1 a run is computed on the thread that calls Run, and so has its
	// priority, and the session has no threads of its own.
	Threads int
}

// Session is a loaded graph. It is safe for concurrent use: runs that overlap
// share the weights and compete for the processor.
type Session struct {
	name            string
	inputs, outputs []string

	mu      sync.RWMutex // read-held by runs, so that Close waits for them
	session *ortgo.DynamicAdvancedSession
}

// Load reads a graph, and the data files beside it, from path. The names in the
// configuration must be the graph's.
//
// Errors: [ErrModel], [ErrOutOfMemory]. When the card cannot take the graph it
// is loaded on the CPU, and [Runtime.Device] warns of it.
func (r *Runtime) Load(path string, config SessionConfig) (*Session, error) {
	op := "load model " + filepath.Base(path)
	signature, err := readSignature(path)
	if err != nil {
		return nil, &Error{Kind: ErrModel, Op: op, Err: err}
	}
	inputs, err := choose(config.Inputs, signature.inputs, "input")
	if err != nil {
		return nil, &Error{Kind: ErrModel, Op: op, Err: err}
	}
	outputs, err := choose(config.Outputs, signature.outputs, "output")
	if err != nil {
		return nil, &Error{Kind: ErrModel, Op: op, Err: err}
	}

	settings := sessionSettings{device: r.Device(), threads: r.threads, arena: config.Arena}
	if config.Threads > 0 {
		settings.threads = config.Threads
	}
	session, err := newSession(path, inputs, outputs, settings)
	if err != nil && settings.device.Kind == CUDA && classify(err, ErrModel) != ErrModel {
		r.fallBack(err)
		settings.device = r.Device()
		session, err = newSession(path, inputs, outputs, settings)
	}
	if err != nil {
		kind := classify(err, ErrModel)
		return nil, &Error{Kind: kind, Op: op, Err: err, Hint: hintFor(kind)}
	}
	openSessions.Add(1)
	return &Session{name: filepath.Base(path), inputs: inputs, outputs: outputs, session: session}, nil
}

// choose returns the wanted names, all of which must be among the graph's, or
// the graph's own when none are wanted.
func choose(wanted, have []string, what string) ([]string, error) {
	if len(wanted) == 0 {
		wanted = have
	}
	for _, name := range wanted {
		if !slices.Contains(have, name) {
			return nil, fmt.Errorf("the graph has no %s %q; it has %q", what, name, have)
		}
	}
	if len(wanted) == 0 {
		return nil, fmt.Errorf("the graph has no %s", what)
	}
	return slices.Clone(wanted), nil
}

// sessionSettings is what session options are made of.
type sessionSettings struct {
	device  Device
	threads int
	arena   bool
}

func newSession(path string, inputs, outputs []string, settings sessionSettings) (*ortgo.DynamicAdvancedSession, error) {
	options, err := newOptions(settings)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	return ortgo.NewDynamicAdvancedSession(path, inputs, outputs, options)
}

func newOptions(settings sessionSettings) (_ *ortgo.SessionOptions, err error) {
	options, err := ortgo.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, options.Destroy())
		}
	}()
	err = errors.Join(
		options.SetExecutionMode(ortgo.ExecutionModeSequential),
		options.SetIntraOpNumThreads(settings.threads),
		options.SetInterOpNumThreads(1),
		// A spinning thread takes a core from vector search while it waits.
		options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
		options.AddSessionConfigEntry("session.inter_op.allow_spinning", "0"),
		options.SetCpuMemArena(settings.arena),
		// Memory patterns are kept for every shape ever seen, and ours vary.
		options.SetMemPattern(false),
	)
	if err != nil {
		return nil, err
	}
	if settings.device.Kind == CUDA {
		if err = appendCUDA(options, settings.device.Index); err != nil {
			return nil, err
		}
	}
	return options, nil
}

// Inputs are the names of the tensors that Run reads, in its order. The caller
// must not change the slice.
func (s *Session) Inputs() []string { return s.inputs }

// Outputs are the names of the tensors that Run writes, in its order. The caller
// must not change the slice.
func (s *Session) Outputs() []string { return s.outputs }

// Run computes the outputs from the inputs, in the order of Inputs and Outputs.
// An output that is nil is allocated by the runtime, copied out, stored in out,
// and then belongs to the caller; the others are written in place and must have
// the right shape. A tensor may be input and output at once (see the package's
// comment).
//
// When ctx ends, the run is stopped at the next operator, and Run returns ctx's
// error once the runtime no longer touches any tensor; the outputs then hold
// anything. Other errors: [ErrRun], [ErrOutOfMemory], [ErrDeviceUnavailable],
// [ErrClosed]. After an error no output has been allocated.
func (s *Session) Run(ctx context.Context, in, out []*Tensor) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.session == nil {
		return &Error{Kind: ErrClosed, Op: "run " + s.name}
	}
	inValues, err := s.values(in, s.inputs, false)
	if err != nil {
		return err
	}
	outValues, err := s.values(out, s.outputs, true)
	if err != nil {
		return err
	}

	err = s.runUntil(ctx, inValues, outValues)
	// The runtime holds the data's addresses only, which the collector does not see.
	runtime.KeepAlive(in)
	runtime.KeepAlive(out)
	if ctxErr := ctx.Err(); ctxErr != nil && err == nil {
		err = ctxErr
	}
	return s.collect(out, outValues, err)
}

// values unwraps tensors for the binding and checks what it does not check.
func (s *Session) values(tensors []*Tensor, names []string, mayBeNil bool) ([]ortgo.Value, error) {
	if len(tensors) != len(names) {
		return nil, &Error{Kind: ErrRun, Op: "run " + s.name, Err: fmt.Errorf("%d tensors for %q", len(tensors), names)}
	}
	values := make([]ortgo.Value, len(tensors))
	for i, t := range tensors {
		switch {
		case t == nil && mayBeNil:
		case t == nil:
			return nil, &Error{Kind: ErrRun, Op: "run " + s.name, Err: fmt.Errorf("no tensor for %q", names[i])}
		case t.closed.Load():
			return nil, &Error{Kind: ErrClosed, Op: "run " + s.name, Err: fmt.Errorf("tensor of %q", names[i])}
		default:
			values[i] = t.value
		}
	}
	return values, nil
}

// runUntil runs on the calling goroutine and asks the runtime to stop when ctx
// ends. It returns when the runtime has.
func (s *Session) runUntil(ctx context.Context, in, out []ortgo.Value) (err error) {
	if ctx.Done() == nil {
		return s.fault(s.session.Run(in, out))
	}
	options, err := ortgo.NewRunOptions()
	if err != nil {
		return s.fault(err)
	}
	terminated := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(terminated)
		// It can fail only on destroyed options, and they outlive this call.
		_ = options.Terminate()
	})
	err = s.session.RunWithOptions(in, out, options)
	if !stop() {
		<-terminated
	}
	destroyErr := options.Destroy()
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return s.fault(errors.Join(err, destroyErr))
}

// fault types an error of the binding.
func (s *Session) fault(err error) error {
	if err == nil {
		return nil
	}
	kind := classify(err, ErrRun)
	return &Error{Kind: kind, Op: "run " + s.name, Err: err, Hint: hintFor(kind)}
}

// collect wraps the outputs that the runtime allocated; after an error, of the
// run or of the wrapping, it frees them instead and leaves out as it was.
func (s *Session) collect(out []*Tensor, values []ortgo.Value, err error) error {
	var made []int
	for i, t := range out {
		if t != nil || values[i] == nil {
			continue
		}
		if err != nil {
			err = errors.Join(err, values[i].Destroy())
			continue
		}
		var adoptErr error
		if out[i], adoptErr = adopt(values[i]); adoptErr != nil {
			err = adoptErr
			continue
		}
		made = append(made, i)
	}
	if err != nil {
		for _, i := range made {
			err = errors.Join(err, out[i].Close())
			out[i] = nil
		}
	}
	return err
}

// Close waits for the runs that are under way and unloads the graph. A second
// Close does nothing.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil {
		return nil
	}
	session := s.session
	s.session = nil
	openSessions.Add(-1)
	return session.Destroy()
}
