package nodebuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// command is the go command in the project's folder, with the native libraries
// in its environment.
func (b *Builder) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.Project
	// Not CGO_LDFLAGS: that is part of the build cache's key of every package with C in it, and a path in it would have
	// each checkout compile all of Weaviate anew. The C compiler's own variable is not.
	libraries := b.Libraries
	if others := os.Getenv("LIBRARY_PATH"); others != "" && others != libraries {
		libraries += string(os.PathListSeparator) + others
	}
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "GOWORK=off", "LIBRARY_PATH="+libraries)
	// Let go stop its compilers before it is killed.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// output runs go and returns what it printed. Its error carries what go said.
func (b *Builder) output(ctx context.Context, args ...string) ([]byte, error) {
	cmd := b.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	return stdout.Bytes(), explain(ctx, err, stderr.String())
}

// compile builds the package target into the file out, with progress.
func (b *Builder) compile(ctx context.Context, flags []string, target, out string) error {
	b.say("looking for what has to be compiled")
	list := append([]string{"list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"}, flags...)
	stale, err := b.output(ctx, append(list, target)...)
	if err != nil {
		return err
	}

	args := append([]string{"build", "-v"}, flags...)
	cmd := b.command(ctx, append(args, "-o", out, target)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return explain(ctx, err, "")
	}
	said := follow(stderr, b.progress(), len(bytes.Fields(stale)))
	return explain(ctx, cmd.Wait(), said)
}

// revision is the project's commit, marked where the tree differs from it, or
// nothing where that can't be told.
func (b *Builder) revision() string {
	if b.Revision != "" {
		return b.Revision
	}
	cmd := exec.Command("git", "describe", "--always", "--dirty", "--exclude=*")
	cmd.Dir = b.Project
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// explain makes an error of the go command one that a reader can act on.
func explain(ctx context.Context, err error, said string) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%w: install Go (`make doctor` says which version) and put it on the PATH", err)
	case strings.TrimSpace(said) == "":
		return err
	default:
		return fmt.Errorf("%w\n%s", err, strings.TrimSpace(said))
	}
}
