package reasoner

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latentask/latentask/internal/bundle"
)

// long are the passes of several tokens.
func long(m *fakeModel) []string {
	var out []string
	for _, p := range m.passes {
		_, added, _ := strings.Cut(strings.ReplaceAll(p, "‖", "|"), "| ")
		if strings.Contains(added, " ") || added == "A:" {
			out = append(out, p)
		}
	}
	return out
}

// TestExplicit runs conversations of the twin, which writes what it looks for.
func TestExplicit(t *testing.T) {
	const written = "Q: who died <nl> T: find him <nl> S: Knox spouse of a"
	for _, c := range []struct {
		name    string
		request Request
		answers int
		hits    [][]Passage
		passes  []string
		result  string
	}{
		{
			name: "it answers at the second hop", answers: 2,
			hits: [][]Passage{{hit("a", "Mary ruled")}},
			passes: []string{
				"‖ Q: who died <nl> T:",
				"Q: who died <nl> T: find him ‖ <nl> S:",
				written + " ‖ D: Mary ruled <nl> T:",
				written + " D: Mary ruled <nl> T: ‖ A:",
			},
			result: `1 query a; 2 answer ; "Mary" by action; a@1.1`,
		},
		{
			name: "the first hop searches whatever it says", answers: 1, request: Request{MaxHops: 1},
			hits: [][]Passage{{hit("a", "Mary ruled")}},
			passes: []string{
				"‖ Q: who died <nl> T:",
				"Q: who died <nl> T: find him ‖ <nl> S:",
				written + " ‖ D: Mary ruled <nl> T: A:",
			},
			result: `1 query a; 2 answer ; "Mary" by max_hops; a@1.1`,
		},
		{
			name: "nothing found: thought and subquery are forgotten",
			passes: []string{
				"‖ Q: who died <nl> T:",
				"Q: who died <nl> T: find him ‖ <nl> S:",
				"Q: who died <nl> T: ‖ A:",
			},
			result: `1 query ; 2 answer ; "Mary" by no_new_passages; `,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, m := newFake(t, Options{})
			e.layout.Files[bundle.ExplicitFile] = bundle.File{}
			e.embedder = fakeEmbedder{"Knox": {0, 0, 1}}
			m.answers = c.answers
			m.says(m.layout.Prompt.Thought[0], "find him")
			m.says(m.layout.Prompt.Subquery[0], "Knox spouse of a friend") // 4 tokens are read and searched for
			m.says(m.layout.Prompt.Answer[0], "Mary")
			c.request.Question, c.request.Mode = "who died", ModeExplicit
			s := &script{hits: c.hits}
			r := ask(t, e, c.request, s)
			if got := summary(r); got != c.result {
				t.Errorf("result %s, want %s", got, c.result)
			}
			if got := long(m); !reflect.DeepEqual(got, c.passes) {
				t.Errorf("passes:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(c.passes, "\n"))
			}
			if h := r.Hops[0]; h.Thought != "find him" || h.Subquery != "Knox spouse of a" || h.Lens != nil {
				t.Errorf("%+v", h)
			}
			if q := s.queries[0]; q.Text != "Knox spouse of a" || q.Words != nil || !reflect.DeepEqual(q.Vector, []float32{0, 0, 1}) {
				t.Errorf("searched for %+v", q)
			}
		})
	}
}

// A twin that writes nothing searches for the question; and its cache is not
// taken for the loop's.
func TestExplicitWithoutSubquery(t *testing.T) {
	e, m := newFake(t, Options{})
	e.layout.Files[bundle.ExplicitFile] = bundle.File{}
	m.says(m.layout.Prompt.Answer[0], "Mary")
	s := func() *script { return &script{hits: [][]Passage{{hit("a", "Mary ruled")}}} }
	r := Request{Question: "who died", MaxHops: 1}
	before := summary(ask(t, e, r, s()))
	explicit := s()
	ask(t, e, Request{Question: "who died", MaxHops: 1, Mode: ModeExplicit}, explicit)
	if explicit.queries[0].Text != "who died" {
		t.Errorf("searched for %+v", explicit.queries[0])
	}
	if after := summary(ask(t, e, r, s())); after != before {
		t.Errorf("%s, then %s", before, after)
	}
	if err := e.rehearse(); err != nil {
		t.Error(err)
	}
}

// TestIterative: each round reads what it found and nothing else, behind the
// question's keys and values.
func TestIterative(t *testing.T) {
	mary, knox, scots := hit("a", "Mary died"), hit("b", "Knox died"), hit("c", "Scots")
	for _, c := range []struct {
		name    string
		hops    int
		answers []string // by round
		hits    [][]Passage
		passes  []string
		texts   []string // searched for
		result  string
	}{
		{
			name: "until the rounds are over", hops: 2, answers: []string{"Mary", "Knox"},
			hits: [][]Passage{{mary, knox}, {knox, scots}},
			passes: []string{
				"| Q: who died D: Mary died D: Knox died t0 t1 A:",
				"Q: who died | D: Knox died D: Scots t0 t1 A:",
			},
			texts:  []string{"who died", "who died Mary"},
			result: `1 query a,b; 2 query c; 3 answer ; "Knox" by max_hops; b@1.2 a@1.1 c@2.1`,
		},
		{
			name: "the answer repeats", hops: 4, answers: []string{"Mary", "Mary"},
			hits: [][]Passage{{mary}, {mary}},
			passes: []string{
				"| Q: who died D: Mary died t0 t1 A:",
				"Q: who died | D: Mary died t0 t1 A:",
			},
			texts:  []string{"who died", "who died Mary"},
			result: `1 query a; 2 query ; 3 answer ; "Mary" by repeated; a@1.1`,
		},
		{
			name: "no answer: the next search would be the same", hops: 4, answers: []string{"unknown"},
			hits:   [][]Passage{{mary}},
			passes: []string{"| Q: who died D: Mary died t0 t1 A:"},
			texts:  []string{"who died"},
			result: `1 query a; 2 answer ; "unknown" by repeated; a@1.1`,
		},
		{
			name: "nothing found at first", hops: 4, answers: []string{"Mary"},
			passes: []string{"| Q: who died t0 t1 A:"},
			texts:  []string{"who died"},
			result: `1 query ; 2 answer ; "Mary" by no_new_passages; `,
		},
		{
			name: "nothing found later: the answer stays", hops: 4, answers: []string{"Mary"},
			hits:   [][]Passage{{mary}},
			passes: []string{"| Q: who died D: Mary died t0 t1 A:"},
			texts:  []string{"who died", "who died Mary"},
			result: `1 query a; 2 query ; 3 answer ; "Mary" by no_new_passages; a@1.1`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, m := newFake(t, Options{})
			s := &script{hits: c.hits}
			s.before = func(_ context.Context, call int) error {
				m.says(m.layout.Prompt.Answer[0], c.answers[min(call, len(c.answers))-1])
				return nil
			}
			r := ask(t, e, Request{Question: "who died", Mode: ModeIterative, MaxHops: c.hops}, s)
			if got := summary(r); got != c.result {
				t.Errorf("result %s, want %s", got, c.result)
			}
			if got := long(m); !reflect.DeepEqual(got, c.passes) {
				t.Errorf("passes:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(c.passes, "\n"))
			}
			var texts []string
			for i, q := range s.queries {
				texts = append(texts, q.Text)
				if len(q.Exclude) != 0 || r.Hops[i].Subquery != q.Text {
					t.Errorf("search %d: %+v", i+1, q)
				}
			}
			if !reflect.DeepEqual(texts, c.texts) {
				t.Errorf("searched for %q, want %q", texts, c.texts)
			}
		})
	}
}

// The pointer knows the question's words in every round, and of the passages
// those of this one.
func TestIterativePointer(t *testing.T) {
	e, m := newFake(t, Options{})
	e.layout.Files[bundle.PointerFile] = bundle.File{}
	m.pointed = func(words int) pointed { return pointAt(words-2, words-2, 0.01)(words) }
	s := &script{hits: [][]Passage{{hit("a", "Mary died")}, {hit("b", "John Knox died")}}}
	r := ask(t, e, Request{Question: "who died", Mode: ModeIterative, MaxHops: 2, AnswerBy: AnswerByPointer}, s)
	if r.Answer.Text != "Knox" || r.Answer.Source == nil || r.Answer.Source.ID != "b" {
		t.Errorf("%+v", r.Answer)
	}
	for i, want := range []string{"who died Mary died", "who died John Knox died"} {
		var words []string
		for w := 0; w < len(m.pointings[i].words); w += 2 {
			words = append(words, m.table.words[int64(m.pointings[i].words[w])])
		}
		if got := strings.Join(words, " "); got != want {
			t.Errorf("round %d: words %q, want %q", i+1, got, want)
		}
	}
}

func TestIterativeBudget(t *testing.T) {
	e, m := newFake(t, Options{})
	clock := onClock(e, m)
	if err := e.rehearse(); err != nil {
		t.Fatal(err)
	}
	m.says(m.layout.Prompt.Answer[0], "Mary")
	s := &script{hits: [][]Passage{{hit("a", "Mary died")}, {hit("b", "Knox")}}}
	s.before = func(_ context.Context, call int) error {
		clock.advance(60 * time.Millisecond)
		return nil
	}
	r := ask(t, e, Request{Question: "who died", Mode: ModeIterative, Budget: 100 * time.Millisecond}, s)
	if a := r.Answer; a.Text != "Mary" || a.StoppedBy != StoppedByBudget || !a.Partial || len(s.queries) != 1 {
		t.Errorf("%+v after %d searches", a, len(s.queries))
	}
	broken := errors.New("broken")
	s.before = func(context.Context, int) error { return broken }
	if _, err := e.Ask(t.Context(), Request{Question: "who", Mode: ModeIterative}, s); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// One search of more than fits: what does is read, the rest is found.
func TestSingleOfMany(t *testing.T) {
	e, m := newFake(t, Options{})
	e.layout.Backbone.MaxPositions = 100
	m.says(m.layout.Prompt.Answer[0], "one two")
	var hits []Passage
	for i := range 60 {
		hits = append(hits, hit(fmt.Sprint(i), "one two three four five six seven"))
	}
	s := &script{hits: [][]Passage{hits}}
	r := ask(t, e, Request{Question: "who", Mode: ModeSingle, MaxHops: 1, PassagesPerHop: MaxPassagesPerHop}, s)
	// Question 2, closing 7: 11 passages of 8.
	if n := strings.Count(long(m)[0], "D:"); n != 11 || len(r.Evidence) != MaxPassagesPerHop || s.queries[0].Limit != MaxPassagesPerHop {
		t.Errorf("read %d of %d found of %d", n, len(r.Evidence), s.queries[0].Limit)
	}
	if a := r.Answer; a.StoppedBy != StoppedByContext || !a.Partial || a.Text == "" {
		t.Errorf("%+v", a)
	}
}

func TestUsage(t *testing.T) {
	e, m := newFake(t, Options{})
	m.says(m.layout.Prompt.Answer[0], "Mary Stuart")
	s := func() *script { return &script{hits: [][]Passage{{hit("a", "Knox")}}} }
	r := Request{Question: "who died", MaxHops: 1}
	got := ask(t, e, r, s()).Usage
	// Q: who died t0 t1 q0 q1 q2; D: Knox t0 t1 A:; Mary; Stuart. And the end is written.
	if want := (Usage{Passes: 4, TokensIn: 8 + 5, TokensOut: 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	r.Decode, r.Lens = true, true
	if told := ask(t, e, r, s()).Usage; told != got {
		t.Errorf("%+v with decoding, %+v without", told, got)
	}
}

func TestLens(t *testing.T) {
	e, m := newFake(t, Options{})
	m.gates = map[string]float32{"knox": 0.75, "mary": 0.5}
	m.says(m.layout.queryIDs(nil)[1], "Knox") // behind the second query token
	m.likes = map[string]float64{"Mar": 0.2, "reformer": 0.1}
	m.says(m.layout.Prompt.Answer[0], "Mary")
	s := func() *script { return &script{hits: [][]Passage{{hit("a", "Knox Mary")}, {hit("b", "Scots")}}} }
	r := Request{Question: "who", MaxHops: 2}
	plain := ask(t, e, r, s())
	r.Lens = true
	seen := ask(t, e, r, s())
	if summary(plain) != summary(seen) {
		t.Errorf("looking changed the result: %s, then %s", summary(plain), summary(seen))
	}
	if plain.Hops[0].Lens != nil {
		t.Error("a lens that was not asked for")
	}
	for i, h := range seen.Hops[:2] {
		if len(h.Lens) != 5 {
			t.Fatalf("hop %d: %+v", i+1, h.Lens)
		}
		for k, token := range h.Lens {
			kind, n, first := LensThink, k+1, "<eos>"
			if k >= 2 {
				kind, n = LensQuery, k-1
			}
			var focus []string
			if i == 1 {
				focus = []string{"mary"} // begins with "Mar"
			}
			if kind == LensQuery && n == 2 {
				first = "Knox"
				if i == 1 {
					focus = []string{"knox", "mary"}
				}
			}
			if token.Kind != kind || token.N != n || len(token.Words) != lensWords || token.Words[0].Text != first || token.Words[1].Text != "Mar" ||
				token.Words[0].Weight < 0.499 || token.Words[0].Weight > 0.501 || !reflect.DeepEqual(token.Focus, focus) {
				t.Errorf("hop %d: %+v, want %s %d %s %v", i+1, token, kind, n, first, focus)
			}
		}
	}
}

func TestTop(t *testing.T) {
	got := top([]float32{-3, -1, -2, -1, -9, -2}, 4)
	want := []choice{{1, -1}, {3, -1}, {2, -2}, {5, -2}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := top([]float32{-1}, 4); len(got) != 1 {
		t.Errorf("%v", got)
	}
	for _, c := range []struct {
		token, word string
		want        bool
	}{{"Knox", "knox", true}, {"Kno", "knox", true}, {"Kn", "knox", false}, {"no", "no", true}, {"knoxx", "knox", false}, {"", "knox", false}} {
		if got := agrees(c.token, c.word); got != c.want {
			t.Errorf("%q agrees with %q: %v", c.token, c.word, got)
		}
	}
}
