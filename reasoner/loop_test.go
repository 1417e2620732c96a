package reasoner

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func ask(t *testing.T, e *Engine, r Request, s Searcher) *Result {
	t.Helper()
	got, err := e.Ask(context.Background(), r, s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// summary is a result without its times, on one line a hop.
func summary(r *Result) string {
	var b strings.Builder
	for _, h := range r.Hops {
		fmt.Fprintf(&b, "%d %s %s", h.N, h.Action, strings.Join(h.IDs, ","))
		for _, w := range h.Focus {
			fmt.Fprintf(&b, " %s:%g", w.Text, w.Weight)
		}
		b.WriteString("; ")
	}
	var ids []string
	for _, e := range r.Evidence {
		ids = append(ids, fmt.Sprintf("%s@%d.%d", e.ID, e.Hop, e.Rank))
	}
	return fmt.Sprintf("%s%q by %s; %s", b.String(), r.Answer.Text, r.Answer.StoppedBy, strings.Join(ids, " "))
}

// TestLoop runs whole conversations and compares every pass of several tokens,
// as the sequence held | what the pass adds, and the result.
func TestLoop(t *testing.T) {
	ab := []Passage{hit("a", "Knox wrote Blast"), hit("b", "Mary ruled")}
	cd := []Passage{hit("c", "Knox died in 1572"), hit("d", "Scots")}
	for _, c := range []struct {
		name    string
		request Request
		answers int
		hits    [][]Passage
		passes  []string
		result  string
	}{
		{
			name: "the model answers at the second hop", answers: 2,
			hits: [][]Passage{ab},
			passes: []string{
				"| Q: who died t0 t1 q0 q1 q2",
				"Q: who died t0 t1 q0 q1 q2 | D: Knox wrote Blast D: Mary ruled t0 t1 q0 q1 q2",
				"Q: who died t0 t1 q0 q1 q2 D: Knox wrote Blast D: Mary ruled t0 t1 | A:",
				"Q: who died t0 t1 q0 q1 q2 D: Knox wrote Blast D: Mary ruled t0 t1 A: | Mary",
			},
			result: `1 query a,b; 2 answer ; "Mary" by action; b@1.2 a@1.1`,
		},
		{
			name: "the last hop has no query tokens", request: Request{MaxHops: 2},
			hits: [][]Passage{ab, cd},
			passes: []string{
				"| Q: who died t0 t1 q0 q1 q2",
				"Q: who died t0 t1 q0 q1 q2 | D: Knox wrote Blast D: Mary ruled t0 t1 q0 q1 q2",
				"Q: who died t0 t1 q0 q1 q2 D: Knox wrote Blast D: Mary ruled t0 t1 q0 q1 q2 | D: Knox died in 1572 D: Scots t0 t1 A:",
				"Q: who died t0 t1 q0 q1 q2 D: Knox wrote Blast D: Mary ruled t0 t1 q0 q1 q2 D: Knox died in 1572 D: Scots t0 t1 A: | Mary",
			},
			result: `1 query a,b; 2 query c,d knox:0.75 blast:0.5; 3 answer ; "Mary" by max_hops; b@1.2 a@1.1 c@2.1 d@2.2`,
		},
		{
			name: "the first hop searches whatever the model says", answers: 1, request: Request{MaxHops: 1},
			hits: [][]Passage{ab},
			passes: []string{
				"| Q: who died t0 t1 q0 q1 q2",
				"Q: who died t0 t1 q0 q1 q2 | D: Knox wrote Blast D: Mary ruled t0 t1 A:",
				"Q: who died t0 t1 q0 q1 q2 D: Knox wrote Blast D: Mary ruled t0 t1 A: | Mary",
			},
			result: `1 query a,b; 2 answer ; "Mary" by max_hops; b@1.2 a@1.1`,
		},
		{
			name: "nothing found",
			passes: []string{
				"| Q: who died t0 t1 q0 q1 q2",
				"Q: who died t0 t1 | A:",
				"Q: who died t0 t1 A: | Mary",
			},
			result: `1 query ; 2 answer ; "Mary" by no_new_passages; `,
		},
		{
			name: "nothing new, however often it is returned",
			hits: [][]Passage{ab, {ab[1], ab[0], ab[0]}},
			passes: []string{
				"| Q: who died t0 t1 q0 q1 q2",
				"Q: who died t0 t1 q0 q1 q2 | D: Knox wrote Blast D: Mary ruled t0 t1 q0 q1 q2",
				"Q: who died t0 t1 q0 q1 q2 D: Knox wrote Blast D: Mary ruled t0 t1 | A:",
				"Q: who died t0 t1 q0 q1 q2 D: Knox wrote Blast D: Mary ruled t0 t1 A: | Mary",
			},
			result: `1 query a,b; 2 query  knox:0.75 blast:0.5; 3 answer ; "Mary" by no_new_passages; b@1.2 a@1.1`,
		},
		{
			name: "known and doubled passages are left out, and no more are taken than asked for", request: Request{MaxHops: 2, PassagesPerHop: 1},
			hits: [][]Passage{{ab[0], ab[1]}, {ab[0], cd[0], cd[0], cd[1]}},
			passes: []string{
				"| Q: who died t0 t1 q0 q1 q2",
				"Q: who died t0 t1 q0 q1 q2 | D: Knox wrote Blast t0 t1 q0 q1 q2",
				"Q: who died t0 t1 q0 q1 q2 D: Knox wrote Blast t0 t1 q0 q1 q2 | D: Knox died in 1572 t0 t1 A:",
				"Q: who died t0 t1 q0 q1 q2 D: Knox wrote Blast t0 t1 q0 q1 q2 D: Knox died in 1572 t0 t1 A: | Mary",
			},
			result: `1 query a; 2 query c knox:0.75 blast:0.5; 3 answer ; "Mary" by max_hops; a@1.1 c@2.1`,
		},
		{
			name: "objects without a text are found but not read",
			hits: [][]Passage{{hit("x", " \n\t"), hit("y", "")}},
			passes: []string{
				"| Q: who died t0 t1 q0 q1 q2",
				"Q: who died t0 t1 | A:",
				"Q: who died t0 t1 A: | Mary",
			},
			result: `1 query x,y; 2 answer ; "Mary" by no_new_passages; x@1.1 y@1.2`,
		},
		{
			name: "single", request: Request{Mode: ModeSingle, MaxHops: 1},
			hits: [][]Passage{ab},
			passes: []string{
				"| Q: who died D: Knox wrote Blast D: Mary ruled t0 t1 A:",
				"Q: who died D: Knox wrote Blast D: Mary ruled t0 t1 A: | Mary",
			},
			result: `1 query a,b; 2 answer ; "Mary" by single; b@1.2 a@1.1`,
		},
		{
			name: "direct", request: Request{Mode: ModeDirect},
			hits: [][]Passage{ab},
			passes: []string{
				"| Q: who died t0 t1 A:",
				"Q: who died t0 t1 A: | Mary",
			},
			result: `1 query a,b; 2 answer ; "Mary" by direct; b@1.2 a@1.1`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, m := newFake(t, Options{})
			m.answers, m.gates = c.answers, map[string]float32{"knox": 0.75, "blas": 0.5, "##t": 0.25, "wrot": 0.15}
			m.says(m.layout.Prompt.Answer[0], "Mary")
			c.request.Question = "who died"
			s := &script{hits: c.hits}
			got := ask(t, e, c.request, s)
			if !reflect.DeepEqual(m.passes, c.passes) {
				t.Errorf("passes:\n%s\nwant:\n%s", strings.Join(m.passes, "\n"), strings.Join(c.passes, "\n"))
			}
			if s := summary(got); s != c.result {
				t.Errorf("result:\n%s\nwant:\n%s", s, c.result)
			}
			if got.Answer.Partial {
				t.Error("the answer is partial")
			}
		})
	}
}

func TestQueries(t *testing.T) {
	e, m := newFake(t, Options{})
	m.gates = map[string]float32{"knox": 0.75}
	s := &script{hits: [][]Passage{{hit("a", "John Knox")}, {hit("b", "Mary")}}}
	r := ask(t, e, Request{Question: "who", MaxHops: 3, PassagesPerHop: 1}, s)
	if len(s.queries) != 3 {
		t.Fatalf("%d searches", len(s.queries))
	}
	for i, want := range []Query{
		{Limit: 1, Text: "who", Vector: r.Hops[0].Vector},
		{Limit: 1, Text: "who", Vector: r.Hops[1].Vector, Words: []Word{{"knox", 0.75}}, Exclude: []string{"a"}},
		{Limit: 1, Text: "who", Vector: r.Hops[2].Vector, Words: []Word{{"knox", 0.75}}, Exclude: []string{"a", "b"}},
	} {
		if !reflect.DeepEqual(s.queries[i], want) {
			t.Errorf("search %d: %+v, want %+v", i+1, s.queries[i], want)
		}
	}
	if reflect.DeepEqual(s.queries[0].Vector, s.queries[1].Vector) {
		t.Error("two hops have the same vector")
	}
}

// TestCandidates checks that every word piece comes with the state at the end
// of its word, in whichever hop it was read.
func TestCandidates(t *testing.T) {
	e, m := newFake(t, Options{})
	s := &script{hits: [][]Passage{{hit("a", "Reformer Knox"), hit("b", "Mary")}, {hit("c", "Blasting")}}}
	ask(t, e, Request{Question: "who", MaxHops: 3}, s)
	last := m.compositions[len(m.compositions)-1]
	var got []string
	for i, id := range last.pieces {
		token, position := last.states[2*i], last.states[2*i+1]
		got = append(got, fmt.Sprintf("%s=%s@%g", m.table.words[id], m.table.words[int64(token)], position))
	}
	// Q: who t t q q q | D: Reformer Knox D: Mary t t q q q | D: Blasting
	want := "refo=Reformer@8 ##rmer=Reformer@8 knox=Knox@9 mary=Mary@11 blas=Blasting@18 ##ting=Blasting@18"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("%s, want %s", s, want)
	}
	if q := last.question; len(q) != 3 || q[0] != 7 || q[2] != 8 {
		t.Errorf("question pieces %v", q)
	}
	for i := range m.layout.Latent.Query {
		if token := last.query[2*i]; int(token) != fakeVocab+m.layout.Latent.Think+i {
			t.Errorf("query state %d is of token %g", i, token)
		}
	}
}

func TestContextFull(t *testing.T) {
	long := "one two three four five six seven"
	for _, c := range []struct {
		positions int
		stoppedBy string
		reads     int // passages in the longest sequence
	}{
		{512, StoppedByMaxHops, 8},
		// Question 2, hop 5, passage 8, closing 7: two passages fit.
		{2 + 5 + 2*8 + 7, StoppedByContext, 2},
		{2 + 5 + 2*8 + 6, StoppedByContext, 1},
		// After the first hop's two there's room for one more.
		{2 + 5 + 2*8 + 5 + 8 + 7, StoppedByContext, 3},
		// And here for none, which shows only when the second hop was made.
		{2 + 5 + 2*8 + 5 + 7, StoppedByContext, 2},
	} {
		e, m := newFake(t, Options{})
		e.layout.Backbone.MaxPositions = c.positions
		m.says(m.layout.Prompt.Answer[0], "one two")
		s := &script{}
		for i := range 4 {
			s.hits = append(s.hits, []Passage{hit(fmt.Sprint("a", i), long), hit(fmt.Sprint("b", i), long)})
		}
		r := ask(t, e, Request{Question: "who"}, s)
		if r.Answer.StoppedBy != c.stoppedBy || r.Answer.Partial != (c.stoppedBy == StoppedByContext) || r.Answer.Text == "" {
			t.Errorf("%d positions: %+v", c.positions, r.Answer)
		}
		last := m.passes[len(m.passes)-1]
		if n := strings.Count(last, "D:"); n != c.reads {
			t.Errorf("%d positions: read %d passages, want %d: %s", c.positions, n, c.reads, last)
		}
		for _, p := range m.passes {
			if n := len(strings.Fields(p)) - 1; n > c.positions {
				t.Errorf("%d positions: a sequence of %d", c.positions, n)
			}
		}
		if len(r.Evidence) != 2*len(s.queries) {
			t.Errorf("%d positions: %d passages found of %d searches", c.positions, len(r.Evidence), len(s.queries))
		}
	}
}

// A large cache of the pool must give a question no more room than a new one.
func TestContextFullInPooledCache(t *testing.T) {
	e, m := newFake(t, Options{})
	s := func() *script { return &script{hits: [][]Passage{{hit("a", "Knox"), hit("b", "Mary")}}} }
	r := Request{Question: "who", MaxHops: 1}
	fresh := ask(t, e, r, s())
	ask(t, e, Request{Question: "who", PassagesPerHop: MaxPassagesPerHop}, s())
	first := len(m.passes)
	again := ask(t, e, r, s())
	if summary(fresh) != summary(again) || first == len(m.passes) {
		t.Errorf("%s, then %s", summary(fresh), summary(again))
	}
	if m.stores > 1 {
		t.Errorf("%d caches are kept, want one", m.stores)
	}
}

func TestTimings(t *testing.T) {
	e, m := newFake(t, Options{})
	clock := onClock(e, m)
	m.says(m.layout.Prompt.Answer[0], "Mary")
	s := &script{hits: [][]Passage{{hit("a", "Mary")}}, before: func(context.Context, int) error {
		clock.advance(time.Second)
		return nil
	}}
	r := ask(t, e, Request{Question: "who", MaxHops: 1}, s)
	// 7 tokens; then D: Mary t0 t1 A: and one token written.
	if r.Hops[0].Model != 7*time.Millisecond || r.Hops[1].Model != 6*time.Millisecond || r.Hops[0].Search != time.Second {
		t.Errorf("%+v", r.Hops)
	}
	if want := (Timings{Total: time.Second + 13*time.Millisecond, Model: 13 * time.Millisecond, Search: time.Second}); r.Timings != want {
		t.Errorf("%+v, want %+v", r.Timings, want)
	}
}

func TestDecode(t *testing.T) {
	e, m := newFake(t, Options{})
	l := m.layout
	m.says(l.Prompt.Answer[0], "Mary")
	injected := l.injectIDs(nil, 3)
	m.says(injected[l.Latent.Think-1], "find the author now please stop")
	m.says(injected[l.Latent.Query-1], "Blast by whom")
	s := func() *script { return &script{hits: [][]Passage{{hit("a", "Knox")}, {hit("b", "Mary")}}} }
	r := Request{Question: "who", MaxHops: 2}
	plain := ask(t, e, r, s())
	m.passes = nil
	r.Decode = true
	told := ask(t, e, r, s())
	for i, h := range told.Hops {
		wantThought, wantSubquery := "find the author now", "Blast by whom" // 4 tokens at most
		if h.Action == ActionAnswer {
			wantThought, wantSubquery = "", ""
		}
		if h.Thought != wantThought || h.Subquery != wantSubquery {
			t.Errorf("hop %d: thought %q, subquery %q", i+1, h.Thought, h.Subquery)
		}
		if !reflect.DeepEqual(h.Vector, plain.Hops[i].Vector) {
			t.Errorf("hop %d: decoding changed the vector", i+1)
		}
	}
	if summary(plain) != summary(told) {
		t.Errorf("decoding changed the result: %s, then %s", summary(plain), summary(told))
	}
	want := []string{"→ T: i0 i1", "→ S: i0 i1 i2"} // of the backbone that tells
	var got []string
	for _, p := range m.passes {
		if strings.HasPrefix(p, "→") {
			got = append(got, p)
		}
	}
	if !reflect.DeepEqual(got, append(want, want...)) {
		t.Errorf("decoding passes %q", got)
	}
}

func TestAnswerText(t *testing.T) {
	for _, c := range []struct {
		says, want string
		abstained  bool
		confidence float32
	}{
		{"", "", true, 0.5},
		{"Unknown.", "Unknown.", true, 0.5},
		{"Mary Stuart", "Mary Stuart", false, 0.5},
		{"a b c d e f", "a b c d", false, 0.5}, // limits.answer_tokens
		{"Mary <nl> more", "Mary", false, 0.5},
	} {
		e, m := newFake(t, Options{})
		m.says(m.layout.Prompt.Answer[0], c.says)
		a := ask(t, e, Request{Question: "who"}, &script{}).Answer
		if a.Text != c.want || a.Abstained != c.abstained || a.Confidence < c.confidence-1e-6 || a.Confidence > c.confidence+1e-6 {
			t.Errorf("%q: %+v", c.says, a)
		}
	}
}

func TestErrors(t *testing.T) {
	broken := errors.New("broken")
	e, m := newFake(t, Options{})
	m.says(m.layout.Prompt.Answer[0], "Mary")
	good := func() *script { return &script{hits: [][]Passage{{hit("a", "Knox")}}} }
	want := summary(ask(t, e, Request{Question: "who"}, good()))

	bad := good()
	bad.before = func(_ context.Context, call int) error {
		if call == 2 {
			return broken
		}
		return nil
	}
	if _, err := e.Ask(context.Background(), Request{Question: "who"}, bad); !errors.Is(err, broken) || !strings.Contains(err.Error(), "hop 2") {
		t.Errorf("search: %v", err)
	}
	for pass := 1; pass <= 3; pass++ {
		m.passes = nil
		m.fail = func(n int) error {
			if n == pass {
				return broken
			}
			return nil
		}
		if _, err := e.Ask(context.Background(), Request{Question: "who", MaxHops: 1}, good()); pass <= 2 && !errors.Is(err, broken) {
			t.Errorf("pass %d: %v", pass, err)
		}
	}
	m.fail = nil
	if got := summary(ask(t, e, Request{Question: "who"}, good())); got != want {
		t.Errorf("after errors: %s, want %s", got, want)
	}
}
