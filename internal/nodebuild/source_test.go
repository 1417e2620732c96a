package nodebuild

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var fixtureEdit = Edit{Name: "hook", File: "server/start.go", Anchor: "start()", Replacement: "hook(); start()"}

// fixtureSource is a module as the cache holds one: nothing may be written.
func fixtureSource(t *testing.T, body string) *Source {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "server", "start.go")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{file: body, filepath.Join(dir, "go.mod"): "module example.org/x\n"} {
		if err := os.WriteFile(path, []byte(text), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	return &Source{Version: "v1.0.0", Dir: dir, Sum: "h1:one"}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mustCopy(t *testing.T, source *Source, edits []Edit, dir string) (reused bool) {
	t.Helper()
	reused, err := patchedCopy(source, edits, nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	return reused
}

func TestPatchedCopy(t *testing.T) {
	source := fixtureSource(t, "package server\n\nfunc main() { start() }\n")
	edits := []Edit{fixtureEdit}
	dir := filepath.Join(t.TempDir(), "work", "copy")

	if mustCopy(t, source, edits, dir) {
		t.Error("a first copy says that it was reused")
	}
	want := "package server\n\nfunc main() { hook(); start() }\n"
	if got := read(t, dir, "server", "start.go"); got != want {
		t.Errorf("edited file is %q, want %q", got, want)
	}
	if got := read(t, source.Dir, "server", "start.go"); strings.Contains(got, "hook") {
		t.Error("the source itself was edited")
	}

	// A marker in the copy tells whether the same folder is still there.
	marker := filepath.Join(dir, "marker")
	mark := func() {
		t.Helper()
		if err := os.WriteFile(marker, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	renewed := func() bool { _, err := os.Stat(marker); return errors.Is(err, fs.ErrNotExist) }

	mark()
	if !mustCopy(t, source, edits, dir) || renewed() {
		t.Error("an unchanged copy was not reused")
	}

	if err := os.WriteFile(filepath.Join(dir, "server", "start.go"), []byte("package server\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if mustCopy(t, source, edits, dir) || !renewed() {
		t.Error("a copy whose edited file was changed by hand was reused")
	}
	if got := read(t, dir, "server", "start.go"); got != want {
		t.Errorf("renewed file is %q", got)
	}

	mark()
	other := *source
	other.Sum = "h1:two"
	if mustCopy(t, &other, edits, dir) || !renewed() {
		t.Error("a copy of another source was reused")
	}

	mark()
	changed := fixtureEdit
	changed.Replacement = "start(); hook()"
	if mustCopy(t, &other, []Edit{changed}, dir) || !renewed() {
		t.Error("a copy with other edits was reused")
	}

	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 { // the copy and its stamp
		t.Errorf("left behind: %v", entries)
	}
}

// A source that the edits don't fit leaves the former copy alone.
func TestPatchedCopyKeepsTheOldOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "copy")
	good := fixtureSource(t, "start()\n")
	mustCopy(t, good, []Edit{fixtureEdit}, dir)

	tests := map[string]struct {
		body  string
		edit  Edit
		count int
	}{
		"no anchor":   {body: "begin()\n", edit: fixtureEdit, count: 0},
		"two anchors": {body: "start()\nstart()\n", edit: fixtureEdit, count: 2},
		"no file":     {body: "start()\n", edit: Edit{Name: "hook", File: "server/gone.go", Anchor: "start()"}, count: 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bad := fixtureSource(t, test.body)
			bad.Sum = "h1:bad"
			_, err := patchedCopy(bad, []Edit{test.edit}, nil, dir)
			var anchor *AnchorError
			if !errors.As(err, &anchor) || anchor.Count != test.count {
				t.Fatalf("error %v, want an AnchorError with count %d", err, test.count)
			}
			if got := read(t, dir, "server", "start.go"); got != "hook(); start()\n" {
				t.Errorf("the former copy now holds %q", got)
			}
		})
	}
	if !mustCopy(t, good, []Edit{fixtureEdit}, dir) {
		t.Error("the former copy is not valid any more")
	}
}

// Added files are laid beside those that are there, and never over them.
func TestPatchedCopyAddsFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "copy")
	source := fixtureSource(t, "start()\n")
	edits := []Edit{fixtureEdit}
	added := map[string]string{"server/more.go": "package server\n"}
	steps := []struct {
		name   string
		added  map[string]string
		reused bool
	}{
		{name: "first", added: added},
		{name: "the same", added: added, reused: true},
		{name: "another text", added: map[string]string{"server/more.go": "package server // changed\n"}},
		{name: "another file", added: map[string]string{"server/other.go": "package server\n"}},
		{name: "none"},
		{name: "none again", reused: true},
	}
	for _, step := range steps {
		reused, err := patchedCopy(source, edits, step.added, dir)
		if err != nil || reused != step.reused {
			t.Fatalf("%s: reused %v, %v; want %v", step.name, reused, err, step.reused)
		}
		for name, text := range step.added {
			if got := read(t, dir, filepath.FromSlash(name)); got != text {
				t.Errorf("%s: %s is %q", step.name, name, got)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "server", "more.go")); err == nil {
		t.Error("a file is there that is not added any more")
	}
	if _, err := patchedCopy(source, edits, map[string]string{"server/start.go": ""}, dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file of Weaviate's was overwritten: %v", err)
	}
}

func TestPatchedCopyRefusesADamagedStamp(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "copy")
	source := fixtureSource(t, "start()\n")
	mustCopy(t, source, []Edit{fixtureEdit}, dir)
	if err := os.WriteFile(dir+".json", []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if mustCopy(t, source, []Edit{fixtureEdit}, dir) {
		t.Error("a copy with a damaged stamp was reused")
	}
}

func TestFollowSeparatesPackagesFromMessages(t *testing.T) {
	for _, total := range []int{0, 1, 2, 5} {
		var shown bytes.Buffer
		said := follow(strings.NewReader("example.org/a\n# example.org/b\nb.go:1:2: undefined: x\nexample.org/b\n"), &shown, total)
		if want := "# example.org/b\nb.go:1:2: undefined: x\n"; said != want {
			t.Errorf("of %d packages: messages %q, want %q", total, said, want)
		}
	}
}
