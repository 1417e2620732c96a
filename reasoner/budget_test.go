package reasoner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const ms = time.Millisecond

func TestRate(t *testing.T) {
	var r rate
	if got := r.of(5); got != 0 {
		t.Errorf("nothing measured: %v", got)
	}
	r.add(100, 100*ms)
	if got := r.of(5); got != 5*ms {
		t.Errorf("%v, want 5ms", got)
	}
	r.add(1, 50*ms)
	if got := r.of(1); got < ms || got > 2*ms {
		t.Errorf("after one slow item: %v", got)
	}
	for range 20 {
		r.add(100, 300*ms)
	}
	if got := r.of(1); got < 290*time.Microsecond*10 || got > 3*ms {
		t.Errorf("after many slow ones: %v", got)
	}
}

// onKnownPace is an engine on a clock, after a question that has shown it what
// passes take: a millisecond a token. Answers are "Mary Stuart".
func onKnownPace(t *testing.T) (*Engine, *fakeModel, *fakeClock) {
	t.Helper()
	e, m := newFake(t, Options{})
	clock := onClock(e, m)
	m.says(m.layout.Prompt.Answer[0], "Mary Stuart")
	ask(t, e, Request{Question: "who", Mode: ModeDirect}, &script{})
	m.passes = nil
	return e, m, clock
}

// slowly is a searcher of which each search takes its own time.
func slowly(clock *fakeClock, hits [][]Passage, takes ...time.Duration) *script {
	return &script{hits: hits, before: func(_ context.Context, call int) error {
		clock.advance(takes[min(call, len(takes))-1])
		return nil
	}}
}

// read counts the passages in the longest sequence.
func (m *fakeModel) read() int {
	n := 0
	for _, p := range m.passes {
		n = max(n, strings.Count(p, "D:"))
	}
	return n
}

func TestBudget(t *testing.T) {
	ab := []Passage{hit("a", "Knox wrote Blast"), hit("b", "Mary ruled")}
	cd := []Passage{hit("c", "Knox died"), hit("d", "Scots")}
	for _, c := range []struct {
		name         string
		budget       time.Duration
		first, later time.Duration // what searches take
		reads        int
		result       string
	}{
		// The first pass takes 7 ms, an answer is taken for 4, and what is read
		// for 1.25 a token: both passages of the first hop need 18 ms.
		{"none", 0, ms, ms, 4, `1 query a,b; 2 query c,d; 3 query ; 4 answer ; "Mary Stuart" by no_new_passages; a@1.1 b@1.2 c@2.1 d@2.2`},
		{"enough", time.Second, ms, ms, 4, `1 query a,b; 2 query c,d; 3 query ; 4 answer ; "Mary Stuart" by no_new_passages; a@1.1 b@1.2 c@2.1 d@2.2`},
		{"for one hop and the answer", 40 * ms, ms, ms, 2, `1 query a,b; 2 answer ; "Mary Stuart" by budget; a@1.1 b@1.2`},
		{"for one passage and the answer", 24 * ms, ms, ms, 1, `1 query a,b; 2 answer ; "Mary Stuart" by budget; a@1.1 b@1.2`},
		{"not for reading", 20 * ms, ms, ms, 0, `1 query a,b; "" by budget; a@1.1 b@1.2`},
		{"ended in the first search", 20 * ms, time.Minute, 0, 0, `1 query a,b; "" by budget; a@1.1 b@1.2`},
		{"ended in the second search", 110 * ms, 30 * ms, time.Minute, 2, `1 query a,b; 2 query c,d; "" by budget; a@1.1 b@1.2 c@2.1 d@2.2`},
		{"for one passage of the second hop", 110 * ms, 30 * ms, 48 * ms, 3, `1 query a,b; 2 query c,d; 3 answer ; "Mary Stuart" by budget; a@1.1 b@1.2 c@2.1 d@2.2`},
		{"not for reading what the second hop found", 110 * ms, 30 * ms, 55 * ms, 2, `1 query a,b; 2 query c,d; 3 answer ; "Mary Stuart" by budget; a@1.1 b@1.2 c@2.1 d@2.2`},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, m, clock := onKnownPace(t)
			s := slowly(clock, [][]Passage{ab, cd}, c.first, c.later)
			checkBudget(t, e, m, Request{Question: "who", Budget: c.budget}, s, c.reads, c.result)
		})
	}
}

func checkBudget(t *testing.T, e *Engine, m *fakeModel, request Request, s Searcher, reads int, result string) {
	t.Helper()
	r := ask(t, e, request, s)
	if got := summary(r); got != result {
		t.Errorf("%s, want %s", got, result)
	}
	if got := m.read(); got != reads {
		t.Errorf("read %d passages, want %d", got, reads)
	}
	if r.Answer.Partial != (r.Answer.StoppedBy == StoppedByBudget) || r.Answer.Abstained != (r.Answer.Text == "") {
		t.Errorf("%+v", r.Answer)
	}
	if request.Budget > 0 && r.Answer.Text != "" && r.Timings.Total > request.Budget {
		t.Errorf("took %v of %v", r.Timings.Total, request.Budget)
	}
}

func TestBudgetWithoutLoop(t *testing.T) {
	const text = "one two three four five six seven" // 8 tokens with its prompt, guessed as 9
	hits := [][]Passage{{hit("a", text), hit("b", text), hit("c", text), hit("d", text)}}
	for _, c := range []struct {
		name     string
		mode     Mode
		budget   time.Duration
		choosing time.Duration // what a passage is known to take before it is read
		reads    int
		result   string
	}{
		{"single, none", ModeSingle, 0, 0, 4, `1 query a,b,c,d; 2 answer ; "Mary Stuart" by single; a@1.1 b@1.2 c@1.3 d@1.4`},
		{"single, enough", ModeSingle, time.Second, 0, 4, `1 query a,b,c,d; 2 answer ; "Mary Stuart" by single; a@1.1 b@1.2 c@1.3 d@1.4`},
		// 5 tokens beside the passages: 3 passages need 40 ms, and 4 for the answer.
		{"single, for three", ModeSingle, 50 * ms, 0, 3, `1 query a,b,c,d; 2 answer ; "Mary Stuart" by budget; a@1.1 b@1.2 c@1.3 d@1.4`},
		{"single, for one that has to be chosen from", ModeSingle, 50 * ms, 10 * ms, 1, `1 query a,b,c,d; 2 answer ; "Mary Stuart" by budget; a@1.1 b@1.2 c@1.3 d@1.4`},
		{"single, for none", ModeSingle, 20 * ms, 0, 0, `1 query a,b,c,d; "" by budget; a@1.1 b@1.2 c@1.3 d@1.4`},
		{"direct", ModeDirect, 20 * ms, 0, 0, `1 query a,b,c,d; 2 answer ; "Mary Stuart" by direct; a@1.1 b@1.2 c@1.3 d@1.4`},
		{"direct, not for the question", ModeDirect, 6 * ms, 0, 0, `1 query a,b,c,d; "" by budget; a@1.1 b@1.2 c@1.3 d@1.4`},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, m, clock := onKnownPace(t)
			e.pace.passages = rate{}
			e.pace.measure(&e.pace.passages, 1, c.choosing)
			checkBudget(t, e, m, Request{Question: "who", Mode: c.mode, Budget: c.budget}, slowly(clock, hits, ms), c.reads, c.result)
		})
	}
}

type slowEmbedder struct {
	fakeEmbedder
	clock *fakeClock
	takes time.Duration
}

func (s slowEmbedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	s.clock.advance(s.takes)
	return s.fakeEmbedder.Embed(ctx, texts)
}

func (s slowEmbedder) EmbedQuestions(ctx context.Context, questions []string) ([][]float32, error) {
	return s.Embed(ctx, questions)
}

// Choosing sentences took longer than was known: fewer passages are read.
func TestBudgetAfterChoosing(t *testing.T) {
	e, m, clock := onKnownPace(t)
	e.embedder = slowEmbedder{fakeEmbedder{}, clock, 15 * ms} // of the question, then of the sentences
	long := "It is one of them all. It is not one of those there."
	s := slowly(clock, [][]Passage{{hit("a", long), hit("b", long), hit("c", long)}}, 0)
	r := ask(t, e, Request{Question: "who", Mode: ModeSingle, Budget: 55 * ms}, s)
	if m.read() != 1 || r.Answer.StoppedBy != StoppedByBudget || r.Answer.Text != "Mary Stuart" {
		t.Errorf("read %d, %+v", m.read(), r.Answer)
	}
}

// A question learns from those before it, whoever asked them.
func TestPaceIsKept(t *testing.T) {
	hits := [][]Passage{{hit("a", "one two three"), hit("b", "one two three")}}
	r := Request{Question: "who", Mode: ModeSingle, Budget: 15 * ms}
	e, m := newFake(t, Options{})
	onClock(e, m)
	m.says(m.layout.Prompt.Answer[0], "Mary")
	if got := ask(t, e, r, &script{hits: hits}); m.read() != 2 {
		t.Errorf("before anything was measured: read %d, %+v", m.read(), got.Answer)
	}
	m.passes = nil
	if got := ask(t, e, r, &script{hits: hits}); m.read() != 0 || got.Answer.StoppedBy != StoppedByBudget {
		t.Errorf("then: read %d, %+v", m.read(), got.Answer)
	}
}

// What is written when the budget ends is the answer.
func TestBudgetCutsTheAnswer(t *testing.T) {
	hits := [][]Passage{{hit("a", "Mary")}}
	for mode, budget := range map[Mode]time.Duration{ModeLatent: 26 * ms, ModeSingle: 26 * ms, ModeDirect: 16 * ms} {
		e, m, _ := onKnownPace(t)
		m.says(m.layout.Prompt.Answer[0], "a b c d")
		r := Request{Question: "who", Mode: mode, MaxHops: 1}
		if got := ask(t, e, r, &script{hits: hits}); got.Answer.Text != "a b c d" || got.Answer.Partial {
			t.Errorf("%s without a budget: %+v", mode, got.Answer)
		}
		m.heads = 5 * ms // all of a sudden
		r.Budget = budget
		got := ask(t, e, r, &script{hits: hits})
		a := got.Answer
		if a.Text == "" || a.Text == "a b c d" || !strings.HasPrefix("a b c d", a.Text) || !a.Partial || a.StoppedBy != StoppedByBudget || a.Confidence == 0 {
			t.Errorf("%s: %+v", mode, a)
		}
		if over := got.Timings.Total - r.Budget; over > 6*ms {
			t.Errorf("%s: %v more than the budget, which is more than a token", mode, over)
		}
	}
}

// Words for the latents are not paid from the answer's budget, and have no more
// time than the answer had.
func TestBudgetOfDecoding(t *testing.T) {
	for _, c := range []struct {
		heads             time.Duration
		thought, subquery string
	}{
		{0, "find the author now", "Blast by whom"}, // 13 ms
		{5 * ms, "find the author now", ""},         // 26 ms, then 4 and a word
		{20 * ms, "", ""},
	} {
		e, m, clock := onKnownPace(t)
		injected := m.layout.injectIDs(nil, 3)
		m.says(injected[m.layout.Latent.Think-1], "find the author now")
		m.says(injected[m.layout.Latent.Query-1], "Blast by whom")
		m.heads = c.heads
		s := slowly(clock, [][]Passage{{hit("a", "Mary")}}, time.Minute)
		const budget = 30 * ms
		got := ask(t, e, Request{Question: "who", MaxHops: 1, Budget: budget, Decode: true}, s)
		if got.Answer.StoppedBy != StoppedByBudget {
			t.Errorf("%+v", got.Answer)
		}
		if h := got.Hops[0]; h.Thought != c.thought || h.Subquery != c.subquery || h.Decode == 0 || h.Decode > budget+c.heads+4*ms {
			t.Errorf("head of %v: thought %q, subquery %q in %v, want %q, %q", c.heads, h.Thought, h.Subquery, h.Decode, c.thought, c.subquery)
		}
	}
}

// The budget ends a later search, and that is no error.
func TestBudgetEndsInSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, m := newFake(t, Options{})
		m.says(m.layout.Prompt.Answer[0], "Mary")
		s := &script{hits: [][]Passage{{hit("a", "Mary")}}, before: func(ctx context.Context, call int) error {
			if call == 1 {
				return nil
			}
			<-ctx.Done()
			return fmt.Errorf("shard: %w", ctx.Err())
		}}
		r := ask(t, e, Request{Question: "who", Budget: time.Second}, s)
		if !r.Answer.Partial || r.Answer.StoppedBy != StoppedByBudget || len(r.Evidence) != 1 || r.Timings.Total != time.Second {
			t.Errorf("%+v", r)
		}
	})
}

// A fault of a search that outlasts the budget is a fault.
func TestFaultBehindTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := newFake(t, Options{})
		broken := errors.New("shard is read-only")
		s := &script{hits: [][]Passage{{hit("a", "Mary")}}, before: func(ctx context.Context, call int) error {
			if call == 1 {
				return nil
			}
			<-ctx.Done()
			return broken
		}}
		if _, err := e.Ask(context.Background(), Request{Question: "who", Budget: time.Second}, s); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
	})
}
