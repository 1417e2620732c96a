package reasoner

import (
	"sync"
	"time"
)

// pace tells from measured passes what the next ones will take. An engine keeps
// one for all of its questions, since it is the machine that sets it; Open's
// rehearsal fills it in, but for excerpts, which cost nothing until one was
// made. It only ever decides how much a question with a budget reads.
type pace struct {
	mu       sync.Mutex
	tokens   rate // of passes of several tokens
	steps    rate // passes of one token, with the head
	vectors  rate // query vectors
	passages rate // choosing what to read of them
}

// caution is the part by which reading is taken to be slower than measured:
// tokens behind a long context take longer than the average.
const caution = 0.25

// measure adds a measurement to one of the pace's rates.
func (p *pace) measure(r *rate, items int, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.add(items, took)
}

// reading is the time that a pass of so many tokens takes, which is never less
// than a step: a short pass is bound by reading the weights.
func (p *pace) reading(tokens int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.steps.of(1), p.tokens.of(float64(tokens)*(1+caution)))
}

// writing is the time that so many tokens of text take.
func (p *pace) writing(tokens int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.steps.of(float64(tokens))
}

// composing is the time that a query vector takes.
func (p *pace) composing() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.vectors.of(1)
}

// choosing is the time that it takes to choose what to read of so many passages.
func (p *pace) choosing(passages int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passages.of(float64(passages))
}

// rate is a smoothed time an item: each measurement leaves those before it
// three quarters of their weight, and many items weigh more than few.
type rate struct{ took, items float64 }

func (r *rate) add(items int, took time.Duration) {
	const kept = 0.75
	r.took = kept*r.took + float64(took)
	r.items = kept*r.items + float64(items)
}

// of is the time of so many items, 0 before the first measurement.
func (r *rate) of(items float64) time.Duration {
	if r.items == 0 {
		return 0
	}
	return time.Duration(items * r.took / r.items)
}

// timer counts against a deadline, if it has one.
type timer struct {
	now      func() time.Time
	deadline time.Time // zero: none
}

// allows reports whether d still fits before the deadline.
func (t *timer) allows(d time.Duration) bool {
	return t.deadline.IsZero() || t.now().Add(d).Before(t.deadline)
}

// since starts to measure; the function returned adds what has passed to each
// of its arguments, and returns it.
func (t *timer) since() func(into ...*time.Duration) time.Duration {
	start := t.now()
	return func(into ...*time.Duration) time.Duration {
		took := t.now().Sub(start)
		for _, d := range into {
			*d += took
		}
		return took
	}
}
