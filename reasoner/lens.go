package reasoner

import (
	"context"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// lensWords is how many words the lens tells of a latent.
	lensWords = 5
	// lensLetters is the least of a token that counts as the beginning of a word.
	lensLetters = 3
)

// look holds the logit lens over a hop's latents: the model's own head on the
// state of each, as if the next token were to be written there.
func (a *asking) look(ctx context.Context, p pendingText) error {
	l, vocab := a.layout, a.layout.Backbone.Vocab
	states := slices.Concat(p.think, p.query)
	if need := len(states) / l.hidden() * vocab; len(a.lens) < need {
		a.lens = make([]float32, need)
	}
	if err := a.model.head(ctx, states, a.lens); err != nil {
		return err
	}
	for i := range l.Latent.Think + l.Latent.Query {
		token := LensToken{Kind: LensThink, N: i + 1}
		if i >= l.Latent.Think {
			token = LensToken{Kind: LensQuery, N: i - l.Latent.Think + 1}
		}
		for _, c := range top(a.lens[i*vocab:(i+1)*vocab], lensWords) {
			text := strings.Join(strings.Fields(a.lm.Decode([]int64{c.id})), " ")
			token.Words = append(token.Words, Word{Text: text, Weight: float32(math.Exp(float64(c.logprob)))})
		}
		for _, w := range p.hop.Focus {
			if slices.ContainsFunc(token.Words, func(likely Word) bool { return agrees(likely.Text, w.Text) }) {
				token.Focus = append(token.Focus, w.Text)
			}
		}
		p.hop.Lens = append(p.hop.Lens, token)
	}
	return nil
}

// agrees says whether a token of the model's is a word, or begins it.
func agrees(token, word string) bool {
	token = strings.ToLower(token)
	return token == word || utf8.RuneCountInString(token) >= lensLetters && strings.HasPrefix(word, token)
}

// top are the n likeliest tokens, the likeliest first, of equals the lowest.
func top(logprobs []float32, n int) []choice {
	best := make([]choice, 0, n+1)
	for id, p := range logprobs {
		if len(best) == n && !(p > best[n-1].logprob) {
			continue
		}
		i := len(best)
		for i > 0 && p > best[i-1].logprob {
			i--
		}
		best = slices.Insert(best, i, choice{int64(id), p})[:min(len(best)+1, n)]
	}
	return best
}
