package vectorizer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/bundle/bundletest"
	"github.com/latentask/latentask/vectorizer"
)

// minParity is what a vector must have in common with the reference
// implementation's, on whatever instruction set this machine has.
const minParity = 0.999

// The encoder agrees with the vectors that the exporter wrote.
func TestParity(t *testing.T) {
	t.Run("real", func(t *testing.T) { checkParity(t, bundletest.Real(t), 200) })
	t.Run("tiny", func(t *testing.T) {
		for name, dir := range bundletest.Tiny(t) {
			t.Run(name, func(t *testing.T) { checkParity(t, bundletest.OpenAt(t, dir), 1) })
		}
	})
}

func checkParity(t *testing.T, b *bundle.Bundle, atLeast int) {
	p, err := b.Parity()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(p.Encoder.Texts), atLeast)
	want, err := b.ParityRows(p.Encoder.Vectors, p.Encoder.Dimension)
	require.NoError(t, err)
	require.Len(t, want, len(p.Encoder.Texts))

	e := openEncoder(t, b, vectorizer.Options{})
	require.Equal(t, p.Encoder.Dimension, e.Dimension())
	got, err := e.Embed(t.Context(), p.Encoder.Texts)
	require.NoError(t, err)
	least, sum := 1.0, 0.0
	for i, text := range p.Encoder.Texts {
		c := cosine(want[i], got[i])
		least, sum = min(least, c), sum+c
		if c < minParity {
			t.Errorf("cosine %.6f for %.60q", c, text)
		}
	}
	t.Logf("%d texts, cosine at least %.6f, on average %.6f", len(got), least, sum/float64(len(got)))
}

func TestRealVectorsDoNotDependOnBatches(t *testing.T) {
	b := bundletest.Real(t)
	p, err := b.Parity()
	require.NoError(t, err)
	texts := p.Encoder.Texts
	checkBatching(t, b, texts[:min(len(texts), 80)])
}

// BenchmarkEmbed reports the texts a second of the real encoder on the texts of
// parity/:
//
//	go test ./vectorizer -run '^$' -bench Embed
func BenchmarkEmbed(b *testing.B) {
	real := bundletest.Real(b)
	p, err := real.Parity()
	require.NoError(b, err)
	e := openEncoder(b, real, vectorizer.Options{})
	tokens := 0
	for _, text := range p.Encoder.Texts {
		tokens += min(e.Tokens(text), real.Manifest().Retriever.MaxTokens)
	}
	for b.Loop() {
		if _, err := e.Embed(b.Context(), p.Encoder.Texts); err != nil {
			b.Fatal(err)
		}
	}
	seconds := b.Elapsed().Seconds()
	b.ReportMetric(float64(b.N*len(p.Encoder.Texts))/seconds, "texts/s")
	b.ReportMetric(float64(b.N*tokens)/seconds, "tokens/s")
}
