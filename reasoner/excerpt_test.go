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
	p := &passage{line: newLine(text)}
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
	// Whatever is read stands where the passage says, in pieces that are whole.
	covered := 0
	for _, part := range p.parts {
		if got := p.read[part.at : part.at+part.n]; got != p.text[part.from:part.from+part.n] {
			t.Fatalf("%q is read as %q", p.text[part.from:part.from+part.n], got)
		}
		if covered++; part.at != covered { // the space before it
			t.Fatalf("parts %v of %q", p.parts, p.read)
		}
		covered += part.n
	}
	if covered != len(p.read) || strings.TrimSpace(p.read) == "" && len(p.parts) > 0 {
		t.Fatalf("parts %v of %q", p.parts, p.read)
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
	e.prepare(p, []stretch{{text: "one two three four five six seven eight nine ten"}})
	if n := len(p.tokens); n != 8 || len(p.offsets) != n || len(p.words) != n || p.read[p.offsets[n-1][0]:p.offsets[n-1][1]] != " eight" {
		t.Errorf("%d tokens, %d offsets, words %v", n, len(p.offsets), p.words)
	}
	for _, c := range p.pieces {
		if w := p.words[c.word]; c.end > p.offsets[7][1] || c.start < w.start || c.end > w.end || w.state >= len(p.tokens) {
			t.Errorf("candidate %+v of word %+v", c, w)
		}
	}
}

// Sentences that follow each other are one part, others are joined by a space
// that no answer may cross.
func TestParts(t *testing.T) {
	e, _ := newFake(t, Options{})
	original := "One two.  Three\nfour. Five six."
	p := &passage{line: newLine(original), Evidence: Evidence{ID: "a"}}
	e.prepare(p, []stretch{{p.text[:8], 0}, {p.text[9:20], 9}})
	if p.read != " One two. Three four." || len(p.parts) != 1 {
		t.Errorf("reads %q as %v", p.read, p.parts)
	}
	e.prepare(p, []stretch{{p.text[:8], 0}, {p.text[21:], 21}})
	if p.read != " One two. Five six." || len(p.parts) != 2 {
		t.Errorf("reads %q as %v", p.read, p.parts)
	}
	for _, c := range []struct {
		start, end int
		want       string
	}{{1, 4, "One"}, {5, 8, "two"}, {10, 18, "Five six"}, {9, 14, ""}, {5, 14, ""}, {3, 3, ""}} {
		got := ""
		if s := p.source(c.start, c.end); s != nil {
			got = original[s.Start:s.End]
		}
		if got != c.want {
			t.Errorf("%d to %d stands for %q, want %q", c.start, c.end, got, c.want)
		}
	}
}

func scored(text string, tokens int, score float32) unit {
	return unit{stretch: stretch{text: text}, tokens: tokens, score: score}
}

func TestPick(t *testing.T) {
	for _, c := range []struct {
		name  string
		units []unit
		want  string
	}{
		{"nothing", nil, ""},
		{"in the text's order", []unit{scored("a", 3, 0.1), scored("b", 3, 0.3), scored("c", 3, 0.2)}, "b c"},
		{"passed over", []unit{scored("a", 3, 0.1), scored("b", 4, 0.3), scored("c", 5, 0.2)}, "a b"},
		{"none fits: the best, to be cut", []unit{scored("a", 9, 0.1), scored("b", 9, 0.3), scored("c", 9, 0.3)}, "b"},
	} {
		var texts []string
		for _, s := range pick(c.units, 8) {
			texts = append(texts, s.text)
		}
		if got := strings.Join(texts, " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

type brokenEmbedder struct{ err error }

func (b brokenEmbedder) Embed(context.Context, []string) ([][]float32, error) { return nil, b.err }

func (b brokenEmbedder) EmbedQuestions(context.Context, []string) ([][]float32, error) {
	return nil, b.err
}

func TestExcerptErrors(t *testing.T) {
	e, _ := newFake(t, Options{})
	broken := errors.New("broken")
	for _, embedder := range []Embedder{brokenEmbedder{broken}, brokenEmbedder{}} {
		e.embedder = embedder
		p := &passage{line: newLine("One of them is this. Another of them is that. And so on.")}
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
		var got []string
		for _, s := range sentences(c.text, c.limit) {
			if c.text[s.at:s.end()] != s.text {
				t.Errorf("%q: %q is not at %d", c.text, s.text, s.at)
			}
			got = append(got, s.text)
		}
		if !reflect.DeepEqual(got, c.want) {
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
