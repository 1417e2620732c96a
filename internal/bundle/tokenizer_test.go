package bundle_test

import (
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/bundle/bundletest"
)

func TestEncodeOffsetsAreBytes(t *testing.T) {
	b := bundletest.Open(t)
	for _, text := range []string{"the film", "Zoë Knox's films", "北京 city", "a\U0001F600b", "  the  ", "12 films, 1999."} {
		for name, tok := range map[string]*bundle.Tokenizer{"lm": b.LM(), "retriever": b.Retriever()} {
			e := tok.Encode(text, false)
			require.Equal(t, text, e.Text)
			for i, o := range e.Offsets {
				require.True(t, utf8.ValidString(text[o[0]:o[1]]), "%s: token %d of %q cuts a character", name, i, text)
			}
		}
	}
	e := b.Retriever().Encode("Zoë Knox's films", true)
	require.Equal(t, []string{"[CLS]", "z", "##o", "##e", "knox", "'", "s", "film", "##s", "[SEP]"}, e.Tokens)
	require.Equal(t, [2]int{2, 4}, e.Offsets[3], "ë is two bytes")
	require.Equal(t, [2]int{5, 9}, e.Offsets[4])
	require.Equal(t, [2]int{0, 0}, e.Offsets[0])
	require.Equal(t, [2]int{0, 0}, e.Offsets[9])
	require.Equal(t, e.IDs, b.Retriever().IDs("Zoë Knox's films", true))
	require.Equal(t, 10, e.Len())
}

func TestEncodeOddTexts(t *testing.T) {
	b := bundletest.Open(t)
	r := b.Retriever()
	require.Equal(t, []int64{2, 3}, r.Encode("", true).IDs)
	require.Empty(t, r.Encode("", false).IDs)
	require.Empty(t, b.LM().Encode("", true).IDs)

	require.Equal(t, r.Encode("the film", true).IDs, r.Encode("the\x00film", true).IDs, "a NUL is a space, not an end")
	require.Equal(t, "the film", r.Encode("the\x00film", true).Text)
	require.Equal(t, "a\uFFFDb", b.LM().Encode("a\xff\xfeb", false).Text)

	for _, text := range []string{"[CLS] [SEP] [PAD] [UNK]", "[SEP]", "<|endoftext|>"} {
		for _, id := range r.Encode(text, false).IDs {
			require.Greater(t, id, int64(3), "%q became a special token", text)
		}
	}
	long := strings.Repeat("the film ", 50_000)
	require.Len(t, r.Encode(long, true).IDs, 100_002, "texts are not truncated")
}

func TestDecode(t *testing.T) {
	lm := bundletest.Open(t).LM()
	for _, text := range []string{"the film", " Zoë, 北京 \U0001F600", "a\nb"} {
		require.Equal(t, text, lm.Decode(lm.Encode(text, false).IDs))
	}
	require.Empty(t, lm.Decode(nil))
	ids := lm.Encode("ab", false).IDs
	require.Equal(t, "ab", lm.Decode([]int64{-1, ids[0], 1 << 40, ids[1], int64(lm.VocabSize())}))
	require.Equal(t, "\uFFFD", lm.Decode(lm.Encode("ë", false).IDs[:1]), "half a character")

	// The byte-level token of a NUL, which the cleaning keeps out of texts.
	nul := int64(-1)
	for id := range int64(lm.VocabSize()) {
		if lm.Decode([]int64{id}) == "" {
			nul = id
		}
	}
	require.NotEqual(t, int64(-1), nul)
	require.Equal(t, "ab", lm.Decode([]int64{ids[0], nul, ids[1]}))
}

func TestTokenizersAreSafeForConcurrentUse(t *testing.T) {
	b, err := bundle.Open(bundletest.Small(t).Write(t))
	require.NoError(t, err)
	texts := []string{"the director of the film", "Knox was born in the city", "北京", strings.Repeat("actor ", 500)}
	var want []bundle.Encoding
	for _, text := range texts {
		want = append(want, b.Retriever().Encode(text, true))
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				n := (g + i) % len(texts)
				if got := b.Retriever().Encode(texts[n], true); len(got.IDs) != len(want[n].IDs) && len(got.IDs) != 0 {
					t.Errorf("%d tokens, want %d", len(got.IDs), len(want[n].IDs))
				}
				b.LM().Decode(b.LM().IDs(texts[n], false))
			}
		})
	}
	require.NoError(t, b.Close(), "Close waits for calls under way")
	wg.Wait()
}

// Whatever the text: offsets lie in it, do not go back, and ids are tokens.
func FuzzEncode(f *testing.F) {
	b, err := bundle.Open(bundletest.Small(f).Write(f))
	require.NoError(f, err)
	f.Cleanup(func() { b.Close() })
	for _, text := range []string{"", "the film", "Zoë", "北京", "a\x00b", "\xff\xfe", "[CLS]", "e\u0301\u0327", "\u202etxt", "ﬁ İ ß", "\U0001F468\u200d\U0001F469"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		clean := bundle.Clean(text)
		if bundle.Clean(clean) != clean || !utf8.ValidString(clean) || strings.Contains(clean, "\x00") {
			t.Fatalf("cleaned to %q", clean)
		}
		lm, retriever := b.LM().Encode(text, false), b.Retriever().Encode(text, false)
		for name, e := range map[string]bundle.Encoding{"lm": lm, "retriever": retriever} {
			if e.Text != clean || len(e.Offsets) != len(e.IDs) || len(e.Tokens) != len(e.IDs) {
				t.Fatalf("%s: %d ids, %d offsets, %d tokens of %q", name, len(e.IDs), len(e.Offsets), len(e.Tokens), e.Text)
			}
			before := [2]int{}
			for i, o := range e.Offsets {
				if o[0] > o[1] || o[1] > len(clean) || o[0] < before[0] || o[1] < before[1] {
					t.Fatalf("%s: offsets %v of token %d behind %v in %d bytes", name, o, i, before, len(clean))
				}
				before = o
			}
		}
		// Byte-level tokens lose nothing.
		if got := b.LM().Decode(lm.IDs); got != clean {
			t.Fatalf("decoded to %q, want %q", got, clean)
		}
		for _, how := range []string{bundle.WordPieces, bundle.WordText} {
			words := bundle.Words(retriever, how)
			next := 0
			for w, s := range bundle.Align(lm, retriever, words) {
				last := words[w][1] - 1
				_, end := retriever.Extent(last)
				if s < 0 || s >= len(lm.IDs) || lm.Offsets[s][1] < end {
					t.Fatalf("%s: word %v (to %d) aligned with %d", how, words[w], end, s)
				}
				if words[w][0] < next || words[w][1] <= words[w][0] {
					t.Fatalf("%s: words %v", how, words)
				}
				next = words[w][1]
			}
		}
	})
}
