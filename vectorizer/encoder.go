package vectorizer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"github.com/latentask/latentask/internal/background"
	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/ort"
)

// Defaults of [Options].
const (
	DefaultMaxBatchTokens = 2048
	DefaultConcurrency    = 2
)

// What an Encoder in the background has on the CPU: a batch a core, each small,
// since working memory grows with both. A thread alone gains nothing from larger
// ones.
const (
	backgroundTokens  = 512
	backgroundBatches = 16
)

// ErrClosed is returned by an Encoder after Close.
var ErrClosed = errors.New("vectorizer: closed")

// Options bound what an Encoder uses.
type Options struct {
	// MaxBatchTokens is how many tokens a batch may have, padding included.
	// It bounds working memory, which stays allocated: about 50 MB a thousand
	// tokens, for each batch that runs at once. 0 is DefaultMaxBatchTokens; it is
	// never less than one text of the retriever's longest.
	MaxBatchTokens int
	// Concurrency is how many batches, of all calls, run at once. Batches take
	// turns, so a single query waits for a batch of an import, not for the
	// import. 0 is DefaultConcurrency.
	Concurrency int
	// Background is for work that can wait: on the CPU each batch is computed by
	// one thread whose priority is lower than that of the rest of the process, and
	// the defaults are as many batches as there are cores (at most 16), of at most
	// 512 tokens. On a card it changes nothing.
	Background bool
}

// Encoder embeds texts. It is safe for concurrent use.
type Encoder struct {
	tokenizer *bundle.Tokenizer
	session   *ort.Session
	settings  bundle.Retriever
	maxBatch  int
	// batches is how many turns there are.
	batches int
	turns   *semaphore.Weighted
	closed  atomic.Bool      // changed by who has all turns
	pool    *background.Pool // nil where batches run where they are asked for
}

// Open loads the bundle's encoder. The bundle and the runtime must stay open
// until the Encoder's Close. Errors are those of package ort, or a
// [*bundle.Error] when the graph does not give vectors of the manifest's
// dimension.
func Open(rt *ort.Runtime, b *bundle.Bundle, options Options) (*Encoder, error) {
	if options.MaxBatchTokens < 0 || options.Concurrency < 0 {
		return nil, fmt.Errorf("vectorizer: negative option in %+v", options)
	}
	config := ort.SessionConfig{
		Inputs:  []string{"input_ids", "attention_mask"},
		Outputs: []string{"vectors"},
		Arena:   true, // batches are bounded
	}
	tokens, batches := DefaultMaxBatchTokens, DefaultConcurrency
	low := options.Background && rt.Device().Kind == ort.CPU
	if low {
		tokens, batches, config.Threads = backgroundTokens, background.Threads(backgroundBatches), 1
	}
	if options.MaxBatchTokens > 0 {
		tokens = options.MaxBatchTokens
	}
	if options.Concurrency > 0 {
		batches = options.Concurrency
	}
	session, err := rt.Load(b.File(bundle.EncoderFile), config)
	if err != nil {
		return nil, fmt.Errorf("vectorizer: %w", err)
	}
	settings := b.Manifest().Retriever
	e := &Encoder{
		tokenizer: b.Retriever(),
		session:   session,
		settings:  settings,
		maxBatch:  max(tokens, settings.MaxTokens),
		batches:   batches,
		turns:     semaphore.NewWeighted(int64(batches)),
	}
	if low {
		e.pool = background.NewPool(batches)
	}
	// The outputs are bound with the manifest's dimension: a graph of another
	// one fails here, and not at the first import.
	if _, err := e.Embed(context.Background(), []string{""}); err != nil {
		err = &bundle.Error{Kind: bundle.ErrIncompatible, File: bundle.EncoderFile, Err: err, Hint: "assemble or download the bundle again"}
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// Embed returns a vector of unit length for each text, in the texts' order. Texts
// are cut at the retriever's longest; an empty text has a vector too. Each vector
// has memory of its own and belongs to the caller.
//
// When ctx ends Embed stops within one operator of the graph and returns ctx's
// error. Other errors are those of [ort.Session.Run].
func (e *Encoder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	return e.embed(ctx, e.settings.Prefix, texts)
}

// EmbedQuestions is Embed for what is searched with, which some retrievers want
// another prefix before than the texts that it is searched among.
func (e *Encoder) EmbedQuestions(ctx context.Context, questions []string) ([][]float32, error) {
	return e.embed(ctx, e.settings.AskPrefix(), questions)
}

func (e *Encoder) embed(ctx context.Context, prefix string, texts []string) ([][]float32, error) {
	ids := make([][]int64, len(texts))
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if ids[i] = e.encode(prefix + text); len(ids[i]) == 0 {
			return nil, ErrClosed // an open tokenizer puts something around any text
		}
	}
	vectors := make([][]float32, len(texts))
	for _, batch := range plan(ids, e.maxBatch) {
		if err := e.turns.Acquire(ctx, 1); err != nil {
			return nil, err
		}
		err := ErrClosed
		if !e.closed.Load() {
			err = e.run(ctx, batch, ids, vectors)
		}
		e.turns.Release(1)
		if err != nil {
			return nil, err
		}
	}
	return vectors, nil
}

// encode gives the ids of a text with its prefix, cut so that the closing token
// stays.
func (e *Encoder) encode(text string) []int64 {
	ids := e.tokenizer.IDs(text, true)
	if limit := e.settings.MaxTokens; len(ids) > limit {
		last := ids[len(ids)-1]
		ids = ids[:limit]
		ids[limit-1] = last
	}
	return ids
}

// run embeds one batch and stores its vectors by the texts' indices.
func (e *Encoder) run(ctx context.Context, b batch, ids [][]int64, vectors [][]float32) (err error) {
	rows, columns, width := int64(len(b.texts)), int64(b.length), int64(e.settings.Dimension)
	input, err := ort.NewInt64(rows, columns)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, input.Close()) }()
	mask, err := ort.NewInt64(rows, columns)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mask.Close()) }()
	output, err := ort.NewFloat32(rows, width)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, output.Close()) }()

	in, on := input.Int64(), mask.Int64()
	for r, text := range b.texts {
		from := r * b.length
		n := copy(in[from:from+b.length], ids[text])
		for i := range b.length {
			if i < n {
				on[from+i] = 1
			} else {
				in[from+i] = e.settings.PAD
			}
		}
	}
	if err := e.compute(ctx, []*ort.Tensor{input, mask}, []*ort.Tensor{output}); err != nil {
		return err
	}
	for r, text := range b.texts {
		vectors[text] = append([]float32(nil), output.Float32()[r*int(width):(r+1)*int(width)]...)
	}
	return nil
}

// compute runs the graph. On a thread of low priority nothing else is done.
func (e *Encoder) compute(ctx context.Context, in, out []*ort.Tensor) error {
	if e.pool == nil {
		return e.session.Run(ctx, in, out)
	}
	return e.pool.Do(ctx, func() error { return e.session.Run(ctx, in, out) })
}

// Batches is how many batches run at once. A call runs its own one after the
// other, so as many calls keep the Encoder busy.
func (e *Encoder) Batches() int { return e.batches }

// Yields tells whether the kernel lets all other threads of the process go
// before this Encoder's.
func (e *Encoder) Yields() bool { return e.pool != nil && e.pool.Yields() }

// Tokens is how many tokens a text has for the retriever, [CLS] and [SEP]
// included, before it is cut.
func (e *Encoder) Tokens(text string) int { return len(e.tokenizer.IDs(e.settings.Prefix+text, true)) }

// Dimension is the length of a vector.
func (e *Encoder) Dimension() int { return e.settings.Dimension }

// Close waits for the batches that run and unloads the encoder. A second Close
// does nothing.
func (e *Encoder) Close() error {
	// With all turns taken no batch holds a tensor, so that the runtime can be
	// closed next. Waiting for turns ends with a context alone.
	_ = e.turns.Acquire(context.Background(), int64(e.batches))
	defer e.turns.Release(int64(e.batches))
	e.closed.Store(true)
	if e.pool != nil {
		e.pool.Close()
	}
	return e.session.Close()
}
