package nodebuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Builder builds a node. Its zero value builds the version of Weaviate that the
// project names, from the checkout that it is run in.
type Builder struct {
	// Weaviate is the version to build, such as "v1.39.0". Empty: the one that
	// latentask's go.mod requires and its tests ran against.
	Weaviate string
	// Project is the root of latentask's source tree. Empty: see FindProject.
	Project string
	// Work keeps the patched copies between builds. Empty: .latentask/build in
	// the project.
	Work string
	// Libraries is the folder that holds libtokenizers.a. Empty: .latentask/lib
	// in the project.
	Libraries string
	// Revision is the commit of latentask that the node reports. Empty: what git
	// says of Project, or nothing where there is no git.
	Revision string
	// Plain builds Weaviate as it is, with nothing of latentask, for comparing.
	Plain bool
	// Race builds with the race detector.
	Race bool
	// Progress receives what a person wants to see meanwhile. Nil: nothing.
	Progress io.Writer
}

// Result tells what was built.
type Result struct {
	Path     string // of the executable
	Weaviate string // version
	Commit   string // of Weaviate, empty where unknown
	Reused   bool   // whether the patched copy was there already
}

// ErrLibraryMissing is returned where libtokenizers.a is not in Libraries.
var ErrLibraryMissing = errors.New("libtokenizers.a is missing")

// Build writes a node to the file out. Stopping ctx stops the build and leaves
// out as it was.
func (b Builder) Build(ctx context.Context, out string) (*Result, error) {
	if err := b.complete(); err != nil {
		return nil, err
	}
	out, err := filepath.Abs(out)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return nil, err
	}

	b.say("finding Weaviate %s", b.Weaviate)
	source, err := b.fetch(ctx, b.Weaviate)
	if err != nil {
		return nil, err
	}
	result := &Result{Path: out, Weaviate: source.Version, Commit: source.Origin.Hash}

	name, edits, files := "weaviate-"+source.Version, Edits, added()
	target := modulePath + "/cmd/weaviate"
	if b.Plain {
		name, edits, files = "weaviate-plain-"+source.Version, nil, nil
		target = weaviatePath + "/cmd/weaviate-server"
	}
	tree := filepath.Join(b.Work, name)
	if result.Reused, err = patchedCopy(source, edits, files, tree); err != nil {
		return nil, fmt.Errorf("prepare Weaviate %s: %w", source.Version, err)
	}
	modfile := tree + ".mod"
	if err := writeModfile(b.Project, modfile, source.Version, tree); err != nil {
		return nil, fmt.Errorf("write %s: %w", modfile, err)
	}

	// The linker writes beside the target and the result is renamed, so that a
	// node that is running keeps its file and a failed build leaves the old one.
	part := out + ".part"
	defer os.Remove(part) // gone after a rename
	if err := b.compile(ctx, b.arguments(source, modfile), target, part); err != nil {
		return nil, fmt.Errorf("build %s: %w", target, err)
	}
	if err := os.Rename(part, out); err != nil {
		return nil, err
	}
	return result, nil
}

// complete fills in the defaults and checks what the build needs.
func (b *Builder) complete() (err error) {
	if b.Project == "" {
		if b.Project, err = FindProject(); err != nil {
			return err
		}
	}
	for _, dir := range []*string{&b.Project, &b.Work, &b.Libraries} {
		if *dir == "" {
			continue
		}
		if *dir, err = filepath.Abs(*dir); err != nil {
			return err
		}
	}
	if b.Work == "" {
		b.Work = filepath.Join(b.Project, ".latentask", "build")
	}
	if b.Libraries == "" {
		b.Libraries = filepath.Join(b.Project, ".latentask", "lib")
	}
	if b.Weaviate == "" {
		if b.Weaviate, err = requirement(b.Project); err != nil {
			return err
		}
	}
	if !strings.HasPrefix(b.Weaviate, "v") {
		b.Weaviate = "v" + b.Weaviate
	}
	if b.Plain {
		return nil
	}
	if _, err := os.Stat(filepath.Join(b.Libraries, "libtokenizers.a")); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w from %s: `make libs` builds it", ErrLibraryMissing, b.Libraries)
	}
	return nil
}

// arguments are the flags of go list and go build, which must be the same in
// both for the first to say what the second will compile.
func (b *Builder) arguments(source *Source, modfile string) []string {
	args := []string{
		// The copy of go.mod may be changed: another version of Weaviate can
		// need other modules than the project's go.sum knows.
		"-modfile=" + modfile, "-mod=mod",
		"-trimpath",
		// The tokenizers for Japanese and Chinese (ENABLE_TOKENIZER_GSE…) find
		// their dictionaries by the path of their own source, in the module
		// cache, so that one package keeps its path. An image that ships the
		// node puts the dictionaries at the same place. The mapping of the path
		// onto itself makes it a part of the build cache's key.
		"-gcflags=github.com/go-ego/gse=-trimpath=" + source.cache() + "=>" + source.cache(),
		"-buildvcs=false",
		"-ldflags=" + b.linkerFlags(source),
	}
	if b.Race {
		args = append(args, "-race")
	}
	return args
}

// linkerFlags strips the symbol table, as the official image does, and sets the
// variables that Weaviate and latentask report. Nothing in them depends on the
// time or the machine, so that an unchanged source gives an unchanged node.
func (b *Builder) linkerFlags(source *Source) string {
	revision := source.Origin.Hash
	if revision == "" {
		revision = "unknown"
	}
	flags := []string{
		"-s", "-w",
		"-X", weaviatePath + "/usecases/build.Branch=" + source.Version,
		"-X", weaviatePath + "/usecases/build.Revision=" + short(revision),
		"-X", weaviatePath + "/usecases/build.BuildUser=latentask",
	}
	if !b.Plain {
		flags = append(flags,
			"-X", "main.hooked=true",
			"-X", modulePath+"/internal/version.Revision="+b.revision(),
		)
	}
	return strings.Join(flags, " ")
}

// short cuts a commit to the length that git shows.
func short(commit string) string {
	if len(commit) > 7 {
		return commit[:7]
	}
	return commit
}

func (b *Builder) say(format string, args ...any) {
	fmt.Fprintf(b.progress(), "==> "+format+"\n", args...)
}

func (b *Builder) progress() io.Writer {
	if b.Progress == nil {
		return io.Discard
	}
	return b.Progress
}
