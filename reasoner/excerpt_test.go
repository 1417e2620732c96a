package reasoner

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// read is what the engine reads of a text, with a query vector along the first
// axis.
func read(t testing.TB, e *Engine, text string, words ...string) string {
	t.Helper()
	p := &passage{text: clean(text)}
	set := map[string]bool{}
	for _, w := range words {
		set[w] = true
	}
	if err := e.excerpts(context.Background(), []*passage{p}, []float32{1, 0, 0}, set); err != nil {
		t.Fatal(err)
	}
	if n := len(p.tokens); n > e.layout.Limits.PassageTokens {
		t.Fatalf("%d tokens are read of %q", n, text)
	}
	return p.read
}

func TestExcerpt(t *testing.T) {
	e, _ := newFake(t, Options{}) // 8 tokens a passage
	e.embedder = fakeEmbedder{"near": {1, 0, 0}, "nearer": {1, 0, 0}, "close": {0.9, 0, 0}, "far": {-1, 0, 0}}
	for _, c := range []struct{ name, text, want string }{
		{"short", "Some words, near or far. No choice.", " Some words, near or far. No choice."},
		{"lines", "One\nline\r\nis \x00 read", " One line is read"},
		{"empty", "", ""},
		{"blank", " \n ", ""},
		{"nearest, in the text's order", "A far one is this. Here close by it is. Not that far a thing. This is near.", " Here close by it is. This is near."},
		{"a nearer one that does not fit with the nearest", "This near one has six words. And close has five words. A far one.", " This near one has six words."},
		{"one that fits after one that does not", "This near one has six words. And close has five words. So far.", " This near one has six words. So far."},
		{"equals: the earlier", "It is near first of all. It is nearer as a second.", " It is near first of all."},
		// Windows of four words.
		{"a sentence longer than the budget", "a1 a2 a3 a4 b1 near b3 b4 c1 c2 c3 c4 d1 d2 close d4 e1 e2", " b1 near b3 b4 d1 d2 close d4"},
		{"neighbouring windows", "a1 a2 a3 a4 b1 near b3 b4 c1 close c3 c4 d1 d2", " b1 near b3 b4 c1 close c3 c4"},
	} {
		if got := read(t, e, c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Of a very long text the sentences that share words with the question are
// compared, wherever they stand.
func TestExcerptOfLongText(t *testing.T) {
	e, _ := newFake(t, Options{})
	e.embedder = fakeEmbedder{"near": {1, 0, 0}}
	var b strings.Builder
	for i := range 5000 {
		if i == 4321 {
			b.WriteString("This near one is about knox. ")
		}
		fmt.Fprintf(&b, "Sentence number %d says nothing. ", i)
	}
	if got := read(t, e, b.String(), "knox", "blast"); !strings.Contains(got, "near") {
		t.Errorf("read %q", got)
	}
	// Nothing to divide at.
	for _, text := range []string{strings.Repeat("語", 20000), strings.Repeat("ab1", 20000), strings.Repeat("a b. ", 20000)} {
		if got := read(t, e, text); got == "" || !utf8.ValidString(got) {
			t.Errorf("read %q", got)
		}
	}
}

// An excerpt that turns out longer than its parts is cut once more, and what
// lies behind the cut is no candidate.
func TestPrepareCuts(t *testing.T) {
	e, _ := newFake(t, Options{})
	p := &passage{}
	e.prepare(p, "one two three four five six seven eight nine ten")
	if p.read != " one two three four five six seven eight" || len(p.tokens) != 8 {
		t.Errorf("reads %q, %d tokens", p.read, len(p.tokens))
	}
	for _, c := range p.pieces {
		if c.end > len(p.read) || c.state >= len(p.tokens) {
			t.Errorf("candidate %+v", c)
		}
	}
	for n, want := range map[int]string{-1: "", 0: "", 1: "a", 2: "a", 3: "a", 4: "a語", 5: "a語b", 99: "a語b"} {
		if got := cutAfter("a語b", n); got != want {
			t.Errorf("cut after %d: %q, want %q", n, got, want)
		}
	}
}

func TestPick(t *testing.T) {
	for _, c := range []struct {
		name  string
		units []unit
		want  string
	}{
		{"nothing", nil, ""},
		{"in the text's order", []unit{{"a", 3, 0.1}, {"b", 3, 0.3}, {"c", 3, 0.2}}, "b c"},
		{"passed over", []unit{{"a", 3, 0.1}, {"b", 4, 0.3}, {"c", 5, 0.2}}, "a b"},
		{"none fits: the best, to be cut", []unit{{"a", 9, 0.1}, {"b", 9, 0.3}, {"c", 9, 0.3}}, "b"},
	} {
		if got := pick(c.units, 8); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

type brokenEmbedder struct{ err error }

func (b brokenEmbedder) Embed(context.Context, []string) ([][]float32, error) { return nil, b.err }

func TestExcerptErrors(t *testing.T) {
	e, _ := newFake(t, Options{})
	broken := errors.New("broken")
	for _, embedder := range []Embedder{brokenEmbedder{broken}, brokenEmbedder{}} {
		e.embedder = embedder
		p := &passage{text: "One of them is this. Another of them is that. And so on."}
		if err := e.excerpts(context.Background(), []*passage{p}, nil, nil); err == nil {
			t.Error("no error")
		}
	}
}

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int
		want  []string
	}{
		{"", 100, nil},
		{" \n ", 100, nil},
		{"Dr. No met him. He left!  Why? 3.5 miles.", 100, []string{"Dr.", "No met him.", "He left!", "Why?", "3.5 miles."}},
		{"これは文です。次の文。", 100, []string{"これは文です。", "次の文。"}},
		{"one two three four", 10, []string{"one two", "three four"}},
		{"abcdefghijkl", 5, []string{"abcde", "fghij", "kl"}},
		{"語語語", 4, []string{"語語", "語"}},
	} {
		if got := sentences(c.text, c.limit); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func FuzzExcerpt(f *testing.F) {
	f.Add("One is this. Two is that. Three near it is. Four.", uint8(8))
	f.Add(strings.Repeat("語", 100), uint8(1))
	f.Add("a\xff\x00b\n\n\u2028 "+strings.Repeat("x ", 50), uint8(3))
	f.Fuzz(func(t *testing.T, text string, budget uint8) {
		e, _ := newFake(t, Options{})
		e.layout.Limits.PassageTokens = int(budget%32) + 1
		e.embedder = fakeEmbedder{"near": {1, 0, 0}}
		got := read(t, e, text, "near")
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00\u2028\u2029\u0085\v\f") {
			t.Fatalf("read %q", got)
		}
		// Nothing is made up, and nothing is lost where everything fits.
		words := map[string]bool{}
		for _, w := range strings.Fields(got) {
			words[w] = true
		}
		if e.fits(clean(text)) {
			if strings.TrimSpace(got) != strings.TrimSpace(clean(text)) && strings.TrimSpace(clean(text)) != "" {
				t.Fatalf("read %q of %q", got, text)
			}
			return
		}
		for w := range words {
			if !strings.Contains(clean(text), w) {
				t.Fatalf("%q does not stand in %q", w, text)
			}
		}
	})
}
