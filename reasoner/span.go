package reasoner

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A span is a stretch of what was read, from one edge of a word to another. The
// model writes one token by token, as it would a free answer, but may choose only
// among the tokens that continue some span: the index below says which those are.
//
// How the backbone's tokenizer divides a word depends on what stands before it:
// "Knox" behind a quotation mark is other tokens than " Knox" behind a space,
// which is how the model begins an answer. So a span that begins without a space
// may be begun either way.

// spanText is a text that spans are taken from.
type spanText struct {
	passage *passage // nil for the question and the fixed answers
	text    string
	offsets [][2]int
	tokens  []int64
	ends    []bool // by token: a span may end behind it
	goes    []bool // by token: a span that holds it may go on with the next one
}

// spanIndex holds the texts in which a span may stand, in the order in which
// they are preferred, and where spans begin.
type spanIndex struct {
	texts  []spanText
	starts []cursor
}

// cursor is a span on its way: what may be written next is the first token of
// opening, or where there is none, token next of the text.
type cursor struct {
	text    int     // index in spanIndex.texts
	first   int     // the token in which the span begins
	next    int     // the token behind those written
	opening []int64 // tokens still to be written in place of those before next
}

// spans indexes passages in reading order and the question. The fixed answers
// yes and no come last, so that text is preferred.
func (e *Engine) spans(reads []*passage, q questionText) *spanIndex {
	x := &spanIndex{}
	openings := map[string][]int64{}
	opening := func(word string) []int64 {
		ids, ok := openings[word]
		if !ok {
			ids = e.lm.IDs(spaced(word), false)
			openings[word] = ids
		}
		return ids
	}
	for _, p := range reads {
		x.add(spanText{passage: p, text: p.read, tokens: p.tokens, offsets: p.offsets}, p.parts, opening)
	}
	whole := []part{{at: 1, n: len(q.read) - 1}}
	x.add(spanText{text: q.read, tokens: q.tokens, offsets: q.offsets}, whole, opening)
	for _, answer := range judgements {
		lm := e.lm.Encode(spaced(answer), false)
		n := len(lm.IDs)
		if n == 0 {
			continue
		}
		t := spanText{text: spaced(answer), tokens: lm.IDs, offsets: lm.Offsets, ends: make([]bool, n), goes: make([]bool, n)}
		for k := range n {
			t.ends[k], t.goes[k] = k == n-1, k < n-1
		}
		x.texts = append(x.texts, t)
		x.starts = append(x.starts, cursor{text: len(x.texts) - 1})
	}
	return x
}

// judgements are the answers that need not stand in a text.
var judgements = []string{"yes", "no"}

// add indexes a text. parts are the stretches of it in one of which a span must
// lie, each with a space before it.
func (x *spanIndex) add(t spanText, parts []part, opening func(word string) []int64) {
	n := len(t.tokens)
	t.ends, t.goes = make([]bool, n), make([]bool, n)
	starts := make([]bool, n)
	at := 0 // of parts
	for k, o := range t.offsets {
		from := letters(t.text, o)
		for at < len(parts) && parts[at].at+parts[at].n < o[1] {
			at++
		}
		inside := at < len(parts) && parts[at].at-1 <= o[0]
		beside := k+1 < n && t.offsets[k+1][0] >= o[1] // the next token shares no character with it
		if !inside {
			continue // a token across two parts: nothing may hold it
		}
		starts[k] = from < o[1] && edge(t.text, from) && (k == 0 || from >= t.offsets[k-1][1])
		t.ends[k] = edge(t.text, o[1]) && (k+1 == n || beside)
		t.goes[k] = k+1 < n && t.offsets[k+1][1] <= parts[at].at+parts[at].n
	}
	x.texts = append(x.texts, t)
	text := len(x.texts) - 1
	for k := range n {
		if !starts[k] {
			continue
		}
		x.starts = append(x.starts, cursor{text: text, first: k, next: k})
		if from := letters(t.text, t.offsets[k]); from == t.offsets[k][0] && !isSpaceAt(t.text, from) {
			if end := wordEnd(t, k); end > 0 {
				word := t.text[from:t.offsets[end-1][1]]
				x.starts = append(x.starts, cursor{text: text, first: k, next: end, opening: opening(word)})
			}
		}
	}
}

// wordEnd is the token behind the word that begins in token k, or 0 where its end
// was not read.
func wordEnd(t spanText, k int) int {
	for j := k + 1; j < len(t.tokens); j++ {
		if !t.goes[j-1] {
			if t.ends[j-1] {
				return j
			}
			return 0
		}
		if o := t.offsets[j]; edge(t.text, o[0]) && o[0] >= t.offsets[j-1][1] {
			return j
		}
	}
	if n := len(t.tokens); edge(t.text, t.offsets[n-1][1]) {
		return n
	}
	return 0
}

// letters is the first byte of a token's text that is no white space, or its end.
func letters(text string, o [2]int) int {
	return o[1] - len(strings.TrimLeftFunc(text[o[0]:o[1]], unicode.IsSpace))
}

func isSpaceAt(text string, i int) bool {
	r, _ := utf8.DecodeRuneInString(text[i:])
	return unicode.IsSpace(r)
}

// token is what c allows to be written next; ok is false where its span is at its
// end.
func (x *spanIndex) token(c cursor) (id int64, ok bool) {
	if len(c.opening) > 0 {
		return c.opening[0], true
	}
	t := &x.texts[c.text]
	if c.next >= len(t.tokens) || c.next > c.first && !t.goes[c.next-1] {
		return 0, false
	}
	return t.tokens[c.next], true
}

// mayEnd says whether the span that c has written so far is a whole one.
func (x *spanIndex) mayEnd(c cursor) bool {
	return len(c.opening) == 0 && c.next > c.first && x.texts[c.text].ends[c.next-1]
}

// advance keeps those of active that id continues, in their order, in place.
func (x *spanIndex) advance(active []cursor, id int64) []cursor {
	kept := active[:0]
	for _, c := range active {
		if next, ok := x.token(c); !ok || next != id {
			continue
		}
		if len(c.opening) > 0 {
			c.opening = c.opening[1:]
		} else {
			c.next++
		}
		kept = append(kept, c)
	}
	return kept
}

// best is the most probable of the tokens that active allows; of equals the
// lowest. end holds the tokens that end a text, allowed where a span may end.
// ok is false where nothing can be written.
func (x *spanIndex) best(active []cursor, logprobs []float32, end []int64) (id int64, ok, ends bool) {
	better := func(candidate int64) bool {
		if candidate < 0 || candidate >= int64(len(logprobs)) {
			return false
		}
		if !ok {
			return true
		}
		a, b := logprobs[candidate], logprobs[id]
		return a > b || a == b && candidate < id
	}
	mayEnd := false
	for _, c := range active {
		mayEnd = mayEnd || x.mayEnd(c)
		if next, goes := x.token(c); goes && better(next) {
			id, ok = next, true
		}
	}
	if mayEnd {
		for _, e := range end {
			if better(e) {
				id, ok = e, true
			}
		}
	}
	return id, ok, ok && mayEnd && slices.Contains(end, id)
}

// goesOn says whether any of active can be continued.
func (x *spanIndex) goesOn(active []cursor) bool {
	return slices.ContainsFunc(active, func(c cursor) bool { _, ok := x.token(c); return ok })
}

// ender is the first of active whose span is a whole one.
func (x *spanIndex) ender(active []cursor) (cursor, bool) {
	i := slices.IndexFunc(active, x.mayEnd)
	if i < 0 {
		return cursor{}, false
	}
	return active[i], true
}

// place is the text that the span of c covers, and where: bytes of the text's.
func (x *spanIndex) place(c cursor) (t *spanText, start, end int) {
	t = &x.texts[c.text]
	start, end = letters(t.text, t.offsets[c.first]), t.offsets[c.next-1][1]
	end = start + len(strings.TrimRightFunc(t.text[start:end], unicode.IsSpace))
	return t, start, end
}
