package module

import (
	"math"
	"testing"

	"github.com/weaviate/weaviate/entities/vectorindex/common"
)

func TestDistanceIsThatOfTheIndex(t *testing.T) {
	query := []float32{0.6, 0.8}
	for _, tt := range []struct {
		distance string
		stored   []float32
		want     float64
	}{
		{common.DistanceCosine, []float32{3, 4}, 0},
		{"", []float32{-3, -4}, 2},
		{common.DistanceDot, []float32{3, 4}, -5},
		{common.DistanceL2Squared, []float32{0.6, 1.8}, 1},
		{common.DistanceCosine, nil, noDistance},
		{common.DistanceDot, []float32{1, 2, 3}, noDistance},
		{common.DistanceL2Squared, []float32{float32(math.Inf(1)), 0}, noDistance},
		{common.DistanceDot, []float32{float32(math.NaN()), 0}, noDistance},
	} {
		got := float64((&target{distance: tt.distance}).distanceTo(tt.stored, query))
		if math.Abs(got-tt.want) > 1e-6 {
			t.Errorf("%s of %v: %v, want %v", tt.distance, tt.stored, got, tt.want)
		}
	}
}
