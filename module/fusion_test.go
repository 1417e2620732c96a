package module

import (
	"math"
	"testing"

	"github.com/weaviate/weaviate/entities/search"
)

func TestFusionIsWeaviatesRelativeScore(t *testing.T) {
	vector := []search.Result{{ID: "a", Dist: 0.2}, {ID: "b", Dist: 0.4}, {ID: "c", Dist: 0.6}}
	keyword := []search.Result{{ID: "d", Score: 9}, {ID: "b", Score: 6}, {ID: "e", Score: 3}}
	hits := fuse(0.25, vector, keyword)
	want := []hit{
		{search.Result{ID: "d", Score: 0.75}, 0, 1},
		{search.Result{ID: "b", Score: 0.25*0.5 + 0.75*0.5, Dist: 0.4}, 2, 2},
		{search.Result{ID: "a", Score: 0.25, Dist: 0.2}, 1, 0},
		{search.Result{ID: "c", Dist: 0.6}, 3, 0},
		{search.Result{ID: "e"}, 0, 3},
	}
	if len(hits) != len(want) {
		t.Fatalf("%d hits", len(hits))
	}
	// The last two score alike; their order is Weaviate's.
	if hits[3].ID != "c" {
		hits[3], hits[4] = hits[4], hits[3]
	}
	for i, w := range want {
		h := hits[i]
		if h.ID != w.ID || h.vectorRank != w.vectorRank || h.keywordRank != w.keywordRank || h.Dist != w.Dist {
			t.Errorf("place %d: %s of ranks %d and %d at %v, want %s of %d and %d at %v", i+1,
				h.ID, h.vectorRank, h.keywordRank, h.Dist, w.ID, w.vectorRank, w.keywordRank, w.Dist)
		}
		if math.Abs(float64(h.Score-w.Score)) > 1e-6 {
			t.Errorf("%s scores %v, want %v", h.ID, h.Score, w.Score)
		}
	}
	if vector[1].Score != 0 || keyword[1].SecondarySortValue != 0 {
		t.Error("the sides' own results were changed")
	}
}

func TestFusionOfOneSide(t *testing.T) {
	one := []search.Result{{ID: "a", Dist: 0.5, Score: 2}}
	for _, tt := range []struct {
		vector, keyword []search.Result
		want            int
	}{{nil, nil, 0}, {one, nil, 1}, {nil, one, 1}} {
		if got := fuse(0.5, tt.vector, tt.keyword); len(got) != tt.want {
			t.Errorf("%v", got)
		}
	}
}
