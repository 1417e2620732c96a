package demo

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/latentask/latentask/internal/client"
)

// report prints questions and keeps count.
type report struct {
	out io.Writer

	asked, correct                  int
	needed, foundByHops, foundByOne int
	completeByHops, completeByOne   int
}

func newReport(out io.Writer) *report { return &report{out: out} }

// question prints one question: answer, hops, and what one search finds.
func (r *report) question(number int, c comparison) {
	reply := c.reply
	fmt.Fprintf(r.out, "\n%d. %s\n\n", number, c.question.Text)
	answer := reply.Answer.Text
	if answer == "" {
		answer = "(none)"
	}
	fmt.Fprintf(r.out, "   answer   %s\n", answer)
	fmt.Fprintf(r.out, "   known    %s\n", strings.Join(c.question.Answers, " | "))
	fmt.Fprintf(r.out, "   %.0f ms (model %.0f, search %.1f), confidence %.2f, stopped by %s\n\n",
		reply.Timings.TotalMs, reply.Timings.ModelMs, reply.Timings.SearchMs, reply.Answer.Confidence, reply.Answer.StoppedBy)
	reply.WriteHops(r.out, func(o client.Object) string {
		mark := " "
		if slices.Contains(c.question.Support, title(o)) {
			mark = "*"
		}
		return mark + " " + title(o)
	})

	byHops, byOne := c.missing(reply.Objects), c.missing(c.single)
	needed := len(c.question.Support)
	fmt.Fprintf(r.out, "   found of the %d passages that it takes (*)\n", needed)
	fmt.Fprintf(r.out, "     latentAsk, %-3d passages   %s\n", len(reply.Objects), found(needed, byHops))
	fmt.Fprintf(r.out, "     one search, %-3d passages  %s\n", len(c.single), found(needed, byOne))

	r.asked++
	r.needed += needed
	r.foundByHops += needed - len(byHops)
	r.foundByOne += needed - len(byOne)
	if c.correct() {
		r.correct++
	}
	if len(byHops) == 0 {
		r.completeByHops++
	}
	if len(byOne) == 0 {
		r.completeByOne++
	}
}

func found(needed int, missing []string) string {
	s := fmt.Sprintf("%d", needed-len(missing))
	if len(missing) > 0 {
		s += "   without " + strings.Join(missing, ", ")
	}
	return s
}

// summary adds the questions up.
func (r *report) summary() {
	fmt.Fprintf(r.out, "\n%d questions: latentAsk found %d of %d passages (all of them for %d questions) and gave the known answer to %d;\n"+
		"one search of as many passages found %d (all of them for %d).\n",
		r.asked, r.foundByHops, r.needed, r.completeByHops, r.correct, r.foundByOne, r.completeByOne)
}

// picked is how many questions at the beginning of the file were put there by
// hand.
const picked = 4

// goOn says what to do next.
func (r *report) goOn(config Config, h *host) {
	if config.Count > 0 && config.Count <= picked {
		fmt.Fprintf(r.out, "These questions were picked for coming out well; %s demo --questions 36 asks all.\n", config.Ask)
	}
	fmt.Fprintln(r.out, "\nGo on")
	question := "Where was the director of A Man Called Ove born?"
	ask := fmt.Sprintf("%s ask --url %s --collection %s %q", config.Ask, h.client.URL(), Collection, question)
	switch {
	case h.node == nil:
		fmt.Fprintf(r.out, "  ask your own      %s\n", ask)
	case config.Keep:
		fmt.Fprintf(r.out, "  the node runs     %s, until you press Ctrl-C here\n", h.client.URL())
		fmt.Fprintf(r.out, "  ask your own      %s\n", ask)
	default:
		fmt.Fprintf(r.out, "  keep the node     %s demo --keep\n", config.Ask)
		fmt.Fprintf(r.out, "  then ask your own %s\n", ask)
	}
	fmt.Fprintf(r.out, "  your own data     %s load --help\n", config.Ask)
	fmt.Fprintln(r.out, "  documentation     README.md and docs/")
}
