package adoption

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// Traffic tells what else a node is doing.
type Traffic interface {
	// Busy is how many questions and searches run at this moment.
	Busy() int
}

const (
	// yieldFor is how long a batch waits at most for the node to have nothing else
	// to do: the job goes on under load too, with fewer batches.
	yieldFor = 250 * time.Millisecond
	// yieldStep is how often it looks.
	yieldStep = 2 * time.Millisecond
)

// pace bounds how fast a node fills.
type pace struct {
	limit   *rate.Limiter // nil without a rate
	traffic Traffic
}

func newPace(perSecond int, traffic Traffic) *pace {
	p := &pace{traffic: traffic}
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

// wait returns when n objects may be embedded; n is at most batch.
func (p *pace) wait(ctx context.Context, n int) error {
	if p.limit != nil {
		return p.limit.WaitN(ctx, n)
	}
	if p.traffic == nil {
		return ctx.Err()
	}
	until := time.Now().Add(yieldFor)
	for p.traffic.Busy() > 0 && time.Now().Before(until) {
		if err := sleep(ctx, yieldStep); err != nil {
			return err
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

// add counts objects that were dealt with.
func (s *speed) add(now time.Time, n int) {
	if len(s.marks) == 0 {
		s.marks = append(s.marks, mark{at: now})
	}
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
