package reasoner

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/bundle/bundletest"
)

// noise is a model without a mind: what it writes depends on the tokens before
// and on nothing else.
type noise struct {
	fakeModel
	seed  uint64
	vocab int
}

func (m *noise) allocate(int) (store, error) { return nothing{}, nil }

type nothing struct{}

func (nothing) Close() error { return nil }

// forward makes states that hold a hash of the sequence so far.
func (m *noise) forward(_ context.Context, c *cache, p pass) (output, error) {
	h := m.layout.hidden()
	out := output{states: make([]float32, len(p.rows)*h), action: make([]float32, 2*len(p.rows))}
	for i, row := range p.rows {
		hash := fnv.New64a()
		fmt.Fprint(hash, m.seed, c.tokens, p.tokens[:row+1])
		out.states[i*h] = float32(hash.Sum64() % (1 << 20))
	}
	return out, nil
}

func (m *noise) head(_ context.Context, states, logprobs []float32) error {
	for r := range len(states) / m.layout.hidden() {
		rng := rand.New(rand.NewPCG(uint64(states[r*m.layout.hidden()]), m.seed))
		for i := range m.vocab {
			logprobs[r*m.vocab+i] = -10 * rng.Float32()
		}
	}
	return nil
}

func (m *noise) point(_ context.Context, answer, words []float32) (pointed, error) {
	n := max(pointerStarts, len(words)/m.layout.hidden())
	rng := rand.New(rand.NewPCG(uint64(answer[0]), m.seed))
	p := pointed{start: make([]float32, n+pointerSlots), starts: make([]int64, pointerStarts), end: make([]float32, pointerStarts*n)}
	for _, s := range [][]float32{p.start, p.end} {
		for i := range s {
			s[i] = -10 * rng.Float32()
		}
	}
	for i := range p.starts {
		p.starts[i] = int64(rng.IntN(n))
	}
	return p, nil
}

// newNoise is an engine with a bundle's tokenizers and a model of noise.
func newNoise(t testing.TB, b *bundle.Bundle, seed uint64) *Engine {
	t.Helper()
	manifest := *b.Manifest()
	manifest.Files = map[string]bundle.File{bundle.PointerFile: {}}
	l := layout{&manifest}
	m := &noise{fakeModel: fakeModel{layout: l}, seed: seed, vocab: manifest.Backbone.Vocab}
	e := newEngine(l, m, b.LM(), b.Retriever(), fakeEmbedder{}, Options{})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// stands checks that an answer stands word for word where it says, and nowhere
// else than in what was given.
func stands(t *testing.T, a Answer, question string, passages []Passage) {
	t.Helper()
	if a.Text == "" {
		if !a.Abstained || a.Source != nil {
			t.Fatalf("%+v", a)
		}
		return
	}
	if a.Source != nil {
		i := slices.IndexFunc(passages, func(p Passage) bool { return p.ID == a.Source.ID })
		if i < 0 || a.Source.Start < 0 || a.Source.Start >= a.Source.End || a.Source.End > len(passages[i].Text) {
			t.Fatalf("%+v: source %+v", a, a.Source)
		}
		if got := clean(passages[i].Text[a.Source.Start:a.Source.End]); got != a.Text {
			t.Fatalf("%q stands for %q in %q", a.Text, got, passages[i].Text)
		}
		return
	}
	inText := strings.Contains(clean(question), a.Text) && edge(clean(question), strings.Index(clean(question), a.Text))
	if !inText && hasSource(a.Text) {
		t.Fatalf("%+v stands nowhere", a)
	}
}

// FuzzAnswerStandsInText: whatever the model would like to write, a span or a
// pointer's answer stands word for word in a passage or in the question, or is
// yes or no; and a span's source, cleaned, is the answer.
func FuzzAnswerStandsInText(f *testing.F) {
	f.Add("Who wrote the \"First Blast\"?", "John Knox (1514\u20131572) wrote it.  He\ndied in\x00 Edinburgh.", "東京は日本の首都。 e\u0301te\u0301 \U0001F469\u200D\U0001F680", uint64(1))
	f.Add("?", strings.Repeat("One is this. Two, that is. ", 20), "\xff\xfe a\u00a0b", uint64(2))
	f.Add("a-b", "yes", "unknown no", uint64(3))
	b := bundletest.Open(f)
	f.Fuzz(func(t *testing.T, question, first, second string, seed uint64) {
		if len(first)+len(second) > 4000 {
			return
		}
		e := newNoise(t, b, seed)
		passages := []Passage{{ID: "a", Text: first}, {ID: "b", Text: second}}
		for _, by := range []AnswerBy{AnswerBySpan, AnswerByPointer, AnswerByFree} {
			r := Request{Question: question, Mode: ModeSingle, AnswerBy: by}
			if e.Validate(r) != nil {
				return
			}
			result, err := e.Ask(context.Background(), r, &script{hits: [][]Passage{passages}})
			if err != nil {
				t.Fatal(err)
			}
			a := result.Answer
			if a.By != by || a.Confidence < 0 || a.Confidence > 1 {
				t.Fatalf("%+v", a)
			}
			if by != AnswerByFree {
				stands(t, a, question, passages)
			} else if a.Source != nil { // whatever the case
				p := passages[slices.IndexFunc(passages, func(p Passage) bool { return p.ID == a.Source.ID })]
				if got := clean(p.Text[a.Source.Start:a.Source.End]); !strings.EqualFold(got, a.Text) {
					t.Fatalf("%q stands for %q", a.Text, got)
				}
			}
		}
	})
}

// TestSpanPaths walks through the index as answers are written: each is given as
// the model would write it, behind a space, and must be allowed to end.
func TestSpanPaths(t *testing.T) {
	b := bundletest.Real(t) // the small bundle's tokenizer has no tokens longer than a byte or two
	e := newNoise(t, b, 1)
	p := &passage{line: newLine(`John "Knox" (c. 1514-1572), of Newcastle-upon-Tyne, paid 3,500.75 for 東京タワー; e` + "\u0301" + `te. Newcastle`), Evidence: Evidence{ID: "a"}}
	e.layout.Limits.PassageTokens = 200
	e.prepare(p, []stretch{{text: p.text}})
	q := e.question("Who is Édouard II?")
	for _, c := range []struct {
		answer string
		want   bool
	}{
		{"John", true},
		{"Knox", true},
		{"1514", true},
		{"1572", true},
		{"c. 1514-1572", true},
		{"Newcastle-upon-Tyne", true},
		{"Newcastle", true},
		{"3,500.75", true},
		{"東京", true},
		{"タワー", true},
		{"e\u0301te", true},
		{"Édouard II", true},
		{"yes", true},
		{"no", true},
		{"New", false}, // the middle of a word
		{"151", false},
		{"ohn", false},
		{"upon John", false},
		{"unknown", false},
		{"Édouard II John", false}, // over two texts
	} {
		x := e.spans([]*passage{p}, q)
		active := x.starts
		for _, id := range e.lm.IDs(spaced(c.answer), false) {
			active = x.advance(active, id)
		}
		whole, ok := x.ender(active)
		if ok != c.want {
			t.Errorf("%q: allowed %v, want %v", c.answer, ok, c.want)
			continue
		}
		if ok {
			text, start, end := x.place(whole)
			if got := text.text[start:end]; got != c.answer {
				t.Errorf("%q is taken for %q", c.answer, got)
			}
		}
	}
}

// Among the tokens that are allowed the likeliest is written, of equals the
// lowest, and a text's end only where a word ends.
func TestSpanChoice(t *testing.T) {
	b := bundletest.Open(t)
	e := newNoise(t, b, 1)
	p := &passage{line: newLine("ab cd")}
	e.prepare(p, []stretch{{text: p.text}})
	x := e.spans([]*passage{p}, e.question("?"))
	logprobs := make([]float32, e.layout.Backbone.Vocab)
	end := []int64{e.layout.Backbone.EOS, e.layout.Backbone.Newline}
	for i := range logprobs {
		logprobs[i] = -5
	}
	logprobs[e.layout.Backbone.EOS] = -0.1
	id, ok, ends := x.best(x.starts, logprobs, end)
	if !ok || ends {
		t.Fatalf("%d, %v, %v: ends before anything is written", id, ok, ends)
	}
	lowest := int64(len(logprobs))
	for _, c := range x.starts {
		next, _ := x.token(c)
		lowest = min(lowest, next)
	}
	if id != lowest {
		t.Errorf("chose %d, the lowest is %d", id, lowest)
	}
	active := x.starts
	for _, id := range e.lm.IDs(" ab", false) {
		active = x.advance(active, id)
	}
	if id, ok, ends := x.best(active, logprobs, end); !ok || !ends || id != e.layout.Backbone.EOS {
		t.Errorf("behind a word: %d, %v, %v", id, ok, ends)
	}
	logprobs[e.layout.Backbone.EOS], logprobs[e.layout.Backbone.Newline] = -9, -9
	if id, _, ends := x.best(active, logprobs, end); ends || id != e.lm.IDs(" cd", false)[0] {
		t.Errorf("behind a word: %d, %v", id, ends)
	}
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		in, text string
		from     int
		want     string
	}{
		{"In New York", "new york", 0, "New York"},
		{"Newcastle, New", "new", 0, "New"},
		{"Newcastle", "new", 0, ""},
		{"aa a", "a", 0, "a"},
		{"ŻÓŁĆ żółć", "żółć", 0, "ŻÓŁĆ"},
		{"x x", "x", 1, "x"},
		{"a", "ab", 0, ""},
		{"Kelvin \u212A", "k", 0, "\u212A"},
	} {
		start, end, ok := find(c.in, c.from, c.text)
		if got := c.in[start:end]; ok != (c.want != "") || got != c.want || ok && (start < c.from || !utf8.ValidString(got)) {
			t.Errorf("%q in %q: %q, %v", c.text, c.in, got, ok)
		}
	}
}
