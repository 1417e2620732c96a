package vectorizer

import (
	"cmp"
	"slices"
)

// maxPadding is the share of a batch's tokens that may be padding.
const maxPadding = 0.1

// batch is a group of texts that run together, padded to one length.
type batch struct {
	texts  []int // indices
	length int   // in tokens, of the longest
}

// plan groups texts, given by their ids, into batches of at most maxTokens padded
// tokens (one text may have more) and at most a tenth of padding. Longest first,
// so that a call that will run out of memory does so at once. The order of texts
// of one length is theirs, so the same texts always make the same batches.
func plan(ids [][]int64, maxTokens int) []batch {
	order := make([]int, len(ids))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(ids[b]), len(ids[a])) })

	var batches []batch
	var current batch
	tokens := 0 // of the current batch, without padding
	for _, text := range order {
		n := len(ids[text])
		padded := current.length * (len(current.texts) + 1)
		if len(current.texts) > 0 && (padded > maxTokens || float64(padded-tokens-n) > maxPadding*float64(padded)) {
			batches = append(batches, current)
			current, tokens = batch{}, 0
		}
		if len(current.texts) == 0 {
			current.length = n
		}
		current.texts = append(current.texts, text)
		tokens += n
	}
	if len(current.texts) > 0 {
		batches = append(batches, current)
	}
	return batches
}
