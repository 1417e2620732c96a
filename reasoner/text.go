package reasoner

import (
	"strings"
	"unicode/utf8"

	"github.com/latentask/latentask/internal/bundle"
)

// tokenizer is what the loop needs of a bundle's tokenizers.
type tokenizer interface {
	Encode(text string, special bool) bundle.Encoding
	IDs(text string, special bool) []int64
	Decode(ids []int64) string
}

// clean makes a text from outside one line of valid UTF-8 with single spaces.
// The prompt's own pieces begin with line breaks, so a text without any cannot
// pass for them.
func clean(text string) string {
	return strings.Join(strings.Fields(bundle.Clean(text)), " ")
}

// spaced is a text as both tokenizers get it: with the space before it that it
// has behind a prompt piece. Offsets are bytes of this string.
func spaced(text string) string { return " " + text }

// questionText is a question in the ids of both tokenizers.
type questionText struct {
	text   string
	tokens []int64 // the backbone's, without prompt.question
	pieces []int64 // the retriever's, with [CLS] and [SEP]
}

func (e *Engine) question(text string) questionText {
	text = clean(text)
	q := questionText{text: text, tokens: e.lm.IDs(spaced(text), false)}
	q.pieces = append(q.pieces, e.layout.Retriever.CLS)
	q.pieces = append(q.pieces, e.retriever.IDs(e.layout.Retriever.Prefix+text, false)...)
	q.pieces = append(q.pieces, e.layout.Retriever.SEP)
	return q
}

// passage is one passage found, and how it is read.
type passage struct {
	Evidence
	text string // cleaned, whole

	read   string // spaced, what the model reads of it; empty when there is nothing to read
	tokens []int64
	pieces []piece
}

// piece is one of the retriever's word pieces of what is read of a passage.
type piece struct {
	id         int64
	start, end int // bytes of passage.read
	state      int // index in passage.tokens of the token in which its word ends
}

// prepare fills in what is read of p: excerpt, which must fit the budget but
// for a tokenizer's surprise, against which it is cut once more.
func (e *Engine) prepare(p *passage, excerpt string) {
	if strings.TrimSpace(excerpt) == "" {
		return
	}
	p.read = spaced(excerpt)
	lm := e.lm.Encode(p.read, false)
	if n := e.layout.Limits.PassageTokens; len(lm.IDs) > n {
		p.read = cutAfter(p.read, lm.Offsets[n-1][1])
		lm = e.lm.Encode(p.read, false)
		if len(lm.IDs) > n { // the cut made another token of what was left
			lm.IDs, lm.Offsets = lm.IDs[:n], lm.Offsets[:n]
		}
	}
	p.tokens = lm.IDs
	pieces := e.retriever.Encode(p.read, false)
	for i, state := range bundle.Align(lm, pieces) {
		if state >= 0 {
			p.pieces = append(p.pieces, piece{pieces.IDs[i], pieces.Offsets[i][0], pieces.Offsets[i][1], state})
		}
	}
}

// cutAfter is s[:n], or less where n is inside a rune or s is shorter.
func cutAfter(s string, n int) string {
	n = max(0, min(n, len(s)))
	for n < len(s) && n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
