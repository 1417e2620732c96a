package vectorizer_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/bundle/bundletest"
	"github.com/latentask/latentask/internal/ort"
	"github.com/latentask/latentask/vectorizer"
)

// openRuntime opens the CPU runtime; its Close fails the test if anything was
// left open.
func openRuntime(t testing.TB) *ort.Runtime {
	t.Helper()
	rt, err := ort.Open(ort.Config{Device: "cpu"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close()) })
	return rt
}

func openEncoder(t testing.TB, b *bundle.Bundle, options vectorizer.Options) *vectorizer.Encoder {
	t.Helper()
	e, err := vectorizer.Open(openRuntime(t), b, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// cosine is computed in float64, so that it can tell 1e-5 from nothing.
func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

// made are texts of very different lengths, odd ones among them.
func made(n int) []string {
	words := strings.Fields("the director of film actor knox john born city walked singing Zoë 北京 1999 \U0001F600")
	rng := rand.New(rand.NewPCG(5, 6))
	texts := []string{"", " ", "\x00", "\xff", "[CLS] [SEP]", strings.Repeat("the film ", 500)}
	for len(texts) < n {
		var b strings.Builder
		for range 1 + rng.IntN(40) {
			b.WriteString(words[rng.IntN(len(words))] + " ")
		}
		texts = append(texts, b.String())
	}
	return texts
}

func TestEmbed(t *testing.T) {
	e := openEncoder(t, bundletest.Open(t), vectorizer.Options{})
	require.Equal(t, 8, e.Dimension())
	require.Equal(t, 4, e.Tokens("the film"))
	require.Equal(t, 2, e.Tokens(""))
	require.Equal(t, 1002, e.Tokens(strings.Repeat("the film ", 500)), "Tokens counts before the cut")

	got, err := e.Embed(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, got)

	texts := made(100)
	vectors, err := e.Embed(t.Context(), texts)
	require.NoError(t, err)
	require.Len(t, vectors, len(texts))
	for i, v := range vectors {
		require.Len(t, v, 8)
		require.InDelta(t, 1, cosine(v, v), 1e-6)
		var norm float64
		for _, x := range v {
			norm += float64(x) * float64(x)
		}
		require.InDelta(t, 1, norm, 1e-5, "text %d", i)
	}
	require.Equal(t, vectors[0], vectors[1], "a text of spaces is empty")
	require.Equal(t, vectors[0], vectors[2], "so is a NUL")
	require.Less(t, cosine(vectors[10], vectors[11]), 0.9999, "different texts, different vectors")

	again, err := e.Embed(t.Context(), texts)
	require.NoError(t, err)
	require.Equal(t, vectors, again)
}

// An Encoder in the background makes the same vectors, in calls of its own and
// in several at once, and ends with its context and its Close as another.
func TestBackground(t *testing.T) {
	b := bundletest.Open(t)
	texts := made(60)
	want, err := openEncoder(t, b, vectorizer.Options{}).Embed(t.Context(), texts)
	require.NoError(t, err)

	e := openEncoder(t, b, vectorizer.Options{Background: true, Concurrency: 3})
	require.Equal(t, 3, e.Batches())
	agreesAtOnce(t, e, texts, want)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = e.Embed(ctx, texts)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, e.Close())
	_, err = e.Embed(t.Context(), texts)
	require.ErrorIs(t, err, vectorizer.ErrClosed)
}

// The runtime can be closed as soon as an Encoder is, whoever still embeds.
func TestCloseWhileEmbedding(t *testing.T) {
	b := bundletest.Open(t)
	for name, options := range map[string]vectorizer.Options{
		"ordinary": {MaxBatchTokens: 1}, "background": {MaxBatchTokens: 1, Background: true, Concurrency: 2},
	} {
		t.Run(name, func(t *testing.T) {
			rt, err := ort.Open(ort.Config{Device: "cpu"})
			require.NoError(t, err)
			e, err := vectorizer.Open(rt, b, options)
			require.NoError(t, err)
			var calls sync.WaitGroup
			begun := make(chan struct{})
			for i := range 4 {
				calls.Go(func() {
					for n := 0; ; n++ {
						if _, err := e.Embed(context.Background(), made(20)); err != nil {
							if !errors.Is(err, vectorizer.ErrClosed) {
								t.Error(err)
							}
							return
						}
						if i == 0 && n == 0 {
							close(begun)
						}
					}
				})
			}
			<-begun
			require.NoError(t, e.Close())
			require.NoError(t, rt.Close())
			calls.Wait()
		})
	}
}

// A text is cut at the retriever's longest, and keeps [SEP] at its end.
func TestEmbedCutsLongTexts(t *testing.T) {
	e := openEncoder(t, bundletest.Open(t), vectorizer.Options{})
	vectors, err := e.Embed(t.Context(), []string{
		strings.Repeat("film ", 30), strings.Repeat("film ", 5000), strings.Repeat("film ", 29),
	})
	require.NoError(t, err)
	require.Equal(t, vectors[0], vectors[1], "32 tokens are [CLS], 30 words and [SEP]")
	require.NotEqual(t, vectors[0], vectors[2])
}

func TestPrefix(t *testing.T) {
	plain := openEncoder(t, bundletest.Open(t), vectorizer.Options{})
	parts := bundletest.Small(t)
	parts.Manifest.Retriever.Prefix = "query: "
	ask := "ask: "
	b, err := bundle.Open(parts.Write(t))
	require.NoError(t, err)
	defer b.Close()
	prefixed := openEncoder(t, b, vectorizer.Options{})
	want, err := plain.Embed(t.Context(), []string{"query: the film"})
	require.NoError(t, err)
	for _, embed := range []func(context.Context, []string) ([][]float32, error){prefixed.Embed, prefixed.EmbedQuestions} {
		got, err := embed(t.Context(), []string{"the film"})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	parts.Manifest.Retriever.QuestionPrefix = &ask
	other, err := bundle.Open(parts.Write(t))
	require.NoError(t, err)
	defer other.Close()
	asking := openEncoder(t, other, vectorizer.Options{})
	got, err := asking.Embed(t.Context(), []string{"the film"})
	require.NoError(t, err)
	require.Equal(t, want, got)
	got, err = asking.EmbedQuestions(t.Context(), []string{"the film"})
	require.NoError(t, err)
	want, err = plain.Embed(t.Context(), []string{"ask: the film"})
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// checkBatching embeds texts together, in other orders, in small batches and
// alone, and compares.
func checkBatching(t *testing.T, b *bundle.Bundle, texts []string) {
	whole := openEncoder(t, b, vectorizer.Options{})
	narrow := openEncoder(t, b, vectorizer.Options{MaxBatchTokens: 1})
	want, err := whole.Embed(t.Context(), texts)
	require.NoError(t, err)

	reversed := make([]string, len(texts))
	for i, text := range texts {
		reversed[len(texts)-1-i] = text
	}
	back, err := whole.Embed(t.Context(), reversed)
	require.NoError(t, err)
	split, err := narrow.Embed(t.Context(), texts)
	require.NoError(t, err)
	for i, text := range texts {
		alone, err := whole.Embed(t.Context(), []string{text})
		require.NoError(t, err)
		for how, got := range map[string][]float32{"alone": alone[0], "reversed": back[len(texts)-1-i], "in small batches": split[i]} {
			require.InDelta(t, 1, cosine(want[i], got), 1e-5, "text %d %s", i, how)
		}
	}
}

func TestVectorsDoNotDependOnBatches(t *testing.T) {
	checkBatching(t, bundletest.Open(t), made(60))
}

func TestEmbedEndsWithItsContext(t *testing.T) {
	e := openEncoder(t, bundletest.Open(t), vectorizer.Options{Concurrency: 1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.Embed(ctx, made(10))
	require.ErrorIs(t, err, context.Canceled)
	_, err = e.Embed(t.Context(), made(10))
	require.NoError(t, err, "a cancelled call must give back its turn")
}

// agreesAtOnce embeds texts in six calls at once, each of which must make the
// vectors wanted.
func agreesAtOnce(t *testing.T, e *vectorizer.Encoder, texts []string, want [][]float32) {
	t.Helper()
	var calls sync.WaitGroup
	for range 6 {
		calls.Go(func() {
			got, err := e.Embed(context.Background(), texts)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range got {
				if d := 1 - cosine(want[i], got[i]); d > 1e-5 {
					t.Errorf("text %d differs by %g", i, d)
				}
			}
		})
	}
	calls.Wait()
}

func TestConcurrentCalls(t *testing.T) {
	e := openEncoder(t, bundletest.Open(t), vectorizer.Options{MaxBatchTokens: 64})
	texts := made(40)
	want, err := e.Embed(t.Context(), texts)
	require.NoError(t, err)
	agreesAtOnce(t, e, texts, want)
}

func TestClose(t *testing.T) {
	b := bundletest.Open(t)
	e, err := vectorizer.Open(openRuntime(t), b, vectorizer.Options{})
	require.NoError(t, err)
	require.NoError(t, e.Close())
	require.NoError(t, e.Close(), "a second Close does nothing")
	_, err = e.Embed(t.Context(), []string{"the film"})
	require.ErrorIs(t, err, vectorizer.ErrClosed)
	require.NoError(t, b.Close())
	_, err = e.Embed(t.Context(), []string{"the film"})
	require.ErrorIs(t, err, vectorizer.ErrClosed, "nor without the bundle's tokenizer")
}

func TestOpenFaults(t *testing.T) {
	rt := openRuntime(t)
	_, err := vectorizer.Open(rt, bundletest.Open(t), vectorizer.Options{MaxBatchTokens: -1})
	require.Error(t, err)

	parts := bundletest.Small(t)
	parts.Manifest.Retriever.Dimension = 9
	wrong, err := bundle.Open(parts.Write(t))
	require.NoError(t, err)
	defer wrong.Close()
	_, err = vectorizer.Open(rt, wrong, vectorizer.Options{})
	require.ErrorIs(t, err, bundle.ErrIncompatible)
	require.ErrorContains(t, err, "encoder.onnx")

	parts = bundletest.Small(t)
	parts.Files[bundle.EncoderFile] = []byte("not a graph")
	broken, err := bundle.Open(parts.Write(t))
	require.NoError(t, err)
	defer broken.Close()
	_, err = vectorizer.Open(rt, broken, vectorizer.Options{})
	require.ErrorIs(t, err, ort.ErrModel)
}
