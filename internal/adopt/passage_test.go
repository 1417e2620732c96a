package adopt

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCut(t *testing.T) {
	sentence := func(n int) string { return strings.TrimSpace(strings.Repeat("word ", n)) + "." }
	tests := map[string]struct {
		text string
		want []string
	}{
		"nothing":                       {"", nil},
		"white space":                   {" \n\t ", nil},
		"short":                         {" One. Two. ", []string{"One. Two."}},
		"sentences are kept whole":      {"One two three. Four five. Six.", []string{"One two three. Four five.", "Six."}},
		"a sentence that is too long":   {sentence(7), []string{"word word word word word", "word word."}},
		"a short one behind a long one": {sentence(6) + " End.", []string{"word word word word word", "word. End."}},
		"no words":                      {"— … —", []string{"— … —"}},
		"without spaces":                {"东京都是日本的首都。", []string{"东京都是日", "本的首都。"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for i, p := range cut(test.text, 5) {
				require.Equal(t, i, p.place)
				require.Equal(t, p.text, string([]rune(test.text)[p.start:p.end]))
				got = append(got, p.text)
			}
			require.Equal(t, test.want, got)
		})
	}
}

// FuzzCut checks that pieces are what stands at their places, in order, with no
// word left out.
func FuzzCut(f *testing.F) {
	f.Add("One two three. Four!", 2)
	f.Add("é ü. 东京都 \u00a0\u2028x", 1)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		text = strings.ToValidUTF8(text, "�")
		limit = max(1, limit%100)
		runes := []rune(text)
		at := 0
		for i, p := range cut(text, limit) {
			if p.place != i || p.start < at || p.end <= p.start || p.end > len(runes) {
				t.Fatalf("piece %d of %q: %+v", i, text, p)
			}
			if string(runes[p.start:p.end]) != p.text {
				t.Fatalf("piece %d of %q is not what stands at its place: %+v", i, text, p)
			}
			if strings.TrimSpace(string(runes[at:p.start])) != "" {
				t.Fatalf("%q is in no piece of %q", string(runes[at:p.start]), text)
			}
			at = p.end
		}
		if strings.TrimSpace(string(runes[at:])) != "" {
			t.Fatalf("%q is in no piece of %q", string(runes[at:]), text)
		}
	})
}

func TestPassageIDs(t *testing.T) {
	id := passageID("a", "text", 0, 1)
	require.Equal(t, id, passageID("a", "text", 0, 1))
	for _, other := range []string{passageID("b", "text", 0, 1), passageID("a", "body", 0, 1), passageID("a", "text", 1, 0), passageID("a", "text", 0, 2)} {
		require.NotEqual(t, id, other)
	}
}
