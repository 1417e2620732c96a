package module

import (
	"strings"
	"unicode/utf8"

	"github.com/latentask/latentask/graphql"
	"github.com/latentask/latentask/internal/fit"
)

// passage is an object as the reader sees it: one text, and the stored values
// that it was joined of.
type passage struct {
	text  string
	parts []part
}

// part is one value of a property, as it stands in a passage.
type part struct {
	property string
	index    int    // of the value in a text[] property, -1 in a text one
	value    string // as it is stored
	// value[offset:offset+end-start] is the passage's text[start:end], in bytes:
	// a value loses the white space around it and nothing else.
	offset, start, end int
}

// newPassage joins the values of properties, in their order: a value that does
// not end a sentence is closed with a full stop, so that a title does not run
// into the text. Empty values are left out.
func newPassage(values any, properties []string) passage {
	object, _ := values.(map[string]any)
	var b strings.Builder
	var parts []part
	for _, name := range properties {
		_, single := object[name].(string)
		for i, v := range fit.Strings(object[name]) {
			text := strings.TrimSpace(v)
			if text == "" {
				continue
			}
			if b.Len() > 0 {
				if closed(b.String()) {
					b.WriteString(" ")
				} else {
					b.WriteString(". ")
				}
			}
			p := part{property: name, index: i, value: v, start: b.Len()}
			if single {
				p.index = -1
			}
			p.offset = strings.Index(v, text)
			b.WriteString(text)
			p.end = b.Len()
			parts = append(parts, p)
		}
	}
	return passage{b.String(), parts}
}

// source finds the stored value in which bytes start to end of the passage's
// text stand. What a passage puts between its values belongs to none and is cut
// off the span's ends. A span over more than one value has no source: no place
// of one property holds it.
func (p passage) source(id string, start, end int) *graphql.Source {
	if start >= end {
		return nil
	}
	var in *part
	for i := range p.parts {
		if start < p.parts[i].end && p.parts[i].start < end {
			if in != nil {
				return nil
			}
			in = &p.parts[i]
		}
	}
	if in == nil {
		return nil
	}
	return &graphql.Source{
		ID: id, Property: in.property, Index: in.index,
		Start: in.characters(max(start, in.start)),
		End:   in.characters(min(end, in.end)),
	}
}

// characters counts those of the stored value before a byte of the passage's
// text.
func (p *part) characters(before int) int {
	return utf8.RuneCountInString(p.value[:p.offset+before-p.start])
}

// closed tells whether a text ends in punctuation, inside or outside a closing
// quote or bracket.
func closed(text string) bool {
	text = strings.TrimRight(text, `"'”’»)]`)
	r, _ := utf8.DecodeLastRuneInString(text)
	return strings.ContainsRune(".!?:;…。！？：；", r)
}
