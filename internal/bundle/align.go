package bundle

import "strings"

// continuation marks a word piece that belongs to the word before it.
const continuation = "##"

// Align relates the retriever's word pieces of a text to the backbone's tokens
// of the same text: result[c] is the index in lm of the token whose state piece
// c takes as a candidate of the copy head. That is the first token whose end
// offset is at or past the end of piece c's word, where a word is a piece
// together with the "##" pieces that follow it.
//
// Both encodings must be of one text. Pieces that cover no text ([CLS], [SEP]),
// and pieces of words that end behind lm's last token (lm may be cut), have no
// state: -1.
func Align(lm, retriever Encoding) []int {
	states := make([]int, len(retriever.IDs))
	at := 0 // word ends never go back, so one walk over lm serves all words
	for from := 0; from < len(states); {
		to := from + 1
		for to < len(states) && strings.HasPrefix(retriever.Tokens[to], continuation) && covers(retriever, to) {
			to++
		}
		state := -1
		if covers(retriever, from) {
			end := retriever.Offsets[to-1][1]
			for at < len(lm.Offsets) && lm.Offsets[at][1] < end {
				at++
			}
			if at < len(lm.Offsets) {
				state = at
			}
		}
		for c := from; c < to; c++ {
			states[c] = state
		}
		from = to
	}
	return states
}

// covers says whether a piece stands for some of the text.
func covers(e Encoding, piece int) bool { return e.Offsets[piece][0] < e.Offsets[piece][1] }
