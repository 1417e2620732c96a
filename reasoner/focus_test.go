package reasoner

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// at is the place of the n-th occurrence of sub in text.
func at(text, sub string, n int) place {
	start := 0
	for range n {
		start += strings.Index(text[start:], sub) + len(sub)
	}
	start += strings.Index(text[start:], sub)
	return place{text, start, start + len(sub)}
}

func TestFocus(t *testing.T) {
	text := " John Knox's \"First Blast\" (1558) by Žižka-Müller; knox"
	for _, c := range []struct {
		name   string
		places []place
		gates  []float32
		want   []Word
	}{
		{"nothing", nil, nil, nil},
		{"threshold", []place{at(text, "John", 0), at(text, "Blast", 0)}, []float32{0.15, 0.16}, []Word{{"blast", 0.16}}},
		{"piece to word", []place{at(text, "nox", 0), at(text, "55", 0)}, []float32{0.5, 0.4}, []Word{{"knox", 0.5}, {"1558", 0.4}}},
		{"highest gate of a word", []place{at(text, "Kn", 0), at(text, "ox", 0), at(text, "knox", 0)}, []float32{0.3, 0.9, 0.5}, []Word{{"knox", 0.9}}},
		{"ties by first appearance", []place{at(text, "John", 0), at(text, "Blast", 0), at(text, "by", 0)}, []float32{0.5, 0.5, 0.6}, []Word{{"by", 0.6}, {"john", 0.5}, {"blast", 0.5}}},
		{"punctuation", []place{at(text, "\"", 0), at(text, "(", 0), at(text, "'", 0)}, []float32{1, 1, 1}, nil},
		{"letters beyond ASCII", []place{at(text, "ižk", 0), at(text, "ü", 0)}, []float32{0.7, 0.6}, []Word{{"žižka", 0.7}, {"müller", 0.6}}},
		{"combining marks", []place{{"e\u0301te\u0301 tard", 0, 1}}, []float32{0.7}, []Word{{"e\u0301te\u0301", 0.7}}},
		{"a word of any length", []place{{strings.Repeat("語", 100), 30, 33}}, []float32{0.7}, []Word{{"語", 0.7}}},
		{"places outside the text", []place{{"abc", -5, 99}, {"", 0, 3}, {"abc", 3, 1}}, []float32{0.7, 0.7, 0.7}, []Word{{"abc", 0.7}}},
		{"more gates than places", []place{at(text, "John", 0)}, []float32{0.7, 0.9}, []Word{{"john", 0.7}}},
	} {
		got := focus(c.gates, c.places, 0.15)
		if len(got)+len(c.want) > 0 && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}

	var many []place
	var gates []float32
	for i := range 40 {
		many = append(many, place{strings.Repeat("x", i+1), 0, 1})
		gates = append(gates, 0.5+float32(i)/100)
	}
	if got := focus(gates, many, 0.15); len(got) != maxFocus || got[0].Text != strings.Repeat("x", 40) {
		t.Errorf("%d words, the first %v", len(got), got[0])
	}
}

func FuzzFocus(f *testing.F) {
	f.Add(" John Knox's", 6, 8, float32(0.5))
	f.Add("\xff語\u0301", 1, 2, float32(0.9))
	f.Add(strings.Repeat("語", 50), 4, 5, float32(1))
	f.Fuzz(func(t *testing.T, text string, start, end int, gate float32) {
		text = clean(text)
		for _, w := range focus([]float32{gate, gate}, []place{{text, start, end}, {text, 0, len(text)}}, 0.15) {
			if !(w.Weight > 0.15) || w.Text == "" || !utf8.ValidString(w.Text) {
				t.Fatalf("%+v", w)
			}
			if strings.ContainsFunc(w.Text, func(r rune) bool { return !inWord(r) }) {
				t.Fatalf("%q holds more than letters and digits", w.Text)
			}
			// Lower-casing may add marks, never more than one a letter.
			if n := utf8.RuneCountInString(w.Text); n > 2*maxWord {
				t.Fatalf("a word of %d runes", n)
			}
			if !strings.Contains(strings.ToLower(text), w.Text) {
				t.Fatalf("%q does not stand in %q", w.Text, text)
			}
		}
	})
}
