package reasoner

import (
	"slices"
	"strings"
	"testing"

	"github.com/latentask/latentask/internal/bundle"
)

// Latents are told alone, or behind the question and the heaviest of the focus.
func TestWhatStandsBeforeLatentsInWords(t *testing.T) {
	e, m := newFake(t, Options{})
	a := e.begin(Request{Mode: ModeLatent}, e.question("who wrote it"))
	hop := &Hop{Focus: []Word{{Text: "knox", Weight: 0.9}, {Text: "blast", Weight: 0.5}}}
	if got := a.toldBehind(hop); got != nil {
		t.Errorf("without prompt.focus: %v", got)
	}

	const focus = 9
	e.layout.Prompt.Focus = []int64{focus}
	ids := func(words ...string) []int64 {
		var out []int64
		for _, w := range words {
			out = append(out, m.table.id(w))
		}
		return out
	}
	question := slices.Concat(e.layout.Prompt.Question, ids("who", "wrote", "it"))
	newline := []int64{e.layout.Backbone.Newline}
	if got, want := a.toldBehind(hop), slices.Concat(question, []int64{focus}, ids("knox,", "blast"), newline); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := a.toldBehind(&Hop{}), slices.Concat(question, newline); !slices.Equal(got, want) {
		t.Errorf("of a hop without a focus: %v, want %v", got, want)
	}

	hop.Focus = nil
	for range maxFocus {
		hop.Focus = append(hop.Focus, Word{Text: "a" + strings.Repeat(" a", 20)})
	}
	if got, want := len(a.toldBehind(hop)), len(question)+1+bundle.ToldTokens+1; got != want {
		t.Errorf("%d tokens of a long focus, want %d", got, want)
	}
	l := e.layout
	rest := len(l.Prompt.Thought) + l.Latent.Think + l.Limits.ThoughtTokens
	if most, _ := l.ToldSequences(); most-rest < len(question)+1+bundle.ToldTokens+1 {
		t.Errorf("the room for it is %d", most-rest)
	}
}
