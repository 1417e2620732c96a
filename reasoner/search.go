package reasoner

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// search looks for what hop asks and returns the passages that are new to the
// question, best first.
func (a *asking) search(ctx context.Context, hop *Hop, limit int) ([]*passage, error) {
	return a.searchAll(ctx, hop, limit, false)
}

// searchAll is search that, with again, also returns passages that earlier hops
// found. Only new ones count as found by this hop.
func (a *asking) searchAll(ctx context.Context, hop *Hop, limit int, again bool) ([]*passage, error) {
	// The first search is what a question gets at least; later ones may not
	// outlast the budget.
	searchCtx := ctx
	if !a.deadline.IsZero() && hop.N > 1 {
		var cancel context.CancelFunc
		searchCtx, cancel = context.WithDeadline(ctx, a.deadline)
		defer cancel()
	}
	q := Query{
		Vector: slices.Clone(hop.Vector),
		Text:   a.asked,
		Words:  slices.Clone(hop.Focus),
		Limit:  limit,
	}
	if !again {
		q.Exclude = slices.Clone(a.ids)
	}
	done := a.since()
	got, err := a.searcher.Search(searchCtx, q)
	a.slowest = max(a.slowest, done(&hop.Search))
	if err != nil {
		if ctx.Err() == nil && searchCtx.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
			return nil, nil // the budget ended in it
		}
		return nil, fmt.Errorf("hop %d: search: %w", hop.N, err)
	}

	var reads []*passage
	for _, p := range got {
		if len(reads) == limit {
			break
		}
		if known := a.known[p.ID]; known != nil {
			if again && !slices.Contains(reads, known) {
				reads = append(reads, known)
			}
			continue
		}
		fresh := &passage{
			Evidence: Evidence{ID: p.ID, Hop: hop.N, Rank: len(hop.IDs) + 1, Distance: p.Distance},
			line:     newLine(p.Text),
		}
		a.known[p.ID] = fresh
		a.ids = append(a.ids, p.ID)
		a.found = append(a.found, fresh)
		hop.IDs = append(hop.IDs, p.ID)
		hop.Distances = append(hop.Distances, p.Distance)
		hop.Found = append(hop.Found, Found{
			ID: p.ID, Distance: p.Distance, Score: p.Score, VectorRank: p.VectorRank, KeywordRank: p.KeywordRank,
		})
		reads = append(reads, fresh)
	}
	return reads, nil
}
