package reasoner

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestValidate(t *testing.T) {
	e, _ := newFake(t, Options{})
	ok := Request{Question: "who"}
	with := func(change func(*Request)) Request {
		r := ok
		change(&r)
		return r
	}
	for _, c := range []struct {
		request Request
		field   string // "" when it is good
		says    string
	}{
		{ok, "", ""},
		{with(func(r *Request) { r.Mode, r.MaxHops, r.PassagesPerHop, r.Budget = ModeSingle, 4, 10, time.Second }), "", ""},
		{with(func(r *Request) { r.Question = strings.Repeat("w ", 12) }), "", ""},
		{with(func(r *Request) { r.Question = "" }), "question", "empty"},
		{with(func(r *Request) { r.Question = " \n\x00\u2028\t" }), "question", "empty"},
		{with(func(r *Request) { r.Question = strings.Repeat("w ", 13) }), "question", "13 tokens, more than 12 (limits.question_tokens"},
		{with(func(r *Request) { r.Question = strings.Repeat("w ", 1<<20) }), "question", "bytes"},
		// 8 tokens of the backbone, but 40 word pieces.
		{with(func(r *Request) { r.Question = strings.Repeat(strings.Repeat("w", 20)+" ", 8) }), "question", "42 tokens of the retriever, more than 32 (retriever.max_question_tokens"},
		{with(func(r *Request) { r.Mode = "latent" }), "mode", `"latent"`},
		{with(func(r *Request) { r.MaxHops = -1 }), "maxHops", "between 1 and 4 (limits.hops"},
		{with(func(r *Request) { r.MaxHops = 5 }), "maxHops", "is 5"},
		{with(func(r *Request) { r.PassagesPerHop = -1 }), "passagesPerHop", "between 1 and 50"},
		{with(func(r *Request) { r.PassagesPerHop = 51 }), "passagesPerHop", "is 51"},
		{with(func(r *Request) { r.Budget = -time.Second }), "budgetMs", "is -1000"},
	} {
		s := &script{}
		_, askErr := e.Ask(context.Background(), c.request, s)
		for _, err := range []error{e.Validate(c.request), askErr} {
			if c.field == "" {
				if err != nil {
					t.Errorf("%+v: %v", c.request, err)
				}
				continue
			}
			var input *InputError
			if !errors.As(err, &input) || input.Field != c.field || !strings.Contains(input.Problem, c.says) {
				t.Errorf("%.40q %+v: %v, want %s: … %s", c.request.Question, c.request.Mode, err, c.field, c.says)
			}
			if len(s.queries) != 0 {
				t.Errorf("%+v searched", c.request)
			}
		}
	}
	if err := e.Validate(Request{Question: "who", Mode: ModeExplicit}); !errors.Is(err, ErrExplicitUnavailable) {
		t.Errorf("EXPLICIT: %v", err)
	}
	if _, err := e.Ask(context.Background(), ok, nil); err == nil {
		t.Error("no error without a searcher")
	}
}

// inBackground asks and sends the error; order collects the questions in the
// order in which they get to search.
type background struct {
	engine *Engine
	mu     sync.Mutex
	order  []string
}

func (b *background) ask(ctx context.Context, r Request) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := b.engine.Ask(ctx, r, &script{before: func(context.Context, int) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.order = append(b.order, r.Question)
			return nil
		}})
		done <- err
	}()
	synctest.Wait()
	return done
}

func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, m := newFake(t, Options{Concurrency: 1, Queue: 3})
		m.block = make(chan struct{})
		b := &background{engine: e}
		ctx := context.Background()

		first := b.ask(ctx, Request{Question: "first"})
		var waiting []<-chan error
		for i := range 3 {
			waiting = append(waiting, b.ask(ctx, Request{Question: fmt.Sprint("waits", i)}))
		}
		if err := <-b.ask(ctx, Request{Question: "too many"}); !errors.Is(err, ErrOverloaded) {
			t.Errorf("with a full queue: %v", err)
		}
		close(m.block)
		if err := <-first; err != nil {
			t.Error(err)
		}
		for _, w := range waiting {
			if err := <-w; err != nil {
				t.Error(err)
			}
		}
		if want := []string{"first", "waits0", "waits1", "waits2"}; !slices.Equal(b.order, want) {
			t.Errorf("order %q, want %q", b.order, want)
		}
		if err := <-b.ask(ctx, Request{Question: "later"}); err != nil {
			t.Errorf("with an empty queue: %v", err)
		}
	})
}

func TestNoQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, m := newFake(t, Options{Queue: -1})
		m.block = make(chan struct{})
		b := &background{engine: e}
		first := b.ask(context.Background(), Request{Question: "first"})
		if err := <-b.ask(context.Background(), Request{Question: "second"}); !errors.Is(err, ErrOverloaded) {
			t.Errorf("%v", err)
		}
		close(m.block)
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

func TestLeavingTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, m := newFake(t, Options{Queue: 2})
		m.block = make(chan struct{})
		b := &background{engine: e}
		first := b.ask(context.Background(), Request{Question: "first"})

		ctx, cancel := context.WithCancel(context.Background())
		cancelled := b.ask(ctx, Request{Question: "cancelled"})
		late := b.ask(context.Background(), Request{Question: "late", Budget: time.Second})
		cancel()
		if err := <-cancelled; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled while waiting: %v", err)
		}
		if err := <-late; !errors.Is(err, ErrOverloaded) {
			t.Errorf("budget ended while waiting: %v", err)
		}
		timed, cancelTimed := context.WithTimeout(context.Background(), time.Second)
		defer cancelTimed()
		if err := <-b.ask(timed, Request{Question: "timed"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("deadline while waiting: %v", err)
		}
		// The places are free again.
		waits := b.ask(context.Background(), Request{Question: "waits"})
		close(m.block)
		for _, done := range []<-chan error{first, waits} {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if want := []string{"first", "waits"}; !slices.Equal(b.order, want) {
			t.Errorf("order %q, want %q", b.order, want)
		}
	})
}

func TestQueueTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, m := newFake(t, Options{})
		m.block = make(chan struct{})
		b := &background{engine: e}
		first := b.ask(context.Background(), Request{Question: "first"})
		var r *Result
		go func() { r, _ = e.Ask(context.Background(), Request{Question: "second"}, &script{}) }()
		synctest.Wait()
		time.Sleep(3 * time.Second)
		close(m.block)
		<-first
		synctest.Wait()
		if r == nil || r.Timings.Queue != 3*time.Second || r.Timings.Total != 3*time.Second {
			t.Errorf("%+v", r)
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, m := newFake(t, Options{Queue: -1})
		m.block = make(chan struct{})
		b := &background{engine: e}

		ctx, cancel := context.WithCancel(context.Background())
		inPass := b.ask(ctx, Request{Question: "in a pass"})
		cancel()
		if err := <-inPass; !errors.Is(err, context.Canceled) {
			t.Errorf("in a pass: %v", err)
		}

		close(m.block)
		ctx, cancel = context.WithCancel(context.Background())
		_, err := e.Ask(ctx, Request{Question: "in a search"}, &script{before: func(context.Context, int) error {
			cancel()
			return errors.New("shard closed") // not the context's error
		}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("in a search: %v", err)
		}
		// A searcher that does not care about its context.
		ctx, cancel = context.WithCancel(context.Background())
		_, err = e.Ask(ctx, Request{Question: "behind a search"}, &script{before: func(context.Context, int) error {
			cancel()
			return nil
		}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("behind a search: %v", err)
		}
		// Slot and caches are back.
		if err := <-b.ask(context.Background(), Request{Question: "next"}); err != nil {
			t.Error(err)
		}
		if m.stores > 1 {
			t.Errorf("%d caches", m.stores)
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, m := newFake(t, Options{})
		m.block = make(chan struct{})
		b := &background{engine: e}
		running := b.ask(context.Background(), Request{Question: "running"})
		waiting := b.ask(context.Background(), Request{Question: "waiting"})
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		for _, done := range []<-chan error{running, waiting, b.ask(context.Background(), Request{Question: "after"})} {
			if err := <-done; !errors.Is(err, ErrClosed) {
				t.Errorf("%v, want ErrClosed", err)
			}
		}
		if !m.closed || m.stores != 0 {
			t.Errorf("closed %v, %d caches", m.closed, m.stores)
		}
		if err := e.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
}

// Results do not depend on what runs beside a question.
func TestBesideOthers(t *testing.T) {
	e, m := newFake(t, Options{Concurrency: 4, Queue: 64})
	m.gates = map[string]float32{"knox": 0.5}
	m.says(m.layout.Prompt.Answer[0], "Mary")
	question := func(i int) (*Result, error) {
		hits := [][]Passage{{hit("a", "Knox"), hit(fmt.Sprint("b", i), strings.Repeat("Mary ", i%7+1))}, {hit("c", "Mary")}}
		return e.Ask(context.Background(), Request{Question: strings.Repeat("who ", i%5+1), MaxHops: i%4 + 1}, &script{hits: hits})
	}
	const n = 40
	alone := make([]*Result, n)
	for i := range n {
		var err error
		if alone[i], err = question(i); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			got, err := question(i)
			if err != nil {
				t.Error(err)
				return
			}
			if summary(got) != summary(alone[i]) {
				t.Errorf("%d: %s, alone %s", i, summary(got), summary(alone[i]))
			}
			for k := range got.Hops {
				if !reflect.DeepEqual(got.Hops[k].Vector, alone[i].Hops[k].Vector) {
					t.Errorf("%d: hop %d has another vector", i, k+1)
				}
			}
		})
	}
	group.Wait()
}

// A result that a caller keeps must not keep what the question was answered with.
func TestResultStandsAlone(t *testing.T) {
	e, _ := newFake(t, Options{})
	freed := make(chan struct{})
	ask := func() *Result {
		s := &script{hits: [][]Passage{{hit("a", "Knox")}}}
		runtime.AddCleanup(s, func(c chan struct{}) { close(c) }, freed)
		r, err := e.Ask(context.Background(), Request{Question: "who"}, s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := ask()
	for range 100 { // the cleanup runs some time after the collection
		runtime.GC()
		select {
		case <-freed:
			runtime.KeepAlive(r)
			return
		default:
			runtime.Gosched()
		}
	}
	t.Error("the result keeps its searcher")
	runtime.KeepAlive(r)
}

func TestRehearse(t *testing.T) {
	e, m := newFake(t, Options{})
	if err := e.rehearse(); err != nil {
		t.Error(err)
	}
	told := func(p string) bool { return strings.HasPrefix(p, "→ S: i0") }
	if !slices.ContainsFunc(m.passes, told) {
		t.Errorf("the backbone that tells is not tried: %q", m.passes)
	}
	if slices.ContainsFunc(m.passes[slices.IndexFunc(m.passes, told)+1:], told) {
		t.Errorf("the backbone that tells is tried more than once: %q", m.passes)
	}
	broken := errors.New("broken")
	m.fail = func(int) error { return broken }
	if err := e.rehearse(); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
