package eval

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Resamples is how many times the bootstrap draws; its seed is fixed, so the
// same records give the same intervals.
const (
	Resamples     = 10_000
	bootstrapSeed = 20_240_229
)

// Interval is the middle 95% of what resampling gives.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// mean of values; 0 of none.
func mean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// quantile of values by linear interpolation between the two nearest; 0 of none.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	below := int(at)
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[below] + (at-float64(below))*(sorted[below+1]-sorted[below])
}

// bootstrap95 is the interval of the mean of values. Values of the same length
// are drawn alike, so the interval of a difference is that of the differences
// row by row.
func bootstrap95(values []float64) Interval {
	n := len(values)
	if n == 0 {
		return Interval{}
	}
	random := rand.New(rand.NewPCG(bootstrapSeed, uint64(n)))
	means := make([]float64, Resamples)
	for i := range means {
		sum := 0.0
		for range n {
			sum += values[random.IntN(n)]
		}
		means[i] = sum / float64(n)
	}
	slices.Sort(means)
	return Interval{Low: quantile(means, 0.025), High: quantile(means, 0.975)}
}

// scored is an answer's confidence and whether it was right.
type scored struct {
	confidence, right float64
}

// Calibration tells how far confidence says how often an answer is right.
type Calibration struct {
	// N answers that could be right, abstentions by name left out.
	N int `json:"n"`
	// ECE is the expected calibration error: the mean over answers of how far
	// the mean confidence of their bin is from the share of it that is right.
	ECE float64 `json:"ece"`
	// Bins are ten of equal width, those without an answer left out.
	Bins []Bin `json:"bins"`
}

// Bin holds the answers whose confidence is above Low (or 0) and at most High.
type Bin struct {
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	N          int     `json:"n"`
	Confidence float64 `json:"confidence"`
	Right      float64 `json:"right"`
}

// calibrationBins is how many bins of equal width there are.
const calibrationBins = 10

func calibrate(answers []scored) *Calibration {
	if len(answers) == 0 {
		return nil
	}
	var confidences, rights [calibrationBins][]float64
	for _, a := range answers {
		bin := 0
		// A confidence on an edge belongs to the bin below it.
		for bin < calibrationBins-1 && a.confidence > float64(bin+1)/calibrationBins {
			bin++
		}
		confidences[bin] = append(confidences[bin], a.confidence)
		rights[bin] = append(rights[bin], a.right)
	}
	c := &Calibration{N: len(answers)}
	for i := range calibrationBins {
		n := len(rights[i])
		if n == 0 {
			continue
		}
		b := Bin{
			Low: float64(i) / calibrationBins, High: float64(i+1) / calibrationBins, N: n,
			Confidence: mean(confidences[i]), Right: mean(rights[i]),
		}
		c.Bins = append(c.Bins, b)
		c.ECE += float64(n) / float64(len(answers)) * abs(b.Confidence-b.Right)
	}
	return c
}

func abs(f float64) float64 { return max(f, -f) }

// RiskPoint is one way to trade answers for mistakes: with Threshold as the
// least confidence, Coverage is the share of all questions that are answered
// and Risk the share of these answers that is wrong.
type RiskPoint struct {
	Threshold float64 `json:"threshold"`
	Coverage  float64 `json:"coverage"`
	Risk      float64 `json:"risk"`
}

// maxRiskPoints bounds the points of a curve.
const maxRiskPoints = 50

// riskCoverage is the curve over all thresholds, for n questions of which
// answers were given. Answers of the same confidence stand or fall together.
func riskCoverage(answers []scored, n int) []RiskPoint {
	sorted := slices.SortedStableFunc(slices.Values(answers), func(a, b scored) int {
		return cmp.Compare(b.confidence, a.confidence)
	})
	var points []RiskPoint
	wrong := 0.0
	for i, a := range sorted {
		wrong += 1 - a.right
		if i+1 < len(sorted) && sorted[i+1].confidence == a.confidence {
			continue
		}
		points = append(points, RiskPoint{
			Threshold: a.confidence,
			Coverage:  float64(i+1) / float64(n),
			Risk:      wrong / float64(i+1),
		})
	}
	if len(points) <= maxRiskPoints {
		return points
	}
	var thinned []RiskPoint
	for i := range maxRiskPoints {
		thinned = append(thinned, points[(i+1)*len(points)/maxRiskPoints-1])
	}
	return thinned
}
