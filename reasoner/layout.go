package reasoner

import "github.com/latentask/latentask/internal/bundle"

// layout is what a manifest says about sequences; the package comment draws
// one. A bundle's manifest has been checked: the constant pieces are not empty,
// and the longest question with limits.hops times limits.passages passages fits
// backbone.max_positions.
type layout struct{ *bundle.Manifest }

// hasPointer, hasSupport and hasTwin say what the bundle has beyond the loop:
// the pointer, the support of passages, and the twin that writes its subqueries.
func (l layout) hasPointer() bool { return l.has(bundle.PointerFile) }
func (l layout) hasSupport() bool { return l.has(bundle.SupportFile) }
func (l layout) hasTwin() bool    { return l.has(bundle.ExplicitFile) }

func (l layout) has(file string) bool { _, ok := l.Files[file]; return ok }

// ends says whether a token ends a text.
func (l layout) ends(id int64) bool { return id == l.Backbone.EOS || id == l.Backbone.Newline }

// thoughtIDs and subqueryIDs are what the twin writes a thought and a subquery
// behind; each begins a line.
func (l layout) thoughtIDs() []int64  { return l.onNewLine(l.Prompt.Thought) }
func (l layout) subqueryIDs() []int64 { return l.onNewLine(l.Prompt.Subquery) }

func (l layout) onNewLine(ids []int64) []int64 {
	return append([]int64{l.Backbone.Newline}, ids...)
}

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

// closing are the tokens behind what was read, after which either an answer or a
// query begins: the think tokens, or the twin's prompt for a thought.
func (l layout) closing(m Mode) []int64 {
	if m == ModeExplicit {
		return l.thoughtIDs()
	}
	return l.thinkIDs(nil)
}

// querying is how many tokens a query takes behind closing, at most.
func (l layout) querying(m Mode) int {
	if m == ModeExplicit {
		return l.Limits.ThoughtTokens + len(l.subqueryIDs()) + l.Limits.SubqueryTokens
	}
	return l.Latent.Query
}

// behind is how much room must be left after what a pass reads, so that the
// question can be answered whichever way the pass ends: closing, then either a
// query, which is rolled back, or the answer.
func (l layout) behind(m Mode) int {
	return len(l.closing(m)) + max(l.querying(m), len(l.Prompt.Answer)+l.Limits.AnswerTokens)
}

// longest is the room that a question of so many tokens can come to need: for
// itself, what its hops read, and the answer, or, when that is given, for the
// words of a hop's latents.
func (l layout) longest(m Mode, questionTokens, hops, passagesPerHop int) int {
	n := len(l.Prompt.Question) + questionTokens + l.behind(m)
	n += hops * (len(l.closing(m)) + l.querying(m) + passagesPerHop*l.passageSpan())
	thought, subquery := l.ToldSequences()
	return min(max(n, thought, subquery), l.Backbone.MaxPositions)
}

// tokenBytes is the memory of one token's keys and values.
func (l layout) tokenBytes() int {
	bytes := 4
	if l.Backbone.Cache == bundle.CacheFloat16 {
		bytes = 2
	}
	return l.Backbone.Layers * 2 * l.Backbone.KVHeads * l.Backbone.HeadDim * bytes
}
