package bundle_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/bundle"
)

// encoding makes an Encoding of tokens with their offsets.
func encoding(tokens []string, offsets ...[2]int) bundle.Encoding {
	end := 0
	for _, o := range offsets {
		end = max(end, o[1])
	}
	return bundle.Encoding{Text: strings.Repeat("x", end), IDs: make([]int64, len(tokens)), Tokens: tokens, Offsets: offsets}
}

// pieceStates are the states of the single pieces, -1 where they have none.
func pieceStates(lm, retriever bundle.Encoding, how string) []int {
	states := make([]int, len(retriever.IDs))
	for c := range states {
		states[c] = -1
	}
	words := bundle.Words(retriever, how)
	for w, state := range bundle.Align(lm, retriever, words) {
		for c := words[w][0]; c < words[w][1]; c++ {
			states[c] = state
		}
	}
	return states
}

func TestWords(t *testing.T) {
	e := encoding([]string{"Z", "oë", "'", "s", "Ġ3", ".", "1", "北", "北"},
		[2]int{0, 1}, [2]int{1, 4}, [2]int{4, 5}, [2]int{5, 6}, [2]int{6, 8}, [2]int{8, 9}, [2]int{9, 10}, [2]int{10, 13}, [2]int{10, 13})
	e.Text = "Zoë's 3.1北"
	require.Equal(t, [][2]int{{0, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 9}}, bundle.Words(e, bundle.WordText))
	e = encoding([]string{" caf", "é", " ", " ", "1"}, [2]int{0, 4}, [2]int{4, 6}, [2]int{6, 7}, [2]int{7, 8}, [2]int{8, 9})
	e.Text = " caf\u00e9  1"
	require.Equal(t, [][2]int{{0, 2}, {4, 5}}, bundle.Words(e, bundle.WordText), "white space is no word")
	start, end := e.Extent(0)
	require.Equal(t, "caf", e.Text[start:end])
	start, end = e.Extent(2)
	require.Equal(t, start, end)
	e = encoding([]string{"[CLS]", "zo", "##e", "##s", "[SEP]", "##x"},
		[2]int{0, 0}, [2]int{0, 2}, [2]int{2, 4}, [2]int{5, 6}, [2]int{0, 0}, [2]int{6, 7})
	require.Equal(t, [][2]int{{1, 4}, {5, 6}}, bundle.Words(e, bundle.WordPieces))
}

func TestAlign(t *testing.T) {
	// " Zoë's film": offsets in bytes, ë is two.
	lm := encoding([]string{" Zo", "ë", "'s", " film"}, [2]int{0, 3}, [2]int{3, 5}, [2]int{5, 7}, [2]int{7, 12})
	for name, c := range map[string]struct {
		lm, retriever bundle.Encoding
		want          []int
	}{
		"pieces take the end of their word": {
			lm, encoding([]string{"z", "##oe", "'", "s", "film"}, [2]int{1, 2}, [2]int{2, 5}, [2]int{5, 6}, [2]int{6, 7}, [2]int{8, 12}),
			[]int{1, 1, 2, 2, 3},
		},
		"special pieces have no state": {
			lm, encoding([]string{"[CLS]", "film", "[SEP]"}, [2]int{0, 0}, [2]int{8, 12}, [2]int{0, 0}),
			[]int{-1, 3, -1},
		},
		"words behind a cut have no state": {
			encoding([]string{" Zo", "ë"}, [2]int{0, 3}, [2]int{3, 5}),
			encoding([]string{"zoe", "'", "fi", "##lm"}, [2]int{1, 5}, [2]int{5, 6}, [2]int{8, 10}, [2]int{10, 12}),
			[]int{1, -1, -1, -1},
		},
		"a word cut in its middle has none": {
			encoding([]string{" fi"}, [2]int{0, 3}),
			encoding([]string{"fi", "##lm"}, [2]int{1, 3}, [2]int{3, 5}),
			[]int{-1, -1},
		},
		"tokens that share a character": { // bytes of one character each cover all of it
			encoding([]string{"å", "Į", "ĸ"}, [2]int{0, 3}, [2]int{0, 3}, [2]int{0, 3}),
			encoding([]string{"北"}, [2]int{0, 3}),
			[]int{0},
		},
		"a continuation without a word": {
			lm, encoding([]string{"##oe", "film"}, [2]int{2, 5}, [2]int{8, 12}),
			[]int{1, 3},
		},
		"nothing read": {bundle.Encoding{}, encoding([]string{"a"}, [2]int{0, 1}), []int{-1}},
		"nothing":      {lm, bundle.Encoding{}, []int{}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, pieceStates(c.lm, c.retriever, bundle.WordPieces)) })
	}
}
