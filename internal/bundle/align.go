package bundle

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// How a retriever's pieces make words, as Retriever.Words.
const (
	// WordPieces: a piece whose token begins with "##" belongs to the word before
	// it, as in BERT's vocabularies.
	WordPieces = "wordpiece"
	// WordText: a piece belongs to the word before it where the text has
	// alphanumeric characters on both sides of the border, or where the two
	// share a character.
	WordText = "text"
)

// Extent is the bytes of e.Text that a token stands for, without white space at
// their ends, which the tokens of some vocabularies begin with. It is empty for a
// token that the tokenizer added, and for white space alone.
func (e Encoding) Extent(token int) (start, end int) {
	start, end = e.Offsets[token][0], e.Offsets[token][1]
	text := e.Text[start:end]
	start = end - len(strings.TrimLeftFunc(text, unicode.IsSpace))
	return start, max(start, e.Offsets[token][0]+len(strings.TrimRightFunc(text, unicode.IsSpace)))
}

// continuation marks a word piece that belongs to the word before it.
const continuation = "##"

// Words groups the retriever's pieces of a text into words: each is the half-open
// range of its pieces, in order. Pieces that cover no text ([CLS], [SEP]) or white
// space alone are in no word. how is WordPieces or WordText.
func Words(retriever Encoding, how string) [][2]int {
	var words [][2]int
	for i := range retriever.IDs {
		if !covers(retriever, i) {
			continue
		}
		if n := len(words); n > 0 && words[n-1][1] == i && joined(retriever, i, how) {
			words[n-1][1] = i + 1
			continue
		}
		words = append(words, [2]int{i, i + 1})
	}
	return words
}

// joined says whether piece i belongs to the word of the piece before it.
func joined(e Encoding, i int, how string) bool {
	if how != WordText {
		return strings.HasPrefix(e.Tokens[i], continuation)
	}
	end, start := e.Offsets[i-1][1], e.Offsets[i][0]
	if start < end {
		return true
	}
	before, _ := utf8.DecodeLastRuneInString(e.Text[:end])
	after, _ := utf8.DecodeRuneInString(e.Text[start:])
	return start == end && Alphanumeric(before) && Alphanumeric(after)
}

// Align relates words of the retriever's pieces to the backbone's tokens of the
// same text: result[w] is the index in lm of the token in which words[w] ends,
// the first one whose end offset is at or past the end of the word's last piece.
// It is the token whose state the word's pieces take as candidates of the copy
// head, and the word itself for the pointer.
//
// Both encodings must be of one text, and words must be [Words] of retriever.
// Words that end behind lm's last token (lm may be cut) have no state: -1.
func Align(lm, retriever Encoding, words [][2]int) []int {
	states := make([]int, len(words))
	at := 0 // word ends never go back, so one walk over lm serves all words
	for w, word := range words {
		_, end := retriever.Extent(word[1] - 1)
		for at < len(lm.Offsets) && lm.Offsets[at][1] < end {
			at++
		}
		states[w] = at
		if at == len(lm.Offsets) {
			states[w] = -1
		}
	}
	return states
}

// covers says whether a piece stands for some of the text.
func covers(e Encoding, piece int) bool {
	start, end := e.Extent(piece)
	return start < end
}

// Alphanumeric says whether a character can stand inside a word: letters,
// numbers, and the marks that belong to a letter before them.
func Alphanumeric(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}
