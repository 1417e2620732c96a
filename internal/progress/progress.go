// Package progress shows how far a step is: a bar on a terminal, elsewhere a
// line now and then.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// LineInterval is the time between two lines where there is no bar.
const LineInterval = 5 * time.Second

// Step is one step that takes time. Its methods are safe for concurrent use.
type Step struct {
	label string
	total int
	start time.Time
	bar   *progressbar.ProgressBar // on a terminal
	lines io.Writer                // elsewhere

	mu   sync.Mutex
	done int
	stop chan struct{}
	over sync.WaitGroup
	once sync.Once
}

// Start begins to show a step of total parts; a total of 0 or less is one whose
// length is not known. End must be called.
func Start(out io.Writer, label string, total int) *Step {
	s := &Step{label: label, total: total, start: time.Now(), stop: make(chan struct{})}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		s.bar = newBar(out, label, total)
	} else {
		s.lines = out
	}
	s.over.Add(1)
	go s.show()
	return s
}

func newBar(out io.Writer, label string, total int) *progressbar.ProgressBar {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetDescription("    " + label),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionClearOnFinish(),
	}
	if total <= 0 {
		return progressbar.NewOptions(-1, append(options, progressbar.OptionSpinnerType(14))...)
	}
	return progressbar.NewOptions(total, append(options,
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true))...)
}

// Add tells that n more parts are done.
func (s *Step) Add(n int) {
	s.mu.Lock()
	s.done += n
	s.mu.Unlock()
	if s.bar != nil && s.total > 0 {
		_ = s.bar.Add(n) // a bar that can't be drawn stops nothing
	}
}

// End takes the step off the screen and returns how long it took. It may be
// called more than once.
func (s *Step) End() time.Duration {
	took := time.Since(s.start)
	s.once.Do(func() {
		close(s.stop)
		s.over.Wait()
		if s.bar != nil {
			_ = s.bar.Finish()
		}
	})
	return took
}

func (s *Step) show() {
	defer s.over.Done()
	interval := LineInterval
	if s.bar != nil {
		interval = 200 * time.Millisecond
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			if s.bar != nil {
				if s.total <= 0 {
					_ = s.bar.Add(1) // turns the spinner
				}
				continue
			}
			fmt.Fprintln(s.lines, "    "+s.line())
		}
	}
}

func (s *Step) line() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return text(s.label, s.done, s.total, time.Since(s.start))
}

// text is a line of a step that has run for some time, with the time left at
// the speed so far.
func text(label string, done, total int, ran time.Duration) string {
	seconds := int(ran.Seconds())
	if total <= 0 {
		return fmt.Sprintf("%s: %d s", label, seconds)
	}
	line := fmt.Sprintf("%s: %d of %d, %d s", label, done, total, seconds)
	if done > 0 && done < total && seconds > 0 {
		left := time.Duration(float64(ran) / float64(done) * float64(total-done))
		line += ", " + left.Round(time.Second).String() + " left"
	}
	return line
}
