package module

import (
	"github.com/weaviate/weaviate/entities/search"
	"github.com/weaviate/weaviate/usecases/traverser/hybrid"
)

// hit is an object that a hop found, and its places, from 1, among what the
// sides of the search found; 0 where a side did not find it.
type hit struct {
	search.Result
	vectorRank, keywordRank int
}

// fuse puts the results of both sides in the order of Weaviate's relative score
// fusion: each side's scores are stretched to 0 to 1, and their sum weighted
// with alpha for the vector side is the Score of a hit. An object that both
// sides found is the vector side's, which knows its distance.
func fuse(alpha float64, vector, keyword []search.Result) []hit {
	type ranks struct{ vector, keyword int }
	places := make(map[string]ranks, len(vector)+len(keyword))
	byVector := make([]*search.Result, len(vector))
	for i, r := range vector {
		r.SecondarySortValue = 1 - r.Dist
		byVector[i] = &r
		places[string(r.ID)] = ranks{vector: i + 1}
	}
	byKeyword := make([]*search.Result, len(keyword))
	for i, r := range keyword {
		r.SecondarySortValue = r.Score
		byKeyword[i] = &r
		p := places[string(r.ID)]
		p.keyword = i + 1
		places[string(r.ID)] = p
	}
	fused := hybrid.FusionRelativeScore([]float64{alpha, 1 - alpha},
		[][]*search.Result{byVector, byKeyword}, []string{"vector", "keyword,bm25"}, true)
	hits := make([]hit, len(fused))
	for i, r := range fused {
		p := places[string(r.ID)]
		hits[i] = hit{*r, p.vector, p.keyword}
		if p.vector > 0 {
			hits[i].Result = vector[p.vector-1]
			hits[i].Score, hits[i].ExplainScore = r.Score, r.ExplainScore
		}
	}
	return hits
}
