package nodebuild

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows a build: a bar on a terminal, else a line now and then.
type progress struct {
	total, done int
	bar         *progressbar.ProgressBar // on a terminal
	lines       io.Writer                // elsewhere
	started     time.Time
	stop        chan struct{}
	packages    chan string
	finished    chan struct{}
}

// lineInterval is the time between two lines of progress where there is no bar.
const lineInterval = 15 * time.Second

func newProgress(out io.Writer, total int) *progress {
	p := &progress{
		total: total, started: time.Now(),
		stop: make(chan struct{}), packages: make(chan string), finished: make(chan struct{}),
	}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		p.bar = progressbar.NewOptions(max(total, 1),
			progressbar.OptionSetWriter(out),
			progressbar.OptionSetDescription("compiling"),
			progressbar.OptionShowCount(),
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionClearOnFinish(),
		)
	} else if out != nil {
		p.lines = out
	}
	go p.show()
	return p
}

// read follows go's -v output to its end: package paths are counted, the rest
// is returned.
func (p *progress) read(r io.Reader) string {
	var rest strings.Builder
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		line := scanner.Text()
		if line == "" || strings.ContainsAny(line, " \t:") {
			rest.WriteString(line + "\n")
			continue
		}
		p.packages <- line
	}
	// A line beyond the buffer ends the scan; go must not block on the pipe.
	_, _ = io.Copy(io.Discard, r)
	return rest.String()
}

// show owns the counter and the output until close.
func (p *progress) show() {
	defer close(p.finished)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := p.started
	for {
		select {
		case <-p.stop:
			if p.bar != nil {
				_ = p.bar.Finish()
			}
			return
		case <-p.packages:
			p.done++
			if p.bar != nil {
				_ = p.bar.Set(min(p.done, p.total))
			}
		case now := <-tick.C:
			if p.bar != nil {
				p.bar.Describe(p.stage())
				continue
			}
			if p.lines != nil && now.Sub(last) >= lineInterval {
				last = now
				fmt.Fprintf(p.lines, "    %s: %d of %d packages, %d s\n", p.stage(), p.done, p.total, int(now.Sub(p.started).Seconds()))
			}
		}
	}
}

// stage names what go is at: it links when all packages are compiled.
func (p *progress) stage() string {
	if p.done >= p.total {
		return "linking"
	}
	return "compiling"
}

// close ends the display; it must be called once, after read.
func (p *progress) close() {
	close(p.stop)
	<-p.finished
}
