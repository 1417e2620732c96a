package reasoner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// A passage longer than its budget is read as an excerpt: the sentences nearest
// to the hop's query vector, taken in descending similarity while they fit, in
// the passage's own order and joined by single spaces. So what is read of a
// passage depends on the hop that found it, and the tail of a long text is
// worth as much as its head.
//
// A sentence that does not fit by itself, a table row or a text without any
// full stop, is first divided at word boundaries into windows of about half the
// budget, which then count as sentences: the two nearest windows fit together.

const (
	// maxUnits bounds the sentences of one hop that are embedded, which is what
	// long passages cost in time; its long passages share it evenly. Of a
	// passage with more, those go on that share most words with the question and
	// the hop's focus.
	maxUnits = 96
	// minUnits is every long passage's, however many there are.
	minUnits = 8
	// longToken is more bytes than a token of ordinary text has: a text of more
	// than so many a token is taken to exceed its budget unread.
	longToken = 32
)

// stretch is a part of a passage's text: the one that begins at byte at.
type stretch struct {
	text string
	at   int
}

// end is the byte behind it.
func (s stretch) end() int { return s.at + len(s.text) }

// cut is the part of s from byte i to byte j of it, without white space at the
// ends; ok is false where that is all.
func (s stretch) cut(i, j int) (_ stretch, ok bool) {
	text := strings.TrimLeftFunc(s.text[i:j], unicode.IsSpace)
	at := s.at + j - len(text)
	text = strings.TrimRightFunc(text, unicode.IsSpace)
	return stretch{text, at}, text != ""
}

// unit is a sentence, or a window of one.
type unit struct {
	stretch
	tokens int
	score  float32
}

// excerpts prepares the passages of one hop for reading. vector is the hop's
// query, words are the question's and the focus'.
func (e *Engine) excerpts(ctx context.Context, passages []*passage, vector []float32, words map[string]bool) error {
	var long []*passage
	for _, p := range passages {
		if e.fits(p.text) {
			e.prepare(p, []stretch{{text: p.text}})
		} else {
			long = append(long, p)
		}
	}
	if len(long) == 0 {
		return nil
	}
	units := make([][]unit, len(long))
	var texts []string
	for i, p := range long {
		units[i] = e.units(p.text, words, max(minUnits, maxUnits/len(long)))
		for _, u := range units[i] {
			texts = append(texts, u.text)
		}
	}
	vectors, err := e.embedder.Embed(ctx, texts)
	if err != nil {
		return fmt.Errorf("embed the sentences of long passages: %w", err)
	}
	if len(vectors) != len(texts) {
		return fmt.Errorf("embed the sentences of long passages: %d vectors of %d texts", len(vectors), len(texts))
	}
	for i, p := range long {
		for j := range units[i] {
			units[i][j].score = dot(vector, vectors[0])
			vectors = vectors[1:]
		}
		e.prepare(p, pick(units[i], e.layout.Limits.PassageTokens))
	}
	return nil
}

func (e *Engine) fits(text string) bool {
	return len(text) <= longToken*e.layout.Limits.PassageTokens && e.tokens(text) <= e.layout.Limits.PassageTokens
}

func (e *Engine) tokens(text string) int { return len(e.lm.IDs(spaced(text), false)) }

// units divides a text into at most limit units that fit the budget each, in
// its order.
func (e *Engine) units(text string, words map[string]bool, limit int) []unit {
	budget := e.layout.Limits.PassageTokens
	var parts []stretch
	for _, s := range shortlist(sentences(text, longToken*budget/2), words, limit) {
		parts = append(parts, e.windows(s, budget)...)
	}
	var units []unit
	for _, s := range shortlist(parts, words, limit) {
		units = append(units, unit{stretch: s, tokens: e.tokens(s.text)})
	}
	return units
}

// windows divides a sentence of more than budget tokens into pieces of about
// half of it, at word boundaries where there are any.
func (e *Engine) windows(sentence stretch, budget int) []stretch {
	text := spaced(sentence.text)
	encoding := e.lm.Encode(text, false)
	if len(encoding.IDs) <= budget {
		return []stretch{sentence}
	}
	half := max(1, budget/2)
	var windows []stretch
	for start, last := 0, 0; start < len(text); {
		last = min(last+half, len(encoding.IDs))
		end := len(text)
		if last < len(encoding.IDs) {
			end = boundary(text, start, encoding.Offsets[last-1][1])
		}
		// Behind the space that text has before the sentence.
		if w, ok := sentence.cut(max(start-1, 0), end-1); ok {
			windows = append(windows, w)
		}
		start = end
	}
	return windows
}

// boundary moves a cut of text[start:] at byte end to the last white space up to
// it, if that leaves at least half, else to a rune's edge; it is always greater
// than start.
func boundary(text string, start, end int) int {
	end = max(start+1, min(end, len(text)))
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end++
	}
	if end == len(text) {
		return end
	}
	if r, _ := utf8.DecodeRuneInString(text[end:]); unicode.IsSpace(r) {
		return end
	}
	if i := strings.LastIndexFunc(text[start:end], unicode.IsSpace); i > (end-start)/2 {
		return start + i
	}
	return end
}

// sentences divides a text at Unicode's sentence boundaries, and what is longer
// than limit bytes further at white space, so that no step after this one has
// to take in a text of any size at once. No sentence is blank.
func sentences(text string, limit int) []stretch {
	limit = max(limit, utf8.UTFMax)
	var out []stretch
	rest, at := text, 0
	for state := -1; rest != ""; {
		var s string
		s, rest, state = uniseg.FirstSentenceInString(rest, state)
		sentence := stretch{s, at}
		at += len(s)
		for len(sentence.text) > limit {
			end := boundary(sentence.text, 0, limit)
			if part, ok := sentence.cut(0, end); ok {
				out = append(out, part)
			}
			sentence, _ = sentence.cut(end, len(sentence.text))
		}
		if sentence, ok := sentence.cut(0, len(sentence.text)); ok {
			out = append(out, sentence)
		}
	}
	return out
}

// shortlist keeps the limit texts that share most distinct words with words, in
// their order; of equals the earlier.
func shortlist(texts []stretch, words map[string]bool, limit int) []stretch {
	if len(texts) <= limit {
		return texts
	}
	shared := make([]int, len(texts))
	order := make([]int, len(texts))
	for i, text := range texts {
		order[i] = i
		seen := map[string]bool{}
		for _, w := range splitWords(text.text) {
			if words[w] && !seen[w] {
				seen[w] = true
				shared[i]++
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return shared[b] - shared[a] })
	order = order[:limit]
	slices.Sort(order)
	kept := make([]stretch, limit)
	for k, i := range order {
		kept[k] = texts[i]
	}
	return kept
}

// pick chooses the best-scored units that fit budget tokens together, in their
// order. Of equal scores the earlier unit goes first. A unit that does not fit
// is passed over for the next one that does; when none fits, since a window by
// itself may have more tokens than it had in its sentence, it is the best one,
// for prepare to cut.
func pick(units []unit, budget int) []stretch {
	order := make([]int, len(units))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case units[a].score > units[b].score:
			return -1
		case units[a].score < units[b].score:
			return 1
		}
		return 0
	})
	var kept []int
	for _, i := range order {
		if units[i].tokens <= budget {
			budget -= units[i].tokens
			kept = append(kept, i)
		}
	}
	if len(kept) == 0 {
		kept = order[:min(1, len(order))]
	}
	slices.Sort(kept)
	texts := make([]stretch, len(kept))
	for k, i := range kept {
		texts[k] = units[i].stretch
	}
	return texts
}

func dot(a, b []float32) float32 {
	var sum float32
	for i := range min(len(a), len(b)) {
		sum += a[i] * b[i]
	}
	return sum
}
