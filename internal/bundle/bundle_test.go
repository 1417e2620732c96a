package bundle_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/bundle/bundletest"
)

func TestOpen(t *testing.T) {
	parts := bundletest.Small(t)
	dir := parts.Write(t)
	b, err := bundle.Open(dir)
	require.NoError(t, err)
	require.Equal(t, parts.Manifest, b.Manifest())
	require.Equal(t, dir, b.Dir())
	require.Equal(t, filepath.Join(dir, "LICENSES", "NOTICE"), b.File("LICENSES/NOTICE"))
	require.Len(t, b.Files(), len(parts.Files))
	require.IsIncreasing(t, b.Files())
	require.NoError(t, b.Close())
	require.NoError(t, b.Close(), "a second Close does nothing")
	require.Empty(t, b.LM().Encode("text", true).IDs, "after Close there is no tokenizer")
	require.Empty(t, b.LM().IDs("text", true))
	require.Empty(t, b.LM().Decode([]int64{1}))
}

func TestOpenFaults(t *testing.T) {
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, name))) }
	}
	overwrite := func(name, content string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
		}
	}
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string)
		file   string
		want   error
	}{
		"no manifest":        {remove("manifest.json"), "manifest.json", bundle.ErrMissing},
		"no graph":           {remove("lm.onnx"), "lm.onnx", bundle.ErrMissing},
		"no licence":         {remove("LICENSES/NOTICE"), "LICENSES/NOTICE", bundle.ErrMissing},
		"one byte changed":   {overwrite("query.onnx", "qeury"), "query.onnx", bundle.ErrCorrupt},
		"cut short":          {overwrite("query.onnx", "que"), "query.onnx", bundle.ErrCorrupt},
		"grown":              {overwrite("query.onnx", "query\n"), "query.onnx", bundle.ErrCorrupt},
		"manifest cut short": {overwrite("manifest.json", `{"format": 1, `), "manifest.json", bundle.ErrCorrupt},
		"newer format":       {overwrite("manifest.json", `{"format": 7}`), "manifest.json", bundle.ErrFormat},
		"a folder in place of a file": {func(t *testing.T, dir string) {
			remove("head.onnx")(t, dir)
			require.NoError(t, os.Mkdir(filepath.Join(dir, "head.onnx"), 0o755))
		}, "head.onnx", bundle.ErrCorrupt},
		"a link out of the bundle": {func(t *testing.T, dir string) {
			outside := filepath.Join(t.TempDir(), "head.onnx")
			require.NoError(t, os.WriteFile(outside, []byte("head"), 0o644))
			remove("head.onnx")(t, dir)
			require.NoError(t, os.Symlink(outside, filepath.Join(dir, "head.onnx")))
		}, "head.onnx", bundle.ErrCorrupt},
		"a huge manifest": {func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, "manifest.json"), 5<<20))
		}, "manifest.json", bundle.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			dir := bundletest.Small(t).Write(t)
			c.damage(t, dir)
			_, err := bundle.Open(dir)
			require.ErrorIs(t, err, c.want)
			var typed *bundle.Error
			require.ErrorAs(t, err, &typed)
			require.Equal(t, c.file, typed.File)
			require.NotEmpty(t, typed.Hint)
			require.Contains(t, err.Error(), c.file)
		})
	}

	_, err := bundle.Open(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, bundle.ErrMissing)
	require.ErrorContains(t, err, "LATENTASK_BUNDLE")
	_, err = bundle.Open(filepath.Join(bundletest.Small(t).Write(t), "lm.onnx"))
	require.ErrorIs(t, err, bundle.ErrMissing, "a file is no bundle")
}

// A link that stays in the bundle is allowed: volumes are often made of them.
func TestOpenFollowsLinksInside(t *testing.T) {
	dir := bundletest.Small(t).Write(t)
	require.NoError(t, os.Rename(filepath.Join(dir, "head.onnx"), filepath.Join(dir, "real")))
	require.NoError(t, os.Symlink("real", filepath.Join(dir, "head.onnx")))
	b, err := bundle.Open(dir)
	require.NoError(t, err)
	require.NoError(t, b.Close())
}

func TestOpenChecksTokenizers(t *testing.T) {
	for name, c := range map[string]struct {
		change func(p *bundletest.Parts)
		file   string
		want   error
	}{
		"not a tokenizer": {func(p *bundletest.Parts) { p.Files["lm_tokenizer.json"] = []byte("{}") }, "lm_tokenizer.json", bundle.ErrCorrupt},
		"empty":           {func(p *bundletest.Parts) { p.Files["lm_tokenizer.json"] = nil }, "lm_tokenizer.json", bundle.ErrCorrupt},
		"with added tokens": {func(p *bundletest.Parts) {
			p.Files["lm_tokenizer.json"] = []byte(`{"added_tokens": [{"id": 0, "content": "<eos>"}]}`)
		}, "lm_tokenizer.json", bundle.ErrCorrupt},
		"truncating": {func(p *bundletest.Parts) {
			p.Files["retriever_tokenizer.json"] = []byte(`{"truncation": {"max_length": 5}}`)
		}, "retriever_tokenizer.json", bundle.ErrCorrupt},
		"larger than the vocabulary": {func(p *bundletest.Parts) { p.Manifest.Backbone.Vocab = 250 }, "lm_tokenizer.json", bundle.ErrIncompatible},
		"of another [CLS]":           {func(p *bundletest.Parts) { p.Manifest.Retriever.CLS = 3 }, "retriever_tokenizer.json", bundle.ErrIncompatible},
		"without [PAD]":              {func(p *bundletest.Parts) { p.Manifest.Retriever.PAD = 9999 }, "retriever_tokenizer.json", bundle.ErrIncompatible},
		"swapped": {func(p *bundletest.Parts) {
			p.Files["lm_tokenizer.json"] = p.Files["retriever_tokenizer.json"]
		}, "lm_tokenizer.json", bundle.ErrIncompatible},
	} {
		t.Run(name, func(t *testing.T) {
			parts := bundletest.Small(t)
			c.change(&parts)
			_, err := bundle.Open(parts.Write(t))
			require.ErrorIs(t, err, c.want)
			var typed *bundle.Error
			require.ErrorAs(t, err, &typed)
			require.Equal(t, c.file, typed.File)
		})
	}
}
