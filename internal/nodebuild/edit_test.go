package nodebuild

import (
	"errors"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestEditApply(t *testing.T) {
	edit := Edit{Name: "hook", File: "a/b.go", Anchor: "call(repo, ", Replacement: "call(wrap(repo), "}
	tests := []struct {
		name, text, want string
		count            int
	}{
		{name: "once", text: "x := call(repo, y)\n", want: "x := call(wrap(repo), y)\n"},
		{name: "at the end", text: "call(repo, ", want: "call(wrap(repo), "},
		{name: "not at all", text: "x := call(other, y)\n", count: 0},
		{name: "empty file", text: "", count: 0},
		{name: "twice", text: "call(repo, 1)\ncall(repo, 2)\n", count: 2},
		{name: "already edited", text: "x := call(wrap(repo), y)\n", count: 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := edit.Apply(test.text)
			if test.want != "" {
				if err != nil || got != test.want {
					t.Fatalf("Apply = %q, %v; want %q", got, err, test.want)
				}
				return
			}
			var anchor *AnchorError
			if !errors.As(err, &anchor) || !errors.Is(err, ErrAnchor) {
				t.Fatalf("Apply = %q, %v; want an AnchorError", got, err)
			}
			if anchor.Count != test.count {
				t.Errorf("Count = %d, want %d", anchor.Count, test.count)
			}
			for _, part := range []string{edit.File, edit.Name, edit.Anchor} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error does not name %q: %v", part, err)
				}
			}
		})
	}
}

// weaviateSource is the module that the project requires, from the cache.
func weaviateSource(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", weaviatePath).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Fatalf("find Weaviate's source: %v", err)
	}
	return dir
}

// The edits hold on the real file of the required version, and each anchor is
// found there once and no more after the edit has used it.
func TestEditsOnWeaviate(t *testing.T) {
	source := weaviateSource(t)
	texts := map[string]string{}
	for _, edit := range Edits {
		if _, ok := texts[edit.File]; !ok {
			text, err := os.ReadFile(filepath.Join(source, filepath.FromSlash(edit.File)))
			if err != nil {
				t.Fatal(err)
			}
			texts[edit.File] = string(text)
		}
		before := texts[edit.File]
		after, err := edit.Apply(before)
		if err != nil {
			t.Errorf("%s: %v", edit.Name, err)
			continue
		}
		texts[edit.File] = after

		// The same text with the anchor gone, and with it there twice.
		if _, err := edit.Apply(strings.Replace(before, edit.Anchor, "", 1)); !errors.Is(err, ErrAnchor) {
			t.Errorf("%s: no anchor: %v", edit.Name, err)
		}
		if _, err := edit.Apply(before + edit.Anchor); !errors.Is(err, ErrAnchor) {
			t.Errorf("%s: two anchors: %v", edit.Name, err)
		}
	}

	// What comes out is Go, and calls each function once.
	for file, text := range texts {
		if _, err := format.Source([]byte(text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	after := texts[configureAPI]
	for _, call := range []string{
		"latentaskmodule.Register(appState.Modules,", "traverser.NewExplorer(latentaskmodule.WrapSearcher(repo,",
		"latentaskmodule.AddTasks(providers, appState.Modules)",
	} {
		if strings.Count(after, call) != 1 {
			t.Errorf("%q stands %d times in the edited file", call, strings.Count(after, call))
		}
	}
}

// Nothing that a node adds is there in Weaviate.
func TestAddedOnWeaviate(t *testing.T) {
	source := weaviateSource(t)
	files := added()
	if len(files) != 2 {
		t.Errorf("%d files are added", len(files))
	}
	for name, text := range files {
		path := filepath.Join(source, filepath.FromSlash(name))
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
		formatted, err := format.Source([]byte(text))
		if err != nil || string(formatted) != text {
			t.Errorf("%s is not as gofmt writes it: %v", name, err)
		}
	}
}
