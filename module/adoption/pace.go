package adoption

import (
	"context"
	"runtime"
	"time"

	"golang.org/x/time/rate"
)

// Traffic tells what else a node is doing.
type Traffic interface {
	// Busy is how many questions and searches run at this moment.
	Busy() int
}

const (
	// embedYield and storeYield are how long embedding a batch and storing a group
	// wait at most for searches to end: the job goes on under load too. Storing is
	// at ordinary priority, since it holds locks that writers wait for, and a group
	// takes a few milliseconds.
	embedYield = 250 * time.Millisecond
	storeYield = 10 * time.Millisecond
	// yieldStep is how often they look.
	yieldStep = 2 * time.Millisecond
)

// pace bounds how fast a node fills, and lets its traffic go first.
type pace struct {
	limit   *rate.Limiter // nil without a rate
	traffic Traffic       // nil where there is none to yield to
	// enough is how many searches take up the processors.
	enough int
	// kernel: the kernel lets traffic go before embedding, without waiting here.
	kernel bool
}

func newPace(perSecond int, traffic Traffic) *pace {
	p := &pace{traffic: traffic, enough: max(1, runtime.GOMAXPROCS(0)/2)}
	if perSecond > 0 {
		p.limit = rate.NewLimiter(rate.Limit(perSecond), max(1, min(perSecond, batchSize)))
	}
	return p
}

// batch is how many objects may be embedded at once.
func (p *pace) batch() int {
	if p.limit == nil {
		return batchSize
	}
	return p.limit.Burst()
}

// embed returns when n objects may be embedded; n is at most batch.
func (p *pace) embed(ctx context.Context, n int) error {
	switch {
	case p.limit != nil:
		return p.limit.WaitN(ctx, n)
	case p.kernel:
		return ctx.Err()
	default:
		return p.yield(ctx, embedYield)
	}
}

// store returns when a group may be stored.
func (p *pace) store(ctx context.Context) error { return p.yield(ctx, storeYield) }

// yield waits while searches take up the processors.
func (p *pace) yield(ctx context.Context, atMost time.Duration) error {
	if p.traffic != nil {
		until := time.Now().Add(atMost)
		for p.traffic.Busy() >= p.enough && time.Now().Before(until) {
			if err := sleep(ctx, yieldStep); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// speed measures objects a second over the last minute or so.
type speed struct {
	marks []mark // oldest first
	total int
}

type mark struct {
	at    time.Time
	total int
}

const speedWindow = time.Minute

// begin counts the time from now on, where nothing is counted yet: the first
// batches end together.
func (s *speed) begin(now time.Time) {
	if len(s.marks) == 0 {
		s.marks = append(s.marks, mark{at: now, total: s.total})
	}
}

// add counts objects that were dealt with.
func (s *speed) add(now time.Time, n int) {
	s.begin(now)
	s.total += n
	s.marks = append(s.marks, mark{at: now, total: s.total})
	for len(s.marks) > 2 && now.Sub(s.marks[1].at) > speedWindow {
		s.marks = s.marks[1:]
	}
}

// perSecond is 0 where too little is known.
func (s *speed) perSecond(now time.Time) float64 {
	if len(s.marks) < 2 {
		return 0
	}
	first, last := s.marks[0], s.marks[len(s.marks)-1]
	seconds := last.at.Sub(first.at).Seconds()
	if seconds <= 0 || now.Sub(last.at) > speedWindow {
		return 0
	}
	return float64(last.total-first.total) / seconds
}
