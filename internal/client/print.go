package client

import (
	"fmt"
	"io"
	"strings"
)

// printedWords bounds the words of a hop's focus, heaviest first.
const printedWords = 8

// WriteHops prints the hops of a reply: what each looked for and found. label
// names an object.
func (r *Reply) WriteHops(out io.Writer, label func(Object) string) {
	byID := make(map[string]Object, len(r.Objects))
	for _, o := range r.Objects {
		byID[o.ID] = o
	}
	for _, h := range r.Hops {
		if h.Action != "query" {
			fmt.Fprintf(out, "   answer   model %.0f ms\n\n", h.Ms.Model)
			continue
		}
		fmt.Fprintf(out, "   hop %d    model %.0f ms, search %.1f ms\n", h.N, h.Ms.Model, h.Ms.Search)
		if len(h.Focus) > 0 {
			words := make([]string, min(len(h.Focus), printedWords))
			for i, w := range h.Focus[:len(words)] {
				words[i] = fmt.Sprintf("%s %.2f", w.Word, w.Weight)
			}
			fmt.Fprintf(out, "     focus  %s\n", strings.Join(words, ", "))
		}
		if h.Thought != "" {
			fmt.Fprintf(out, "     thought   %s\n", h.Thought)
		}
		if h.Subquery != "" {
			fmt.Fprintf(out, "     subquery  %s\n", h.Subquery)
		}
		for i, id := range h.IDs {
			name := "  (cut by the limit)"
			if o, ok := byID[id]; ok {
				name = label(o)
			}
			distance := 0.0
			if i < len(h.Distances) {
				distance = h.Distances[i]
			}
			fmt.Fprintf(out, "     %.3f  %s\n", distance, name)
		}
	}
}
