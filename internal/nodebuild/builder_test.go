package nodebuild

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// fixtureProject is a source tree with latentask's module path.
func fixtureProject(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	gomod := "module " + modulePath + "\n\ngo 1.26.0\n\nrequire " + weaviatePath + " v1.39.0\n"
	for name, text := range map[string]string{"go.mod": gomod, "go.sum": "sums\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFindProject(t *testing.T) {
	project := fixtureProject(t)
	project, err := filepath.EvalSymlinks(project)
	if err != nil {
		t.Fatal(err)
	}
	inner := filepath.Join(project, "a", "b")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	// Another module's go.mod on the way up is passed over.
	if err := os.WriteFile(filepath.Join(inner, "go.mod"), []byte("module example.org/other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(inner)
	got, err := FindProject()
	if err != nil || got != project {
		t.Errorf("FindProject = %q, %v; want %q", got, err, project)
	}

	t.Chdir(t.TempDir())
	if got, err := FindProject(); !errors.Is(err, ErrNoProject) {
		t.Errorf("outside a checkout FindProject = %q, %v", got, err)
	}
}

func TestBuildNeedsTheLibrary(t *testing.T) {
	project := fixtureProject(t)
	out := filepath.Join(t.TempDir(), "node")
	_, err := Builder{Project: project}.Build(context.Background(), out)
	if !errors.Is(err, ErrLibraryMissing) || !strings.Contains(err.Error(), "make libs") {
		t.Errorf("error %v, want ErrLibraryMissing with what to do", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was written")
	}
}

func TestCompleteTakesTheRequiredVersion(t *testing.T) {
	project := fixtureProject(t)
	for given, want := range map[string]string{"": "v1.39.0", "v1.38.2": "v1.38.2", "1.38.2": "v1.38.2"} {
		b := Builder{Project: project, Weaviate: given, Plain: true}
		if err := b.complete(); err != nil {
			t.Fatal(err)
		}
		if b.Weaviate != want {
			t.Errorf("version %q becomes %q, want %q", given, b.Weaviate, want)
		}
		if want := filepath.Join(project, ".latentask", "build"); b.Work != want {
			t.Errorf("work folder %q, want %q", b.Work, want)
		}
	}
}

func TestWriteModfile(t *testing.T) {
	project := fixtureProject(t)
	path := filepath.Join(t.TempDir(), "weaviate.mod")
	if err := writeModfile(project, path, "v1.40.1", "/some/copy"); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse(path, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Require) != 1 || file.Require[0].Mod.Version != "v1.40.1" {
		t.Errorf("requirements %v", file.Require)
	}
	if len(file.Replace) != 1 || file.Replace[0].Old.Path != weaviatePath || file.Replace[0].New.Path != "/some/copy" {
		t.Errorf("replacements %v", file.Replace)
	}
	sums, err := os.ReadFile(filepath.Join(filepath.Dir(path), "weaviate.sum"))
	if err != nil || string(sums) != "sums\n" {
		t.Errorf("sums %q, %v", sums, err)
	}
	if got, err := requirement(project); err != nil || got != "v1.39.0" {
		t.Errorf("the project's own go.mod now requires %q, %v", got, err)
	}
}

// An unknown version is refused by Go with its own words, and nothing is built.
func TestBuildUnknownVersion(t *testing.T) {
	project, err := FindProject()
	if err != nil {
		t.Fatal(err)
	}
	// Asks the cache alone: the test needs no network.
	t.Setenv("GOPROXY", "off")
	out := filepath.Join(t.TempDir(), "node")
	b := Builder{Project: project, Work: t.TempDir(), Weaviate: "v0.0.1-none", Plain: true}
	if _, err := b.Build(context.Background(), out); err == nil || !strings.Contains(err.Error(), "v0.0.1-none") {
		t.Errorf("error %v, want one that names the version", err)
	}
}

func TestBuildStopsWithItsContext(t *testing.T) {
	project, err := FindProject()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	stopped := errors.New("stopped by the test")
	cancel(stopped)
	b := Builder{Project: project, Work: t.TempDir(), Plain: true}
	if _, err := b.Build(ctx, filepath.Join(t.TempDir(), "node")); !errors.Is(err, stopped) {
		t.Errorf("error %v, want the context's cause", err)
	}
}

func TestLinkerFlags(t *testing.T) {
	b := Builder{Project: t.TempDir()}
	source := &Source{Version: "v1.39.0"}
	source.Origin.Hash = "22948b7b5a2cb19b58d9710c930024412ccd6cce"
	flags := b.linkerFlags(source)
	for _, want := range []string{"build.Branch=v1.39.0", "build.Revision=22948b7", "main.hooked=true"} {
		if !strings.Contains(flags, want) {
			t.Errorf("%q lacks %q", flags, want)
		}
	}
	b.Plain = true
	if flags := b.linkerFlags(source); strings.Contains(flags, modulePath) || strings.Contains(flags, "main.") {
		t.Errorf("a plain node is linked with %q", flags)
	}
}

// One package keeps its path, and the flag names it: a build with another module
// cache must not get that package from the build cache.
func TestArgumentsNameTheModuleCache(t *testing.T) {
	b := Builder{Project: t.TempDir()}
	source := &Source{Version: "v1.39.0", Dir: "/go/pkg/mod/github.com/weaviate/weaviate@v1.39.0"}
	if want, args := "-gcflags=github.com/go-ego/gse=-trimpath=/go/pkg/mod=>/go/pkg/mod", b.arguments(source, "x.mod"); !slices.Contains(args, want) {
		t.Errorf("%q lacks %q", args, want)
	}
}
