package reasoner

import (
	"context"
	"fmt"
	"math"
)

const (
	// pointerStarts is for how many starts the pointer tells ends.
	pointerStarts = 8
	// pointerWords is the most words of a pointed span.
	pointerWords = 12
)

// Slots of the pointer, behind the words.
const (
	slotYes = iota
	slotNo
	slotNone
	pointerSlots
)

// readWord is a word that the pointer can point at.
type readWord struct {
	passage    *passage // nil for the question
	part       int      // of the passage's: a span does not go over two
	start, end int      // bytes of what was read
}

// pointed is what the pointer says of W words (padded to pointerStarts).
type pointed struct {
	start  []float32 // [W+3] log probabilities, the slots' last
	starts []int64   // [8] the best words to start at
	end    []float32 // [8,W] logits of the end, by start
}

// pick is the best of the spans from starts and the slots yes and no: words from
// and to, or from < 0 and the slot in to. score is its log probability. none is
// set where the likeliest start of all is the slot none.
func (p pointed) pick(words []readWord) (from, to int, score float64, none bool) {
	width := len(p.start) - pointerSlots
	from, to, score = -1, slotYes, math.Inf(-1)
	for i, s := range p.starts {
		first := int(s)
		if first < 0 || first >= len(words) {
			continue // padding
		}
		last := first + 1
		for last < min(len(words), first+pointerWords) && sameText(words[first], words[last]) {
			last++
		}
		// The end's probability among the words that it may be.
		logits := p.end[i*width+first : i*width+last]
		top := math.Inf(-1)
		for _, v := range logits {
			top = max(top, float64(v))
		}
		sum := 0.0
		for _, v := range logits {
			sum += math.Exp(float64(v) - top)
		}
		norm := top + math.Log(sum)
		for k, v := range logits {
			if c := float64(p.start[first]) + float64(v) - norm; c > score {
				from, to, score = first, first+k, c
			}
		}
	}
	for slot := slotYes; slot <= slotNo; slot++ {
		if c := float64(p.start[width+slot]); c > score {
			from, to, score = -1, slot, c
		}
	}
	none = true
	for i, v := range p.start {
		if (i < len(words) || i >= width) && i != width+slotNone && v >= p.start[width+slotNone] {
			none = false
		}
	}
	return from, to, score, none
}

func sameText(a, b readWord) bool { return a.passage == b.passage && a.part == b.part }

// givePointer has the pointer choose, from the state behind which an answer
// begins. It makes no pass.
func (a *asking) givePointer(ctx context.Context, d *draft) (given, error) {
	p, err := a.model.point(ctx, d.states[0], a.states)
	if err != nil {
		return given{}, err
	}
	from, to, score, none := p.pick(a.words)
	if math.IsNaN(score) || math.IsInf(score, 0) {
		return given{}, fmt.Errorf("the pointer gave a probability that is not finite")
	}
	g := given{by: AnswerByPointer, logprob: score, trust: 1, abstained: none}
	if from < 0 {
		g.text = judgements[to]
		return g, nil
	}
	g.logprob /= 2
	first, last := a.words[from], a.words[to]
	text := a.question.read
	if first.passage != nil {
		text = first.passage.read
	}
	g.text = text[first.start:last.end]
	if first.passage != nil && hasSource(g.text) {
		g.source = first.passage.source(first.start, last.end)
	}
	return g, nil
}
