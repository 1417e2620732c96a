package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"
)

// maxManifest bounds the manifest's size in bytes.
const maxManifest = 4 << 20

// hashers is how many files are hashed at once: enough to keep a disk busy, few
// enough to leave a starting node its cores.
const hashers = 3

// Bundle is an opened bundle. It is safe for concurrent use until Close.
type Bundle struct {
	dir           string
	manifest      *Manifest
	lm, retriever *Tokenizer
}

// Open reads the bundle in dir: it checks the manifest, the size and SHA-256 of
// every file that the manifest names, and loads the tokenizers. The files must
// not change afterwards.
//
// Errors are of type [*Error] and name the file at fault; their kind is
// [ErrMissing], [ErrCorrupt], [ErrFormat] or [ErrIncompatible].
func Open(dir string) (*Bundle, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, &Error{Kind: ErrMissing, File: dir, Err: err}
	}
	// A Root opens nothing outside the folder, whatever links lie in it.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, &Error{Kind: ErrMissing, File: dir, Err: err, Hint: "set LATENTASK_BUNDLE to the folder of a bundle"}
	}
	defer root.Close()

	manifest, err := readManifest(root)
	if err != nil {
		return nil, err
	}
	if err := verify(root, manifest.Files); err != nil {
		return nil, err
	}
	b := &Bundle{dir: dir, manifest: manifest}
	if b.lm, err = openTokenizer(root, LMTokenizerFile); err != nil {
		return nil, err
	}
	if b.retriever, err = openTokenizer(root, RetrieverTokenizerFile); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	if err := b.checkTokenizers(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func readManifest(root *os.Root) (*Manifest, error) {
	file, err := root.Open(ManifestFile)
	if err != nil {
		return nil, fileError(ManifestFile, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxManifest+1))
	if err != nil {
		return nil, fileError(ManifestFile, err)
	}
	if len(data) > maxManifest {
		return nil, manifestError(ErrCorrupt, fmt.Errorf("more than %d bytes", maxManifest))
	}
	return ParseManifest(data)
}

// verify compares every file with the manifest. Of several faults it reports
// one.
func verify(root *os.Root, files map[string]File) error {
	var group errgroup.Group
	group.SetLimit(hashers)
	for name, want := range files {
		group.Go(func() error { return verifyFile(root, name, want) })
	}
	return group.Wait()
}

func verifyFile(root *os.Root, name string, want File) error {
	file, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return fileError(name, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fileError(name, err)
	}
	if !info.Mode().IsRegular() {
		return &Error{Kind: ErrCorrupt, File: name, Hint: hintRebuild, Err: errors.New("not a regular file")}
	}
	// The size first: it settles cut downloads without reading them.
	if info.Size() != want.Size {
		return &Error{Kind: ErrCorrupt, File: name, Hint: hintRebuild, Err: fmt.Errorf("%d bytes, the manifest says %d", info.Size(), want.Size)}
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return fileError(name, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != want.SHA256 {
		return &Error{Kind: ErrCorrupt, File: name, Hint: hintRebuild, Err: fmt.Errorf("SHA-256 is %s, the manifest says %s", got, want.SHA256)}
	}
	return nil
}

// fileError types an error of opening or reading a file.
func fileError(name string, err error) *Error {
	e := &Error{Kind: ErrCorrupt, File: name, Hint: hintRebuild, Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Kind = ErrMissing
	case errors.Is(err, fs.ErrPermission):
		e.Kind, e.Hint = ErrMissing, "let the node's user read it"
	}
	return e
}

// checkTokenizers makes sure that the tokenizers are those that the manifest's
// numbers speak of.
func (b *Bundle) checkTokenizers() error {
	m := b.manifest
	if n := b.lm.VocabSize(); n > m.Backbone.Vocab {
		return &Error{Kind: ErrIncompatible, File: LMTokenizerFile, Hint: hintRebuild, Err: fmt.Errorf("%d tokens, backbone.vocab is %d", n, m.Backbone.Vocab)}
	}
	if got := b.lm.Encode("", true).IDs; len(got) != 0 {
		return &Error{Kind: ErrIncompatible, File: LMTokenizerFile, Hint: hintRebuild, Err: fmt.Errorf("adds tokens %v to a text", got)}
	}
	for field, id := range map[string]int64{"cls": m.Retriever.CLS, "sep": m.Retriever.SEP, "pad": m.Retriever.PAD} {
		if n := b.retriever.VocabSize(); id >= int64(n) {
			return &Error{Kind: ErrIncompatible, File: RetrieverTokenizerFile, Hint: hintRebuild, Err: fmt.Errorf("%d tokens, retriever.%s is %d", n, field, id)}
		}
	}
	// A private-use character is in no vocabulary: it must come out as unknown.
	for _, text := range []string{"", "\U0010FFFD"} {
		ids := b.retriever.Encode(text, true).IDs
		// A decoder's template has an end alone.
		begins := m.Retriever.Words == WordText || len(ids) > 1 && ids[0] == m.Retriever.CLS
		if len(ids) == 0 || !begins || ids[len(ids)-1] != m.Retriever.SEP {
			return &Error{
				Kind: ErrIncompatible, File: RetrieverTokenizerFile, Hint: hintRebuild,
				Err: fmt.Errorf("encodes %q as %v, not between %d and %d", text, ids, m.Retriever.CLS, m.Retriever.SEP),
			}
		}
	}
	return nil
}

// Manifest is the bundle's manifest. The caller must not change it.
func (b *Bundle) Manifest() *Manifest { return b.manifest }

// Dir is the bundle's folder, absolute.
func (b *Bundle) Dir() string { return b.dir }

// File is the absolute path of a file of the bundle, by its name in the manifest.
func (b *Bundle) File(name string) string { return filepath.Join(b.dir, filepath.FromSlash(name)) }

// Has reports whether the bundle has a file of that name.
func (b *Bundle) Has(name string) bool {
	_, ok := b.manifest.Files[name]
	return ok
}

// Files are the names of the bundle's files, sorted.
func (b *Bundle) Files() []string {
	names := make([]string, 0, len(b.manifest.Files))
	for name := range b.manifest.Files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// LM is the backbone's tokenizer. It belongs to the bundle.
func (b *Bundle) LM() *Tokenizer { return b.lm }

// Retriever is the retriever's tokenizer. It belongs to the bundle.
func (b *Bundle) Retriever() *Tokenizer { return b.retriever }

// Close frees the tokenizers. A second Close does nothing.
func (b *Bundle) Close() error { return errors.Join(b.lm.close(), b.retriever.close()) }
