package reasoner

import "github.com/latentask/latentask/internal/bundle"

// layout is what a manifest says about sequences; the package comment draws
// one. A bundle's manifest has been checked: the constant pieces are not empty,
// and the longest question with limits.hops times limits.passages passages fits
// backbone.max_positions.
type layout struct{ *bundle.Manifest }

// abstainText is what the model is trained to write when it does not know.
const abstainText = "unknown"

func (l layout) hidden() int { return l.Backbone.Hidden }

// thinkIDs, queryIDs and injectIDs append latent tokens to a pass: they are
// numbered past the vocabulary, in this order.
func (l layout) thinkIDs(tokens []int64) []int64 {
	return appendIDs(tokens, l.Backbone.Vocab, l.Latent.Think)
}

func (l layout) queryIDs(tokens []int64) []int64 {
	return appendIDs(tokens, l.Backbone.Vocab+l.Latent.Think, l.Latent.Query)
}

func (l layout) injectIDs(tokens []int64, k int) []int64 {
	return appendIDs(tokens, l.Backbone.Vocab+l.Latent.Think+l.Latent.Query, k)
}

func appendIDs(tokens []int64, first, n int) []int64 {
	for i := range n {
		tokens = append(tokens, int64(first+i))
	}
	return tokens
}

// passageSpan is the most tokens that one passage takes.
func (l layout) passageSpan() int { return len(l.Prompt.Passage) + l.Limits.PassageTokens }

// span is how many tokens passages take in a pass.
func (l layout) span(reads []*passage) int {
	n := 0
	for _, p := range reads {
		n += len(l.Prompt.Passage) + len(p.tokens)
	}
	return n
}

// closing is how much room must be left after what a pass reads, so that the
// question can be answered whichever way the pass ends: the think tokens, then
// either the query tokens, which are rolled back, or the answer.
func (l layout) closing() int {
	return l.Latent.Think + max(l.Latent.Query, len(l.Prompt.Answer)+l.Limits.AnswerTokens)
}

// longest is the room that a question of so many tokens can come to need: for
// itself, what its hops read, and the answer, or, when that is given, for the
// words of a hop's latents.
func (l layout) longest(questionTokens, hops, passagesPerHop int) int {
	n := len(l.Prompt.Question) + questionTokens + l.closing()
	n += hops * (l.Latent.Think + l.Latent.Query + passagesPerHop*l.passageSpan())
	n = max(n,
		len(l.Prompt.Thought)+l.Latent.Think+l.Limits.ThoughtTokens,
		len(l.Prompt.Subquery)+l.Latent.Query+l.Limits.SubqueryTokens)
	return min(n, l.Backbone.MaxPositions)
}

// tokenBytes is the memory of one token's keys and values, in float32.
func (l layout) tokenBytes() int {
	return l.Backbone.Layers * 2 * l.Backbone.KVHeads * l.Backbone.HeadDim * 4
}
