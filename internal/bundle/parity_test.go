package bundle_test

import (
	"encoding/json"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/bundle/bundletest"
)

func TestParityFiles(t *testing.T) {
	parts := bundletest.Small(t)
	parts.Files["parity/parity.json"] = []byte(`{
		"encoder": {"texts": ["a", ""], "vectors": "encoder.f32", "dimension": 2},
		"loop": [{"question": "q", "focus": [[], [["knox", 0.5]]]}]}`)
	parts.Files["parity/encoder.f32"] = []byte{0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 128, 191, 0, 0, 0, 0}
	b, err := bundle.Open(parts.Write(t))
	require.NoError(t, err)
	defer b.Close()

	p, err := b.Parity()
	require.NoError(t, err)
	require.Equal(t, []string{"a", ""}, p.Encoder.Texts)
	require.Equal(t, []bundle.Weighted{{Word: "knox", Weight: 0.5}}, p.Loop[0].Focus[1])
	rows, err := b.ParityRows(p.Encoder.Vectors, 2)
	require.NoError(t, err)
	require.Equal(t, [][]float32{{1, 2}, {-1, 0}}, rows)

	for name, width := range map[string]int{"encoder.f32": 3, "none.f32": 2, "../manifest.json": 2} {
		_, err := b.ParityRows(name, width)
		var typed *bundle.Error
		require.ErrorAs(t, err, &typed, name)
	}
	require.Error(t, json.Unmarshal([]byte(`["a", 1, 2]`), new(bundle.Weighted)))
	_, err = bundletest.Open(t).Parity()
	require.ErrorIs(t, err, bundle.ErrMissing)
}

// The tokenizers give what Python's gave.
func TestTokenizerParity(t *testing.T) {
	t.Run("real", func(t *testing.T) { checkTokenizers(t, bundletest.Real(t)) })
	t.Run("tiny", func(t *testing.T) {
		for name, dir := range bundletest.Tiny(t) {
			t.Run(name, func(t *testing.T) { checkTokenizers(t, bundletest.OpenAt(t, dir)) })
		}
	})
}

func checkTokenizers(t *testing.T, b *bundle.Bundle) {
	p, err := b.Parity()
	require.NoError(t, err)
	require.NotEmpty(t, p.Tokens)
	for _, want := range p.Tokens {
		lm, retriever := b.LM().Encode(want.Text, false), b.Retriever().Encode(want.Text, true)
		require.Equal(t, want.LMIDs, lm.IDs, "%q", want.Text)
		require.Equal(t, want.LMOffsets, lm.Offsets, "%q", want.Text)
		require.Equal(t, want.RetrieverIDs, retriever.IDs, "%q", want.Text)
		require.Equal(t, want.RetrieverOffsets, retriever.Offsets, "%q", want.Text)
		states := []int{}
		for _, s := range pieceStates(lm, retriever, b.Manifest().Retriever.Words) {
			if s >= 0 {
				states = append(states, s)
			}
		}
		require.Equal(t, want.WordState, states, "%q", want.Text)
	}
}

// Whatever lies in the real bundle is named, and so hashed: a graph's data file
// that the manifest forgot would be read unchecked.
func TestRealBundleNamesAllItsFiles(t *testing.T) {
	b := bundletest.Real(t)
	dir, err := filepath.EvalSymlinks(b.Dir()) // a link is not walked
	require.NoError(t, err)
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if name != bundle.ManifestFile {
			require.Contains(t, b.Manifest().Files, filepath.ToSlash(name))
		}
		return err
	})
	require.NoError(t, err)
}
