package reasoner

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxFocus bounds the words of a hop's focus.
	maxFocus = 16
	// maxWord bounds a focus word in runes. Where a script has no spaces a run
	// of letters is a whole sentence; then the piece stands for itself.
	maxWord = 40
)

// candidates are the retriever's word pieces of every passage read so far, in
// reading order, for the copy head to choose from.
type candidates struct {
	ids    []int64
	words  []int // of each the word that it belongs to, an index in memory.words
	places []place
}

// place is where a candidate stands: bytes start to end of text.
type place struct {
	text       string
	start, end int
}

// focus turns gates, one a candidate, into words: the pieces above the
// threshold widened to whole words, lower-cased, each with its highest gate;
// by weight, then by first appearance.
func focus(gates []float32, places []place, threshold float32) []Word {
	var words []Word
	index := map[string]int{}
	for i, p := range places[:min(len(places), len(gates))] {
		if !(gates[i] > threshold) {
			continue
		}
		w := p.word()
		if w == "" {
			continue
		}
		if at, ok := index[w]; ok {
			words[at].Weight = max(words[at].Weight, gates[i])
			continue
		}
		index[w] = len(words)
		words = append(words, Word{Text: w, Weight: gates[i]})
	}
	slices.SortStableFunc(words, func(a, b Word) int { return cmp.Compare(b.Weight, a.Weight) })
	return words[:min(len(words), maxFocus)]
}

// word is the lower-cased word of letters and digits in which the place lies,
// or "" for punctuation.
func (p place) word() string {
	start, end := max(0, min(p.start, len(p.text))), max(0, min(p.end, len(p.text)))
	for start > 0 && start < len(p.text) && !utf8.RuneStart(p.text[start]) {
		start--
	}
	for end < len(p.text) && !utf8.RuneStart(p.text[end]) {
		end++
	}
	// From the first letter of the piece on.
	for start < end {
		r, n := utf8.DecodeRuneInString(p.text[start:])
		if inWord(r) {
			break
		}
		start += n
	}
	if start >= end {
		return ""
	}
	from, to := start, start
	for from > 0 {
		r, n := utf8.DecodeLastRuneInString(p.text[:from])
		if !inWord(r) {
			break
		}
		from -= n
	}
	for to < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[to:])
		if !inWord(r) {
			break
		}
		to += n
	}
	if utf8.RuneCountInString(p.text[from:to]) > maxWord {
		from, to = start, min(to, end)
		if utf8.RuneCountInString(p.text[from:to]) > maxWord {
			return ""
		}
	}
	return strings.Clone(strings.ToLower(p.text[from:to])) // a result keeps it, and need not keep the passage
}

// inWord: letters, digits, and the marks that belong to a letter before them.
func inWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

// splitWords are the lower-cased words of a text.
func splitWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !inWord(r) })
}
