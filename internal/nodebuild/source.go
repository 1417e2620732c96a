package nodebuild

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Source is Weaviate's module as the Go module cache holds it.
type Source struct {
	Version string // v1.39.0
	Dir     string // in the module cache, read-only
	Sum     string // go.sum's hash of the whole module
	Origin  struct {
		Hash string // the commit, empty where the proxy doesn't tell
	}
	Error string // why the module could not be had
}

// cache is the folder of the module cache that the source lies in.
func (s *Source) cache() string {
	return strings.TrimSuffix(s.Dir, filepath.FromSlash("/"+weaviatePath+"@"+s.Version))
}

// fetch finds Weaviate at version, downloading it where the cache lacks it. Go
// checks it against go.sum or the checksum database.
func (b *Builder) fetch(ctx context.Context, version string) (*Source, error) {
	out, err := b.output(ctx, "mod", "download", "-json", weaviatePath+"@"+version)
	var source Source
	if jsonErr := json.Unmarshal(out, &source); jsonErr != nil {
		if err == nil {
			err = jsonErr
		}
		return nil, fmt.Errorf("find %s@%s: %w", weaviatePath, version, err)
	}
	if source.Error != "" {
		return nil, fmt.Errorf("find %s@%s: %s", weaviatePath, version, source.Error)
	}
	return &source, err
}

// stamp lies beside a patched copy and says what it was made of.
type stamp struct {
	Sum   string            // of the module
	Edits []Edit            // made to it
	Files map[string]string // SHA-256 of each edited or added file as we left it
}

// patchedCopy makes dir a copy of the source with the edits made and the files
// of added laid into it. An existing copy is kept if it was made from the same
// source by the same edits and its edited and added files are as they were left
// and as they would be made; it reports whether that was so.
func patchedCopy(source *Source, edits []Edit, added map[string]string, dir string) (reused bool, err error) {
	stampPath := dir + ".json"
	if have, err := readStamp(stampPath); err == nil && have.matches(source, edits, added, dir) {
		return true, nil
	}

	// Built in a folder of its own and renamed, so that an interrupted copy is
	// never taken for a whole one.
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return false, err
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".part-")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(part)) }()
	tree := filepath.Join(part, "src")
	// CopyFS drops the cache's write protection.
	if err := os.CopyFS(tree, os.DirFS(source.Dir)); err != nil {
		return false, fmt.Errorf("copy Weaviate's source: %w", err)
	}
	files, err := applyAll(tree, edits)
	if err != nil {
		return false, err
	}
	if err := addAll(tree, added, files); err != nil {
		return false, err
	}

	if err := os.Remove(stampPath); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return false, err
	}
	if err := os.Rename(tree, dir); err != nil {
		return false, err
	}
	data, err := json.MarshalIndent(stamp{Sum: source.Sum, Edits: edits, Files: files}, "", "\t")
	if err != nil {
		return false, err
	}
	return false, os.WriteFile(stampPath, data, 0o644)
}

// applyAll makes the edits in the tree and returns the edited files' hashes.
func applyAll(tree string, edits []Edit) (map[string]string, error) {
	files := map[string]string{}
	for _, edit := range edits {
		path := filepath.Join(tree, filepath.FromSlash(edit.File))
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &AnchorError{Edit: edit, Count: 0}
		}
		if err != nil {
			return nil, err
		}
		changed, err := edit.Apply(string(text))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
			return nil, err
		}
		files[edit.File] = sha(changed)
	}
	return files, nil
}

// addAll writes the added files into the tree, none of which may be there, and
// notes their hashes in files.
func addAll(tree string, added, files map[string]string) error {
	for name, text := range added {
		path := filepath.Join(tree, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return fmt.Errorf("add a file of latentask's: %w", err)
		}
		_, err = f.WriteString(text)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		files[name] = sha(text)
	}
	return nil
}

func readStamp(path string) (*stamp, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s stamp
	return &s, json.Unmarshal(data, &s)
}

func (s *stamp) matches(source *Source, edits []Edit, added map[string]string, dir string) bool {
	if s.Sum != source.Sum || len(s.Edits) != len(edits) {
		return false
	}
	want := map[string]bool{}
	for _, edit := range edits {
		want[edit.File] = true
	}
	for name, text := range added {
		want[name] = true
		if s.Files[name] != sha(text) {
			return false
		}
	}
	if len(want) != len(s.Files) {
		return false
	}
	for i := range edits {
		if s.Edits[i] != edits[i] {
			return false
		}
	}
	for file, want := range s.Files {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
		if err != nil || sha(string(text)) != want {
			return false
		}
	}
	return true
}

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
