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
		kind := ""
		if h.Search != "" {
			kind = " (" + h.Search + ")"
		}
		fmt.Fprintf(out, "   hop %d    model %.0f ms, search %.1f ms%s\n", h.N, h.Ms.Model, h.Ms.Search, kind)
		if len(h.Focus) > 0 {
			words := make([]string, min(len(h.Focus), printedWords))
			for i, w := range h.Focus[:len(words)] {
				words[i] = fmt.Sprintf("%s %.2f", w.Word, w.Weight)
			}
			fmt.Fprintf(out, "     focus  %s\n", strings.Join(words, ", "))
		}
		if len(h.Keywords) > 0 {
			words := make([]string, min(len(h.Keywords), printedWords))
			for i, w := range h.Keywords[:len(words)] {
				words[i] = fmt.Sprintf("%s ×%.0f", w.Word, w.Weight)
			}
			fmt.Fprintf(out, "     words  %s\n", strings.Join(words, ", "))
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
			fmt.Fprintf(out, "     %s  %s\n", h.place(i), name)
		}
	}
}

// place is what the i-th object that a hop found is shown with: its distance,
// and in a hybrid hop its rank on either side.
func (h *Hop) place(i int) string {
	if i >= len(h.Found) {
		if i >= len(h.Distances) {
			return "    -"
		}
		return fmt.Sprintf("%.3f", h.Distances[i])
	}
	f := h.Found[i]
	distance := "    -"
	if f.Distance != nil {
		distance = fmt.Sprintf("%.3f", *f.Distance)
	}
	if h.Search != "hybrid" {
		return distance
	}
	return fmt.Sprintf("%s  vector %-3s keywords %-3s", distance, rank(f.VectorRank), rank(f.KeywordRank))
}

// rank is a place on one side of a search, or a dash where that side did not
// find the object.
func rank(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}
