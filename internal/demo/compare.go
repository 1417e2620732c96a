package demo

import (
	"slices"
	"strings"

	"github.com/latentask/latentask/internal/client"
)

// comparison is what latentAsk and one plain search found for a question.
type comparison struct {
	question Question
	reply    *client.Reply
	single   []client.Object
}

// missing are the passages that the question takes and objects lack.
func (c comparison) missing(objects []client.Object) []string {
	var out []string
	for _, needed := range c.question.Support {
		if !slices.ContainsFunc(objects, func(o client.Object) bool { return title(o) == needed }) {
			out = append(out, needed)
		}
	}
	return out
}

// correct tells whether the answer is one of those known, letter case and
// punctuation at its ends apart.
func (c comparison) correct() bool {
	given := plain(c.reply.Answer.Text)
	return given != "" && slices.ContainsFunc(c.question.Answers, func(a string) bool { return plain(a) == given })
}

func plain(s string) string {
	return strings.Trim(strings.ToLower(strings.TrimSpace(s)), ".,;:!? ")
}

func title(o client.Object) string {
	s, _ := o.Properties["title"].(string)
	return s
}
