package fit

import (
	"math"
	"slices"
)

// BinWidth is the width of a histogram's bins.
const BinWidth = 0.05

// Space is how far apart the vectors of random objects lie.
type Space struct {
	// Vectors is how many were compared, each with each; Pairs how many pairs
	// that are.
	Vectors int `json:"vectors"`
	Pairs   int `json:"pairs"`
	// Mean, Deviation (the standard one) and Median are of the pairs' cosines, P5
	// and P95 the values that a twentieth lie below and above.
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"`
	Median    float64 `json:"median"`
	P5        float64 `json:"p5"`
	P95       float64 `json:"p95"`
	// Histogram has the bins from the lowest cosine to the highest.
	Histogram []Bin `json:"histogram"`
}

// Bin is the share of the pairs whose cosine is at least From and below
// From + BinWidth.
type Bin struct {
	From  float64 `json:"from"`
	Share float64 `json:"share"`
}

// SpaceOf compares vectors of one length, each with each. Empty and zero
// vectors are left out. ok is false where no two are left.
func SpaceOf(vectors [][]float32) (s Space, ok bool) {
	var units [][]float32
	for _, v := range vectors {
		if u := unit(v); u != nil && (len(units) == 0 || len(u) == len(units[0])) {
			units = append(units, u)
		}
	}
	if len(units) < 2 {
		return Space{}, false
	}
	var cosines []float64
	for i, a := range units {
		for _, b := range units[i+1:] {
			var dot float64
			for k := range a {
				dot += float64(a[k]) * float64(b[k])
			}
			cosines = append(cosines, min(1, max(-1, dot)))
		}
	}
	slices.Sort(cosines)
	var sum, squares float64
	for _, c := range cosines {
		sum += c
		squares += c * c
	}
	n := float64(len(cosines))
	mean := sum / n
	return Space{
		Vectors: len(units), Pairs: len(cosines),
		Mean: mean, Deviation: math.Sqrt(max(0, squares/n-mean*mean)),
		Median: Median(cosines), P5: quantile(cosines, 0.05), P95: quantile(cosines, 0.95),
		Histogram: histogram(cosines),
	}, true
}

// unit is a vector of length one, nil where it has none.
func unit(v []float32) []float32 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 || math.IsNaN(sum) || math.IsInf(sum, 0) {
		return nil
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) / math.Sqrt(sum))
	}
	return out
}

// histogram of sorted cosines.
func histogram(sorted []float64) []Bin {
	// One is in the last bin below it.
	last := int(math.Round(1/BinWidth)) - 1
	at := func(c float64) int { return min(last, int(math.Floor(c/BinWidth+1e-9))) }
	low, high := at(sorted[0]), at(sorted[len(sorted)-1])
	bins := make([]Bin, high-low+1)
	for i := range bins {
		bins[i].From = math.Round(100*BinWidth*float64(low+i)) / 100
	}
	for _, c := range sorted {
		bins[at(c)-low].Share += 1 / float64(len(sorted))
	}
	return bins
}

// quantile of sorted values, by the nearest rank.
func quantile[T any](sorted []T, q float64) T {
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}
