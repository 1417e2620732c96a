package reasoner

import "time"

// pace tells from the passes of a question what its next ones will take. It
// keeps the slowest of each kind, so that the reserve for the answer is rather
// too large than too small.
type pace struct {
	perToken time.Duration // of a pass that reads
	pass     time.Duration // the shortest pass of several tokens
	step     time.Duration // of a pass of one token with its head
	compose  time.Duration // of a query vector
	search   time.Duration
	excerpt  time.Duration // of choosing the sentences of long passages
}

func (p *pace) read(tokens int, took time.Duration) {
	p.perToken = max(p.perToken, took/time.Duration(max(tokens, 1)))
	if p.pass == 0 || took < p.pass {
		p.pass = took
	}
}

// reading is the time that a pass of so many tokens takes.
func (p *pace) reading(tokens int) time.Duration { return time.Duration(tokens) * p.perToken }

// writing is the time that so many tokens of text take. Before the first is
// measured it is half of the shortest pass: a step is bound by reading the
// weights, as a short pass is.
func (p *pace) writing(tokens int) time.Duration {
	step := p.step
	if step == 0 {
		step = p.pass / 2
	}
	return time.Duration(tokens) * step
}

// timer counts against a question's deadline, if it has one.
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
