package reasoner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/ort"
)

// Options of an Engine; the zero value is a good one.
type Options struct {
	// Concurrency is how many questions hold the model at once, 1 when 0. On a
	// CPU a pass uses all threads, so more than one only makes each slower.
	Concurrency int
	// Queue is how many questions may wait for the model, 32 when 0, none when
	// negative.
	Queue int
}

const defaultQueue = 32

// Engine answers questions with one bundle's model. It is safe for concurrent
// use.
type Engine struct {
	layout        layout
	model         model
	lm, retriever tokenizer
	unknown       int64 // the first token of saying that one does not know
	embedder      Embedder
	admission     *admission
	caches        *cachePool
	pace          *pace

	now func() time.Time

	life context.Context // ends with Close
	end  context.CancelFunc

	mu      sync.Mutex // guards closed against running.Add
	closed  bool
	running sync.WaitGroup
}

// Open loads the bundle's graphs and tries each of them. The engine does not
// own rt, b and e: they must outlive it.
//
// Errors: those of internal/ort.
func Open(rt *ort.Runtime, b *bundle.Bundle, e Embedder, options Options) (*Engine, error) {
	l := layout{b.Manifest()}
	m, err := openModel(rt, b, l)
	if err != nil {
		return nil, err
	}
	engine := newEngine(l, m, b.LM(), b.Retriever(), e, options)
	if err := engine.rehearse(); err != nil {
		return nil, errors.Join(fmt.Errorf("bundle %s: its graphs do not work together: %w", b.Manifest().Name, err), engine.Close())
	}
	return engine, nil
}

// newEngine owns m, which Close closes.
func newEngine(l layout, m model, lm, retriever tokenizer, e Embedder, options Options) *Engine {
	concurrency, queue := max(1, options.Concurrency), options.Queue
	if queue == 0 {
		queue = defaultQueue
	}
	engine := &Engine{
		layout: l, model: m, lm: lm, retriever: retriever, embedder: e,
		admission: newAdmission(concurrency, max(0, queue)),
		caches:    newCachePool(m, l, concurrency),
		pace:      new(pace),
		now:       time.Now,
	}
	if ids := lm.IDs(spaced(abstainText), false); len(ids) > 0 {
		engine.unknown = ids[0]
	}
	engine.life, engine.end = context.WithCancel(context.Background())
	return engine
}

// rehearse makes a hop without a search, so that a graph that does not fit the
// manifest is found now and not by the first question. It does so twice: in the
// first, pages are cold, and the pace that counts is the second's, with nothing
// in it of the backbones that tell and that write.
func (e *Engine) rehearse() error {
	if e.layout.hasTwin() {
		if err := e.rehearsal(ModeExplicit, (*asking).rehearseTwin); err != nil {
			return err
		}
	}
	if err := e.rehearsal(ModeLatent, (*asking).rehearseTelling); err != nil {
		return err
	}
	for range 2 {
		e.pace = new(pace)
		if err := e.rehearsal(ModeLatent, (*asking).rehearseLoop); err != nil {
			return err
		}
	}
	return nil
}

func (a *asking) rehearseLoop(ctx context.Context) error {
	if _, err := a.latentTurn(ctx, a.newHop(ActionQuery), nil); err != nil {
		return err
	}
	a.cache.rollback(a.undo)
	out, err := a.read(ctx, nil, a.layout.Prompt.Answer, 1, false)
	if err != nil {
		return err
	}
	d := a.draft(a.timer, out.states)
	// One step of writing, whether or not the model would go on.
	for _, ids := range [][]int64{nil, {a.layout.Backbone.Newline}} {
		if _, err := d.logprobs(ctx, ids); err != nil {
			return err
		}
	}
	if a.layout.hasPointer() {
		if _, err := a.givePointer(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// rehearseTelling begins to put latents into words that are all zero.
func (a *asking) rehearseTelling(ctx context.Context) error {
	l := a.layout
	think, query := make([]float32, l.Latent.Think*l.hidden()), make([]float32, l.Latent.Query*l.hidden())
	_, subquery, err := a.model.translate(ctx, think, query)
	if err != nil {
		return err
	}
	_, err = a.openTold(ctx, l.Prompt.Subquery, subquery)
	return err
}

func (a *asking) rehearseTwin(ctx context.Context) error {
	_, err := a.read(ctx, nil, a.closing(), 1, false)
	return err
}

// rehearsal makes a part of a question of nobody's.
func (e *Engine) rehearsal(m Mode, part func(*asking, context.Context) error) error {
	a := e.begin(Request{Mode: m, MaxHops: 1, PassagesPerHop: 1}, e.question("?"))
	c, err := e.caches.get(e.layout.longest(m, len(a.question.tokens), 1, 1), m.backbone())
	if err != nil {
		return err
	}
	defer a.giveBack(c)
	a.cache = c
	return part(a, e.life)
}

func (e *Engine) begin(r Request, q questionText) *asking {
	return &asking{
		Engine: e, timer: timer{now: e.now}, request: r, ways: e.layout.waysOf(r), question: q,
		known: map[string]*passage{},
	}
}

// Ask answers one question; s is called for its searches. It waits for the
// model in the order of coming. The result depends on the question, the
// request and what s returns, not on what runs beside it; only a budget brings
// the clock in.
//
// When ctx ends, the model stops within one operator of its graph and Ask
// returns ctx's error. Other errors: *InputError, ErrExplicitUnavailable,
// ErrPointerUnavailable, ErrOverloaded, ErrClosed, and s's own, wrapped.
func (e *Engine) Ask(parent context.Context, r Request, s Searcher) (*Result, error) {
	start := e.now()
	r, q, err := e.complete(r)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, errors.New("reasoner: no searcher")
	}
	a := e.begin(r, q)
	a.searcher = s
	if r.Budget > 0 {
		a.deadline = start.Add(r.Budget)
	}

	ctx, leave, err := e.enter(parent, a.deadline)
	if err != nil {
		return nil, err
	}
	defer leave()
	a.result.Timings.Queue = e.now().Sub(start)
	if err := a.run(ctx); err != nil {
		return nil, e.why(parent, err)
	}
	a.result.Timings.Total = e.now().Sub(start)
	result := a.result // a pointer into a would keep the passages' texts and states
	return &result, nil
}

// enter waits for the model, until the deadline if there is one. The context
// that it returns also ends when the engine is closed.
func (e *Engine) enter(parent context.Context, deadline time.Time) (_ context.Context, leave func(), err error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, nil, ErrClosed
	}
	e.running.Add(1)
	e.mu.Unlock()

	ctx, cancel := context.WithCancel(parent)
	stop := context.AfterFunc(e.life, cancel)
	free := func() {
		stop()
		cancel()
		e.running.Done()
	}

	wait := ctx
	if !deadline.IsZero() {
		var cancelWait context.CancelFunc
		wait, cancelWait = context.WithDeadline(ctx, deadline)
		defer cancelWait()
	}
	if err := e.admission.enter(wait); err != nil {
		if wait.Err() != nil && ctx.Err() == nil {
			err = ErrOverloaded // the budget ended in the queue
		}
		free()
		return nil, nil, e.why(parent, err)
	}
	return ctx, func() {
		e.admission.leave()
		free()
	}, nil
}

// why is the reason for err: the end of the caller's context or of the engine
// before anything that followed from it.
func (e *Engine) why(parent context.Context, err error) error {
	if parent.Err() != nil {
		return parent.Err()
	}
	if e.life.Err() != nil {
		return ErrClosed
	}
	return err
}

// Embed is the retriever's own vector of a question, of unit length.
func (e *Engine) Embed(ctx context.Context, question string) ([]float32, error) {
	vectors, err := e.embedder.EmbedQuestions(ctx, []string{question})
	if err != nil {
		return nil, err
	}
	if len(vectors) != 1 {
		return nil, fmt.Errorf("reasoner: %d vectors of one question", len(vectors))
	}
	return vectors[0], nil
}

// Close stops running and waiting questions, which return ErrClosed, waits for
// them, and frees the model. A Searcher that ignores its context delays it. A
// second Close does nothing.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	e.mu.Unlock()
	e.end()
	e.running.Wait()
	return errors.Join(e.caches.Close(), e.model.Close())
}
