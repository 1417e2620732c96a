package eval

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"
)

func TestVectorsAreKeptByTextAndRetriever(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "vectors.db")
	v, err := OpenVectors(path, "one")
	require.NoError(t, err)
	require.NoError(t, v.Put(map[string][]float32{"a": {0.25, -1}, "b": {3, 4}}))
	require.NoError(t, v.Put(nil))
	_, err = OpenVectors(path, "one")
	require.ErrorContains(t, err, "another run")
	require.NoError(t, v.Close())

	v, err = OpenVectors(path, "one")
	require.NoError(t, err)
	got, err := v.Get("a")
	require.NoError(t, err)
	require.Equal(t, []float32{0.25, -1}, got)
	got, err = v.Get("c")
	require.NoError(t, err)
	require.Nil(t, got)
	require.NoError(t, v.Close())

	v, err = OpenVectors(path, "two")
	require.NoError(t, err)
	defer v.Close()
	got, err = v.Get("a")
	require.NoError(t, err)
	require.Nil(t, got, "another retriever has other vectors")
}

func TestKeep(t *testing.T) {
	v, err := OpenVectors(filepath.Join(t.TempDir(), "vectors.db"), "one")
	require.NoError(t, err)
	defer v.Close()
	known := Passage{Title: "Ove", Text: "A film."}
	require.NoError(t, v.Put(map[string][]float32{known.embedded(): {1, 0}}))
	require.NoError(t, keep(v, []*models.Object{
		{Vector: []float32{0, 1}, Properties: map[string]any{"pid": "1", "title": "Ove", "text": "A film."}},
		{Vector: []float32{0, 2}, Properties: map[string]any{"pid": "2", "text": "A film."}},
		{Properties: map[string]any{"pid": "3", "text": "No vector."}},
	}))
	for text, want := range map[string][]float32{
		"Passage A film. Ove": {1, 0}, "Passage A film.": {0, 2}, "Passage No vector.": nil,
	} {
		got, err := v.Get(text)
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
}

func TestAFolderIsOneRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "lock")
	first, err := takeLock(path)
	require.NoError(t, err)
	_, err = takeLock(path)
	require.ErrorContains(t, err, "another run works on")
	require.NoError(t, first.release())
	again, err := takeLock(path)
	require.NoError(t, err)
	require.NoError(t, again.release())
}
