package reasoner

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// line is a text from outside as the model sees it: one line of valid UTF-8 with
// single spaces, none at the ends. NUL bytes are white space, as [bundle.Clean]
// has them, and a run of bytes that are no UTF-8 is one U+FFFD. It keeps the way
// back to the bytes that it was made of.
type line struct {
	text  string
	steps []step // in order, covering text without gaps
}

// step: text[at:at+n] was made of from … from+m of the original. Where n == m
// the bytes belong to each other one by one; else the one text stands for the
// other as a whole.
type step struct{ at, n, from, m int }

// newLine makes a line of any string.
func newLine(original string) line {
	var (
		b     strings.Builder
		l     line
		space = -1 // where a run of white space began that is not written yet
	)
	b.Grow(len(original))
	add := func(s string, from, m int) {
		at := b.Len()
		b.WriteString(s)
		if k := len(l.steps) - 1; k >= 0 && len(s) == m {
			if last := &l.steps[k]; last.n == last.m && last.from+last.m == from {
				last.n += m
				last.m += m
				return
			}
		}
		l.steps = append(l.steps, step{at, len(s), from, m})
	}
	for i := 0; i < len(original); {
		r, n := utf8.DecodeRuneInString(original[i:])
		if r == 0 || unicode.IsSpace(r) {
			if space < 0 {
				space = i
			}
			i += n
			continue
		}
		if space >= 0 && b.Len() > 0 {
			add(" ", space, i-space)
		}
		space = -1
		from := i
		i += n
		if r != utf8.RuneError || n > 1 {
			add(original[from:i], from, n)
			continue
		}
		for i < len(original) {
			if r, n = utf8.DecodeRuneInString(original[i:]); r != utf8.RuneError || n > 1 {
				break
			}
			i++
		}
		add(string(utf8.RuneError), from, i-from)
	}
	l.text = b.String()
	return l
}

// clean is the text of a line, for those who need no way back.
func clean(text string) string { return newLine(text).text }

// origin is where text[start:end], which must not be empty, stands in the
// original.
func (l line) origin(start, end int) (from, to int) {
	first, last := l.step(start), l.step(end-1)
	from, to = first.from, last.from+last.m
	if first.n == first.m {
		from += start - first.at
	}
	if last.n == last.m {
		to = last.from + end - last.at
	}
	return from, to
}

// step is the one in which byte i of the text lies.
func (l line) step(i int) step {
	k := sort.Search(len(l.steps), func(k int) bool { return l.steps[k].at > i })
	return l.steps[max(k-1, 0)]
}
