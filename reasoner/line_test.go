package reasoner

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/latentask/latentask/internal/bundle"
)

func TestLine(t *testing.T) {
	for _, c := range []struct{ original, text, word, stands string }{
		{"John Knox", "John Knox", "Knox", "Knox"},
		{"  John \t\n Knox ", "John Knox", "John Knox", "John \t\n Knox"},
		{"a\x00\x00b Knox", "a b Knox", "a b", "a\x00\x00b"},
		{"a\x00b Knox", "a b Knox", "Knox", "Knox"},
		{"e\u0301clair  東京は\u3000Knox", "e\u0301clair 東京は Knox", "東京", "東京"},
		{"e\u0301clair  東京は\u3000Knox", "e\u0301clair 東京は Knox", "は Knox", "は\u3000Knox"},
		{"a\xff\xfeb c", "a\uFFFDb c", "\uFFFDb", "\xff\xfeb"},
		{"a\xff\xfe\xfdb c", "a\uFFFDb c", "b c", "b c"}, // as long as what stands for it
		{"a\xff\xfe\xfd c", "a\uFFFD c", "a\uFFFD", "a\xff\xfe\xfd"},
		{"\uFFFD\u00a0x", "\uFFFD x", "x", "x"},
	} {
		l := newLine(c.original)
		if l.text != c.text {
			t.Errorf("%q: %q, want %q", c.original, l.text, c.text)
			continue
		}
		at := strings.Index(l.text, c.word)
		from, to := l.origin(at, at+len(c.word))
		if got := c.original[from:to]; got != c.stands {
			t.Errorf("%q in %q stands for %q, want %q", c.word, c.original, got, c.stands)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("John  Knox\n", 1, 3)
	f.Add("a\x00\xff\xfe e\u0301 \u2028東京", 0, 9)
	f.Fuzz(func(t *testing.T, original string, start, n int) {
		l := newLine(original)
		if want := strings.Join(strings.Fields(bundle.Clean(original)), " "); l.text != want {
			t.Fatalf("%q, want %q", l.text, want)
		}
		if l.text == "" {
			return
		}
		// Any stretch of whole characters stands for one that cleans to it.
		start = max(0, start) % len(l.text)
		end := start + 1 + max(0, n)%(len(l.text)-start)
		for start > 0 && !utf8.RuneStart(l.text[start]) {
			start--
		}
		for end < len(l.text) && !utf8.RuneStart(l.text[end]) {
			end++
		}
		from, to := l.origin(start, end)
		if from < 0 || from >= to || to > len(original) {
			t.Fatalf("%d to %d of %d bytes", from, to, len(original))
		}
		got, want := clean(original[from:to]), strings.TrimFunc(l.text[start:end], unicode.IsSpace)
		if got != want {
			t.Fatalf("%q stands for %q, which is %q", want, original[from:to], got)
		}
	})
}
