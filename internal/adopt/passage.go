package adopt

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/sentences"
	"github.com/clipperhouse/uax29/v2/words"
	"github.com/google/uuid"
)

// passageWords bounds a passage: with a title it is about what the reader of a
// bundle takes in (96 tokens) and less than its retriever does (256).
const passageWords = 70

// A piece is a part of a text: its place among the parts, its first character
// and the one after its last, in Unicode code points.
type piece struct {
	place, start, end int
	text              string
}

// cut makes pieces of a text, of whole sentences where those are short enough.
// Together the pieces hold every word, and none is longer than limit words.
func cut(text string, limit int) []piece {
	var pieces []piece
	var begin, end, held int // bytes, bytes, words
	flush := func() {
		if p, ok := trimmed(text, begin, end); ok {
			p.place = len(pieces)
			pieces = append(pieces, p)
		}
		begin, held = end, 0
	}
	for it := sentences.FromString(text); it.Next(); {
		n := countWords(it.Value())
		if held > 0 && held+n > limit {
			flush()
		}
		if n <= limit {
			held += n
			end += len(it.Value())
			continue
		}
		// A sentence that is too long is cut between its words.
		for w := words.FromString(it.Value()); w.Next(); {
			isWord := countWords(w.Value()) > 0
			if isWord && held == limit {
				flush()
			}
			if isWord {
				held++
			}
			end += len(w.Value())
		}
	}
	flush()
	return inCharacters(text, pieces)
}

// trimmed is a piece of bytes without white space at its ends; false where
// nothing is left.
func trimmed(text string, begin, end int) (piece, bool) {
	s := text[begin:end]
	left := strings.TrimLeftFunc(s, unicode.IsSpace)
	begin += len(s) - len(left)
	s = strings.TrimRightFunc(left, unicode.IsSpace)
	return piece{start: begin, end: begin + len(s), text: s}, s != ""
}

// inCharacters turns places in bytes into places in code points.
func inCharacters(text string, pieces []piece) []piece {
	at, characters := 0, 0
	for i := range pieces {
		p := &pieces[i]
		characters += utf8.RuneCountInString(text[at:p.start])
		at, p.start = p.start, characters
		characters += utf8.RuneCountInString(text[at:p.end])
		at, p.end = p.end, characters
	}
	return pieces
}

// countWords counts what has a letter or a digit.
func countWords(text string) int {
	n := 0
	for it := words.FromString(text); it.Next(); {
		if strings.ContainsFunc(it.Value(), func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			n++
		}
	}
	return n
}

// passageSpace is the name space of passages' ids.
var passageSpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("latentask:passage"))

// passageID is a passage's id: the same for the same place of the same object,
// whatever stands there.
func passageID(object, property string, index, place int) string {
	return uuid.NewSHA1(passageSpace, fmt.Appendf(nil, "%s/%s/%d/%d", object, property, index, place)).String()
}
