package module

import (
	"strings"
	"unicode/utf8"
)

// passageText joins the values of properties, in their order, as the reader
// sees an object: a value that does not end a sentence is closed with a full
// stop, so that a title does not run into the text. Empty values are left out.
func passageText(values any, properties []string) string {
	object, _ := values.(map[string]any)
	var b strings.Builder
	for _, name := range properties {
		for _, v := range texts(object[name]) {
			v = strings.TrimSpace(v)
			if v == "" {
				continue
			}
			if b.Len() > 0 {
				if closed(b.String()) {
					b.WriteString(" ")
				} else {
					b.WriteString(". ")
				}
			}
			b.WriteString(v)
		}
	}
	return b.String()
}

// texts are the strings of a text or text[] value.
func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []string:
		return v
	case []any:
		out := make([]string, 0, len(v))
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	default:
		return nil
	}
}

// closed tells whether a text ends in punctuation, inside or outside a closing
// quote or bracket.
func closed(text string) bool {
	text = strings.TrimRight(text, `"'”’»)]`)
	r, _ := utf8.DecodeLastRuneInString(text)
	return strings.ContainsRune(".!?:;…。！？：；", r)
}
