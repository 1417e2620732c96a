package reasoner

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// evidence puts the passages in the order in which they are shown: the one in
// which the answer stands, if one was given, then the others by their support,
// and of equal ones, which all are where the bundle does not tell, as they were
// found.
// That is the source of a span, and for a free answer the first in which its
// words stand; what was read of a passage counts before the rest of its text.
func evidence(found []*passage, answer Answer) []Evidence {
	out := make([]Evidence, len(found))
	for i, p := range found {
		out[i] = p.Evidence
	}
	slices.SortStableFunc(out, func(x, y Evidence) int { return cmp.Compare(y.Support, x.Support) })
	if answer.Abstained {
		return out
	}
	i := -1
	if answer.Source != nil && answer.By != AnswerByFree {
		i = slices.IndexFunc(found, func(p *passage) bool { return p.ID == answer.Source.ID })
	} else {
		i = holder(found, answer.Text)
	}
	if i >= 0 {
		at := slices.IndexFunc(out, func(e Evidence) bool { return e.ID == found[i].ID })
		first := out[at]
		out = slices.Insert(slices.Delete(out, at, at+1), 0, first)
	}
	return out
}

// minHeld is how many letters and digits an answer needs to be looked for: a
// shorter one, such as "1" or "us", stands in passages that do not give it.
const minHeld = 3

// holder is the index of the first passage in which the answer stands, word by
// word, or -1.
func holder(found []*passage, answer string) int {
	want := wordRun(answer)
	if want == "yes" || utf8.RuneCountInString(strings.ReplaceAll(want, " ", "")) < minHeld {
		return -1 // a judgement stands nowhere
	}
	for _, text := range []func(*passage) string{
		func(p *passage) string { return p.read },
		func(p *passage) string { return p.text },
	} {
		for i, p := range found {
			if strings.Contains(" "+wordRun(text(p))+" ", " "+want+" ") {
				return i
			}
		}
	}
	return -1
}

// wordRun is the lower-cased words of a text but for articles, with single
// spaces. Unlike normalise it divides at punctuation, so that "1514" stands in
// "1514-1572".
func wordRun(text string) string {
	return strings.Join(slices.DeleteFunc(splitWords(text), isArticle), " ")
}

func isArticle(w string) bool { return w == "a" || w == "an" || w == "the" }

// normalise is how the field compares answers: lower case, without punctuation
// and articles, single spaces.
func normalise(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPunct(r) || unicode.IsSymbol(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
	return strings.Join(slices.DeleteFunc(strings.Fields(s), isArticle), " ")
}
