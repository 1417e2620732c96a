package score

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// Normalise brings an answer into the form in which answers are compared: lower
// case, without ASCII punctuation, without the words a, an and the, with single
// spaces. It does what Python does with str.lower, re's \b and str.split, on
// any text that is valid UTF-8.
func Normalise(answer string) string {
	// A Caser keeps state, so each call has its own.
	lower := cases.Lower(language.Und).String(answer)
	return strings.Join(strings.FieldsFunc(withoutArticles(withoutPunctuation(lower)), isSpace), " ")
}

// punctuation is Python's string.punctuation.
const punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

func withoutPunctuation(s string) string {
	return strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && strings.ContainsRune(punctuation, r) {
			return -1
		}
		return r
	}, s)
}

// withoutArticles puts a space in place of each run of word characters that is
// an article, which is what the scripts' \b(a|an|the)\b matches.
func withoutArticles(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	word := -1 // where the word under way begins
	flush := func(end int) {
		if word < 0 {
			return
		}
		switch w := s[word:end]; w {
		case "a", "an", "the":
			b.WriteByte(' ')
		default:
			b.WriteString(w)
		}
		word = -1
	}
	for i, r := range s {
		if isWord(r) {
			if word < 0 {
				word = i
			}
			continue
		}
		flush(i)
		b.WriteRune(r)
	}
	flush(len(s))
	return b.String()
}

// isWord is re's \w: letters and numbers of any script. A combining mark is
// none. Underscores are gone before.
func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// isSpace is str.isspace: Unicode's white space, and the four separators of
// ASCII that Go does not count.
func isSpace(r rune) bool { return unicode.IsSpace(r) || (r >= 0x1c && r <= 0x1f) }
