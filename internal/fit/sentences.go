package fit

import (
	"strings"

	"github.com/clipperhouse/uax29/v2/sentences"
)

// Sentences are a text's, without blank ones and the white space around them.
func Sentences(text string) []string {
	var out []string
	for it := sentences.FromString(text); it.Next(); {
		if s := strings.TrimSpace(it.Value()); s != "" {
			out = append(out, s)
		}
	}
	return out
}
