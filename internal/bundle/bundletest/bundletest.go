// Package bundletest makes bundles for tests: a small one of made-up weights
// for every test, and the real one for parity tests.
package bundletest

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/latentask/latentask/internal/bundle"
)

//go:embed testdata/encoder.onnx testdata/lm_tokenizer.json testdata/retriever_tokenizer.json
var testdata embed.FS

// Parts are what a bundle is written from. Files holds the content of every file
// by name; Write fills Manifest.Files from it.
type Parts struct {
	Manifest *bundle.Manifest
	Files    map[string][]byte
}

// Small is a valid bundle with two working tokenizers and a working encoder of
// dimension 8. The other graphs are placeholders that no runtime loads.
func Small(t testing.TB) Parts {
	t.Helper()
	files := map[string][]byte{
		bundle.LMFile:     []byte("lm"),
		bundle.HeadFile:   []byte("head"),
		bundle.QueryFile:  []byte("query"),
		bundle.DecodeFile: []byte("decode"),
		"LICENSES/NOTICE": []byte("made up\n"),
	}
	for _, name := range []string{bundle.EncoderFile, bundle.LMTokenizerFile, bundle.RetrieverTokenizerFile} {
		data, err := testdata.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	return Parts{Files: files, Manifest: &bundle.Manifest{
		Format: bundle.Format, Name: "small", Version: "0.0.1", Precision: "fp32",
		Backbone: bundle.Backbone{
			Name: "made-up", Hidden: 16, Layers: 2, KVHeads: 1, HeadDim: 8,
			Vocab: 264, MaxPositions: 512, EOS: 0, Newline: 198, Cache: bundle.CacheFloat32,
		},
		Retriever: bundle.Retriever{
			Name: "made-up", Dimension: 8, MaxTokens: 32, MaxQuestionTokens: 16, Words: bundle.WordPieces, CLS: 2, SEP: 3, PAD: 0,
		},
		Latent: bundle.Latent{Think: 2, Query: 4, Pieces: 4, FocusThreshold: 0.15},
		Prompt: bundle.Prompt{
			Question: []int64{48}, Passage: []int64{49}, Answer: []int64{50}, Thought: []int64{51}, Subquery: []int64{52},
		},
		Limits: bundle.Limits{
			Hops: 3, Passages: 2, PassageTokens: 24, QuestionTokens: 24, AnswerTokens: 8, ThoughtTokens: 8, SubqueryTokens: 8,
		},
		Action: bundle.DefaultAction(), Search: bundle.DefaultSearch(), Answer: bundle.DefaultAnswer(),
	}}
}

// Write writes the parts to a new temporary folder and returns it. The sizes and
// hashes are those of the files; damage them afterwards to test for that.
func (p Parts) Write(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	p.Manifest.Files = map[string]bundle.File{}
	for name, data := range p.Files {
		sum := sha256.Sum256(data)
		p.Manifest.Files[name] = bundle.File{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))}
		write(t, filepath.Join(dir, filepath.FromSlash(name)), data)
	}
	data, err := json.MarshalIndent(p.Manifest, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, bundle.ManifestFile), data)
	return dir
}

// Open opens a small bundle and closes it at the test's end.
func Open(t testing.TB) *bundle.Bundle {
	t.Helper()
	return open(t, Small(t).Write(t))
}

// Real opens the bundle that LATENTASK_BUNDLE names, or that lies in
// .latentask/bundle of a folder above the test, and closes it at the test's end.
// Where there is none the test is skipped, or fails if LATENTASK_REQUIRE_BUNDLE
// is 1.
func Real(t testing.TB) *bundle.Bundle {
	t.Helper()
	dir := os.Getenv("LATENTASK_BUNDLE")
	if dir == "" {
		dir = nearest(t, filepath.Join("bundle", bundle.ManifestFile))
	}
	if dir == "" {
		missing(t, "no bundle in .latentask/bundle, and LATENTASK_BUNDLE is not set: `make bundle` makes one")
	}
	return open(t, dir)
}

// Tiny are the folders of the small random bundles, by name: one of every kind of
// model that a bundle can hold. They lie in the folder that LATENTASK_TINY_BUNDLES
// names, or in .latentask/tiny of a folder above the test. Where there are none
// the test is skipped, or fails if LATENTASK_REQUIRE_BUNDLE is 1.
func Tiny(t testing.TB) map[string]string {
	t.Helper()
	dir := os.Getenv("LATENTASK_TINY_BUNDLES")
	if dir == "" {
		dir = nearest(t, "tiny")
	}
	manifests, err := filepath.Glob(filepath.Join(dir, "*", bundle.ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	if dir == "" || len(manifests) == 0 {
		missing(t, "no bundles in .latentask/tiny or in what LATENTASK_TINY_BUNDLES names: `make tiny-bundles` makes them")
	}
	folders := map[string]string{}
	for _, m := range manifests {
		folders[filepath.Base(filepath.Dir(m))] = filepath.Dir(m)
	}
	return folders
}

// OpenAt opens the bundle in a folder and closes it at the test's end.
func OpenAt(t testing.TB, dir string) *bundle.Bundle {
	t.Helper()
	return open(t, dir)
}

func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("LATENTASK_REQUIRE_BUNDLE") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// nearest is the folder of that name in the closest .latentask upwards, or the
// folder of the file of that name; or "".
func nearest(t testing.TB, name string) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		candidate := filepath.Join(dir, ".latentask", name)
		if info, err := os.Stat(candidate); err == nil {
			if info.IsDir() {
				return candidate
			}
			return filepath.Dir(candidate)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

func open(t testing.TB, dir string) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
