package module

import (
	"math"

	"github.com/weaviate/weaviate/adapters/repos/db/vector/hnsw/distancer"
	"github.com/weaviate/weaviate/entities/vectorindex/common"
)

// noDistance is that of an object without a vector to compare. Weaviate has no
// place for none, and JSON no word for an infinite one.
const noDistance = math.MaxFloat32

// distanceTo is the distance of a stored vector to a query's, as the target's
// index measures it, or noDistance.
func (t *target) distanceTo(stored, query []float32) float32 {
	var provider distancer.Provider
	switch t.distance {
	case common.DistanceDot:
		provider = distancer.NewDotProductProvider()
	case common.DistanceL2Squared:
		provider = distancer.NewL2SquaredProvider()
	default: // an index that names none compares by cosine
		provider = distancer.NewCosineDistanceProvider()
		stored, query = distancer.Normalize(stored), distancer.Normalize(query)
	}
	d, err := provider.SingleDist(stored, query)
	if err != nil || len(stored) == 0 || math.IsNaN(float64(d)) || math.IsInf(float64(d), 0) {
		return noDistance
	}
	return d
}

// passageDistance is a distance as the engine knows it.
func passageDistance(d float32) float32 {
	if d == noDistance {
		return float32(math.NaN())
	}
	return d
}
