package reasoner

import (
	"slices"
	"strings"
	"unicode"
)

// evidence puts the passages in the order in which they are shown: the first
// one in which the answer stands, then the others as they were found. What was
// read of a passage counts before the rest of its text.
func evidence(found []*passage, answer string) []Evidence {
	out := make([]Evidence, len(found))
	for i, p := range found {
		out[i] = p.Evidence
	}
	if i := holder(found, answer); i > 0 {
		first := out[i]
		out = slices.Insert(slices.Delete(out, i, i+1), 0, first)
	}
	return out
}

// holder is the index of the first passage in which the answer stands, or -1.
func holder(found []*passage, answer string) int {
	want := normalise(answer)
	switch want {
	case "", "yes", "no": // a judgement stands nowhere
		return -1
	}
	for _, text := range []func(*passage) string{
		func(p *passage) string { return p.read },
		func(p *passage) string { return p.text },
	} {
		for i, p := range found {
			if strings.Contains(" "+normalise(text(p))+" ", " "+want+" ") {
				return i
			}
		}
	}
	return -1
}

// normalise is how the field compares answers: lower case, without punctuation
// and articles, single spaces.
func normalise(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPunct(r) || unicode.IsSymbol(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
	words := strings.Fields(s)
	words = slices.DeleteFunc(words, func(w string) bool { return w == "a" || w == "an" || w == "the" })
	return strings.Join(words, " ")
}
