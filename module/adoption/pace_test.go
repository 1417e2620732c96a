package adoption

import (
	"context"
	"errors"
	"testing"
	"time"
)

// busy is how many searches run, one less each time that it is asked.
type busy int

func (b *busy) Busy() int {
	if *b > 0 {
		*b--
	}
	return int(*b)
}

func TestPaceWithARate(t *testing.T) {
	if got := newPace(0, nil).batch(); got != batchSize {
		t.Errorf("without a rate: %d", got)
	}
	for rate, want := range map[int]int{1: 1, 10: 10, 100_000: batchSize} {
		p := newPace(rate, nil)
		if got := p.batch(); got != want {
			t.Errorf("rate %d: batches of %d", rate, got)
		}
		if err := p.embed(t.Context(), p.batch()); err != nil {
			t.Errorf("rate %d: %v", rate, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newPace(1, nil).embed(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Embedding waits for searches only where the kernel does not see to it; storing
// always does.
func TestPaceYields(t *testing.T) {
	for name, tt := range map[string]struct {
		kernel bool
		wait   func(*pace, context.Context) error
		waits  bool
	}{
		"embedding":                       {false, func(p *pace, ctx context.Context) error { return p.embed(ctx, 1) }, true},
		"embedding where the kernel sees": {true, func(p *pace, ctx context.Context) error { return p.embed(ctx, 1) }, false},
		"storing":                         {true, (*pace).store, true},
	} {
		t.Run(name, func(t *testing.T) {
			traffic := busy(3)
			p := newPace(0, &traffic)
			p.kernel, p.enough = tt.kernel, 1
			if err := tt.wait(p, t.Context()); err != nil || (traffic == 0) != tt.waits {
				t.Errorf("%d searches are left, %v", traffic, err)
			}
			traffic = 3
			p.enough = 4
			if err := tt.wait(p, t.Context()); err != nil || traffic < 2 {
				t.Errorf("it waited with processors to spare: %d are left, %v", traffic, err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := tt.wait(p, ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSpeed(t *testing.T) {
	var s speed
	at := time.UnixMilli(0)
	if got := s.perSecond(at); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	// Batches that are embedded side by side end together.
	s.begin(at)
	for range 2 {
		s.add(at.Add(2*time.Second), 30)
	}
	if got := s.perSecond(at.Add(2 * time.Second)); got != 30 {
		t.Errorf("of the first batches: %v", got)
	}
	s = speed{}
	s.begin(at)
	for range 200 {
		at = at.Add(time.Second)
		s.add(at, 30)
	}
	if got := s.perSecond(at); got != 30 {
		t.Errorf("got %v", got)
	}
	if len(s.marks) > 64 {
		t.Errorf("%d marks are kept", len(s.marks))
	}
	if got := s.perSecond(at.Add(time.Hour)); got != 0 {
		t.Errorf("an hour later: %v", got)
	}
}
