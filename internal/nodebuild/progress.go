package nodebuild

import (
	"bufio"
	"io"
	"strings"

	"github.com/latentask/latentask/internal/progress"
)

// follow reads the output of `go build -v` to its end and shows how far it is:
// packages out of total while go compiles, then that it links. It returns what
// was no package's path, which is what go complained about.
func follow(r io.Reader, out io.Writer, total int) string {
	step := progress.Start(out, "compiling packages", total)
	if total == 0 {
		step.End()
		step = progress.Start(out, "linking", 0)
	}
	defer func() { step.End() }()

	var rest strings.Builder
	done := 0
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		line := scanner.Text()
		if line == "" || strings.ContainsAny(line, " \t:") {
			rest.WriteString(line + "\n")
			continue
		}
		done++
		step.Add(1)
		if done == total {
			// go names a package when it begins with it: the main package,
			// the last, is small, and the linker's work follows it.
			step.End()
			step = progress.Start(out, "linking", 0)
		}
	}
	// A line beyond the buffer ends the scan; go must not block on the pipe.
	_, _ = io.Copy(io.Discard, r)
	return rest.String()
}
