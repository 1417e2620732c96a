package adopt

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/progress"
)

// display shows how far a job is: on a terminal one line that changes, elsewhere
// a line now and then. The node knows the speed, since it may have begun long
// before this tool.
type display struct {
	out      io.Writer
	terminal bool
	last     time.Time
	text     string
}

func newDisplay(out io.Writer) *display {
	d := &display{out: out}
	if file, ok := out.(*os.File); ok {
		d.terminal = term.IsTerminal(int(file.Fd()))
	}
	return d
}

func (d *display) show(job *client.Adoption) { d.say(status(job)) }

func (d *display) say(text string) {
	switch {
	case text == d.text:
	case d.terminal:
		fmt.Fprintf(d.out, "\r\033[K    %s", text)
		d.text = text
	case time.Since(d.last) >= progress.LineInterval:
		fmt.Fprintln(d.out, "    "+text)
		d.text, d.last = text, time.Now()
	}
}

// end leaves the last line.
func (d *display) end() {
	if d.terminal && d.text != "" {
		fmt.Fprintln(d.out)
	}
}

// status is a job in a line.
func status(job *client.Adoption) string {
	if job.State == client.AdoptionRunning && job.Objects == 0 && len(job.Elsewhere()) == 0 {
		return fmt.Sprintf("%s.%s: beginning", job.Collection, job.Vector)
	}
	about, elsewhere := "", job.Elsewhere()
	if job.Uncounted > 0 {
		about = "about "
	}
	line := fmt.Sprintf("%s.%s: %s of %s%s objects", job.Collection, job.Vector, grouped(job.Done), about, grouped(job.Objects))
	if len(elsewhere) > 0 {
		line += " of " + job.Node
	}
	if job.State != client.AdoptionRunning {
		return line + ", " + job.State
	}
	switch {
	case job.Waiting:
		line += ", waiting for writers to end"
	case job.PerSecond > 0:
		line += fmt.Sprintf(", %.0f a second", job.PerSecond)
	}
	if job.SecondsLeft > 0 {
		line += ", " + time.Duration(job.SecondsLeft*float64(time.Second)).Round(time.Second).String() + " left"
	}
	if len(elsewhere) > 0 {
		line += "; " + nodesText(elsewhere)
	}
	return line
}

// grouped writes a number with a comma before every three digits.
func grouped(n int) string {
	if n < 0 {
		return "-" + grouped(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}
