package reasoner

import (
	"strings"

	"github.com/latentask/latentask/internal/bundle"
)

// tokenizer is what the loop needs of a bundle's tokenizers.
type tokenizer interface {
	Encode(text string, special bool) bundle.Encoding
	IDs(text string, special bool) []int64
	Decode(ids []int64) string
}

// spaced is a text as both tokenizers get it: with the space before it that it
// has behind a prompt piece. Offsets are bytes of this string.
func spaced(text string) string { return " " + text }

// questionText is a question in the ids of both tokenizers.
type questionText struct {
	text   string
	tokens []int64 // the backbone's, without prompt.question
	pieces []int64 // the retriever's, with what it puts around a text

	read    string   // spaced, what tokens are of
	offsets [][2]int // bytes of read that each token covers
	words   []word   // of read, for the pointer
}

// word is a word as the retriever divides a text.
type word struct {
	start, end int // bytes of the text as read
	state      int // index of the backbone's token in which it ends
}

func (e *Engine) question(text string) questionText {
	text = clean(text)
	q := questionText{text: text, read: spaced(text)}
	lm := e.lm.Encode(q.read, false)
	q.tokens, q.offsets = lm.IDs, lm.Offsets
	q.pieces = e.retriever.IDs(e.layout.Retriever.AskPrefix()+text, true)
	q.words, _ = e.wordsOf(lm, e.retriever.Encode(q.read, false))
	return q
}

// wordsOf are the words of a text in both tokenizers, and of each the range of its
// pieces. Words behind the last of lm's tokens are left out.
func (e *Engine) wordsOf(lm, pieces bundle.Encoding) (words []word, ranges [][2]int) {
	all := bundle.Words(pieces, e.layout.Retriever.Words)
	for i, state := range bundle.Align(lm, pieces, all) {
		if r := all[i]; state >= 0 {
			start, _ := pieces.Extent(r[0])
			_, end := pieces.Extent(r[1] - 1)
			words = append(words, word{start, end, state})
			ranges = append(ranges, r)
		}
	}
	return words, ranges
}

// passage is one passage found, and how it is read.
type passage struct {
	Evidence
	line // the whole text

	read    string // spaced, what the model reads of it but for what its budget cuts; empty when there is nothing to read
	parts   []part // where that stands in text
	tokens  []int64
	offsets [][2]int // bytes of read that each token covers
	words   []word
	pieces  []piece
}

// part: read[at:at+n] is text[from:from+n]. A space stands before each part;
// what it joins stood apart.
type part struct{ at, n, from int }

// piece is one of the retriever's word pieces of what is read of a passage.
type piece struct {
	id         int64
	start, end int // bytes of passage.read
	word       int // index in passage.words of the word that it belongs to
}

// prepare fills in what is read of p: an excerpt, which must fit the budget but
// for a tokenizer's surprise, against which it is cut.
func (e *Engine) prepare(p *passage, excerpt []stretch) {
	p.read, p.parts, p.tokens, p.offsets, p.words, p.pieces = "", nil, nil, nil, nil, nil
	for _, s := range excerpt {
		if strings.TrimSpace(s.text) == "" {
			continue
		}
		if k := len(p.parts) - 1; k >= 0 {
			if last := &p.parts[k]; s.at == last.from+last.n+1 && p.text[s.at-1] == ' ' {
				last.n += 1 + len(s.text)
				p.read += " " + s.text
				continue
			}
		}
		p.parts = append(p.parts, part{len(p.read) + 1, len(s.text), s.at})
		p.read += spaced(s.text)
	}
	if p.read == "" {
		return
	}
	lm := e.lm.Encode(p.read, false)
	n := min(len(lm.IDs), e.layout.Limits.PassageTokens)
	lm.IDs, lm.Offsets = lm.IDs[:n], lm.Offsets[:n]
	p.tokens, p.offsets = lm.IDs, lm.Offsets

	pieces := e.retriever.Encode(p.read, false)
	var ranges [][2]int
	p.words, ranges = e.wordsOf(lm, pieces)
	for w, r := range ranges {
		for i := r[0]; i < r[1]; i++ {
			start, end := pieces.Extent(i)
			p.pieces = append(p.pieces, piece{pieces.IDs[i], start, end, w})
		}
	}
}

// partOf is the index of the part in which read[start:end] lies, or -1 where it
// lies in none.
func (p *passage) partOf(start, end int) int {
	for i, part := range p.parts {
		if part.at <= start && start < end && end <= part.at+part.n {
			return i
		}
	}
	return -1
}

// source is where read[start:end], which lies in one part, stands in the passage
// as the Searcher gave it.
func (p *passage) source(start, end int) *Source {
	i := p.partOf(start, end)
	if i < 0 {
		return nil
	}
	shift := p.parts[i].from - p.parts[i].at
	from, to := p.origin(start+shift, end+shift)
	return &Source{ID: p.ID, Start: from, End: to}
}
