package reasoner

import (
	"context"
	"errors"
	"fmt"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/ort"
)

// onnxModel runs a bundle's graphs; docs/bundle.md names their inputs and
// outputs.
type onnxModel struct {
	layout          layout
	layers          int
	kvHeads         int
	headDim         int
	lm, lmHead      *ort.Session
	query, decoders *ort.Session
	// nil where the bundle has none:
	pointer, supporter, twin, teller *ort.Session
}

func openModel(rt *ort.Runtime, b *bundle.Bundle, l layout) (_ *onnxModel, err error) {
	backbone := b.Manifest().Backbone
	m := &onnxModel{layout: l, layers: backbone.Layers, kvHeads: backbone.KVHeads, headDim: backbone.HeadDim}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close())
		}
	}()

	in := []string{"input_ids", "inject", "rows", "seqlens_k", "total_length"}
	out := []string{"states", "action"}
	for i := range m.layers {
		in = append(in, fmt.Sprintf("past_key_%d", i), fmt.Sprintf("past_value_%d", i))
		out = append(out, fmt.Sprintf("present_key_%d", i), fmt.Sprintf("present_value_%d", i))
	}
	for _, g := range []struct {
		session **ort.Session
		file    string
		in, out []string
	}{
		{&m.lm, bundle.LMFile, in, out},
		{&m.twin, bundle.ExplicitFile, in, out},
		{&m.teller, bundle.TellFile, in, out},
		{&m.lmHead, bundle.HeadFile, []string{"states"}, []string{"logprobs"}},
		{&m.pointer, bundle.PointerFile, []string{"answer_state", "word_states", "word_mask"}, []string{"start", "starts", "end"}},
		{&m.supporter, bundle.SupportFile, []string{"think_state", "passage_states"}, []string{"support"}},
		{
			&m.query, bundle.QueryFile,
			[]string{"query_states", "question_ids", "candidate_ids", "candidate_states", "candidate_mask"},
			[]string{"vector", "gates"},
		},
		{&m.decoders, bundle.DecodeFile, []string{"think_states", "query_states"}, []string{"thought", "subquery"}},
	} {
		if !b.Has(g.file) {
			continue // the manifest was checked: it is one that a bundle may lack
		}
		// The arena saves about half of a pass' time in page faults; what it
		// keeps is bounded by the longest sequence.
		if *g.session, err = rt.Load(b.File(g.file), ort.SessionConfig{Inputs: g.in, Outputs: g.out, Arena: true}); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *onnxModel) Close() error {
	var errs []error
	for _, s := range []*ort.Session{m.lm, m.lmHead, m.query, m.decoders, m.pointer, m.supporter, m.twin, m.teller} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

// kvStore holds each layer's keys and values, [1, kvHeads, capacity, headDim],
// in the order key 0, value 0, key 1 …
type kvStore []*ort.Tensor

func (s kvStore) Close() error {
	var errs []error
	for _, t := range s {
		errs = append(errs, t.Close())
	}
	return errors.Join(errs...)
}

func (m *onnxModel) allocate(capacity int) (store, error) {
	s := make(kvStore, 0, 2*m.layers)
	newTensor := ort.NewFloat32
	if m.layout.Backbone.Cache == bundle.CacheFloat16 {
		newTensor = ort.NewFloat16
	}
	for range 2 * m.layers {
		t, err := newTensor(1, int64(m.kvHeads), int64(capacity), int64(m.headDim))
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s = append(s, t)
	}
	return s, nil
}

func (m *onnxModel) forward(ctx context.Context, c *cache, p pass) (out output, err error) {
	kv, ok := c.store.(kvStore)
	if !ok {
		return output{}, fmt.Errorf("reasoner: the cache is not one of this model")
	}
	inject := p.inject
	if len(inject) == 0 {
		inject = make([]float32, m.layout.hidden())
	}
	held, rows := len(c.tokens), len(p.rows)
	out = output{states: make([]float32, rows*m.layout.hidden()), action: make([]float32, rows*2)}

	var t tensors
	defer t.close(&err)
	in := []*ort.Tensor{
		t.int64s(p.tokens, 1, len(p.tokens)),
		t.float32s(inject, len(inject)/m.layout.hidden(), m.layout.hidden()),
		t.int64s(p.rows, rows),
		t.int32s([]int32{int32(held + len(p.tokens) - 1)}, 1),
		t.scalar(int32(held + len(p.tokens))),
	}
	outs := []*ort.Tensor{
		t.float32s(out.states, rows, m.layout.hidden()),
		t.float32s(out.action, rows, 2),
	}
	if t.err != nil {
		return output{}, t.err
	}
	backbone := m.lm
	switch {
	case c.of == ofTwin:
		backbone = m.twin
	case c.of == ofTeller && m.teller != nil:
		backbone = m.teller
	}
	// The same tensors on both sides: keys and values are written where they lie.
	return out, backbone.Run(ctx, append(in, kv...), append(outs, kv...))
}

func (m *onnxModel) head(ctx context.Context, states, logprobs []float32) (err error) {
	h := m.layout.hidden()
	rows := len(states) / h
	var t tensors
	defer t.close(&err)
	in := []*ort.Tensor{t.float32s(states, rows, h)}
	out := []*ort.Tensor{t.float32s(logprobs, rows, m.layout.Backbone.Vocab)}
	if t.err != nil {
		return t.err
	}
	return m.lmHead.Run(ctx, in, out)
}

func (m *onnxModel) point(ctx context.Context, answer, words []float32) (p pointed, err error) {
	if m.pointer == nil {
		return pointed{}, ErrPointerUnavailable
	}
	h := m.layout.hidden()
	n := len(words) / h
	width := max(n, pointerStarts)
	if width > n { // too few words: masked ones follow
		words = append(make([]float32, 0, width*h), words...)[:width*h]
	}
	mask := make([]float32, width)
	for i := range n {
		mask[i] = 1
	}
	p = pointed{
		start:  make([]float32, width+pointerSlots),
		starts: make([]int64, pointerStarts),
		end:    make([]float32, pointerStarts*width),
	}
	var t tensors
	defer t.close(&err)
	in := []*ort.Tensor{t.float32s(answer, 1, h), t.float32s(words, 1, width, h), t.float32s(mask, 1, width)}
	out := []*ort.Tensor{
		t.float32s(p.start, 1, len(p.start)), t.int64s(p.starts, 1, pointerStarts), t.float32s(p.end, 1, pointerStarts, width),
	}
	if t.err != nil {
		return pointed{}, t.err
	}
	return p, m.pointer.Run(ctx, in, out)
}

func (m *onnxModel) support(ctx context.Context, think, passages []float32) (_ []float32, err error) {
	h := m.layout.hidden()
	support := make([]float32, len(passages)/h)
	var t tensors
	defer t.close(&err)
	in := []*ort.Tensor{t.float32s(think, 1, h), t.float32s(passages, 1, len(support), h)}
	out := []*ort.Tensor{t.float32s(support, 1, len(support))}
	if t.err != nil {
		return nil, t.err
	}
	return support, m.supporter.Run(ctx, in, out)
}

func (m *onnxModel) compose(ctx context.Context, c composition) (_, _ []float32, err error) {
	h, pieces := m.layout.hidden(), len(c.pieces)
	ids, states, n := c.pieces, c.states, max(pieces, m.layout.Latent.Pieces)
	if n > pieces { // too few candidates: masked ones follow
		ids, states = make([]int64, n), make([]float32, n*h)
		copy(ids, c.pieces)
		copy(states, c.states)
	}
	mask := make([]float32, n)
	for i := range pieces {
		mask[i] = 1
	}
	vector, gates := make([]float32, m.layout.Retriever.Dimension), make([]float32, n)

	var t tensors
	defer t.close(&err)
	in := []*ort.Tensor{
		t.float32s(c.query, 1, m.layout.Latent.Query, h),
		t.int64s(c.question, 1, len(c.question)),
		t.int64s(ids, 1, n),
		t.float32s(states, 1, n, h),
		t.float32s(mask, 1, n),
	}
	out := []*ort.Tensor{t.float32s(vector, 1, len(vector)), t.float32s(gates, 1, n)}
	if t.err != nil {
		return nil, nil, t.err
	}
	if err := m.query.Run(ctx, in, out); err != nil {
		return nil, nil, err
	}
	return vector, gates[:pieces], nil
}

func (m *onnxModel) translate(ctx context.Context, think, query []float32) (_, _ []float32, err error) {
	h := m.layout.hidden()
	thought, subquery := make([]float32, len(think)), make([]float32, len(query))
	var t tensors
	defer t.close(&err)
	in := []*ort.Tensor{t.float32s(think, 1, m.layout.Latent.Think, h), t.float32s(query, 1, m.layout.Latent.Query, h)}
	out := []*ort.Tensor{t.float32s(thought, 1, m.layout.Latent.Think, h), t.float32s(subquery, 1, m.layout.Latent.Query, h)}
	if t.err != nil {
		return nil, nil, t.err
	}
	if err := m.decoders.Run(ctx, in, out); err != nil {
		return nil, nil, err
	}
	return thought, subquery, nil
}

// tensors makes the tensors of one run over slices of the caller's, and closes
// them together. The first error sticks.
type tensors struct {
	open []*ort.Tensor
	err  error
}

func (t *tensors) keep(tensor *ort.Tensor, err error) *ort.Tensor {
	if err != nil {
		t.err = errors.Join(t.err, err)
		return nil
	}
	t.open = append(t.open, tensor)
	return tensor
}

func (t *tensors) float32s(data []float32, shape ...int) *ort.Tensor {
	return t.keep(ort.FromFloat32(data, wide(shape)...))
}

func (t *tensors) int64s(data []int64, shape ...int) *ort.Tensor {
	return t.keep(ort.FromInt64(data, wide(shape)...))
}

func (t *tensors) int32s(data []int32, shape ...int) *ort.Tensor {
	return t.keep(ort.FromInt32(data, wide(shape)...))
}

func (t *tensors) scalar(v int32) *ort.Tensor { return t.keep(ort.ScalarInt32(v)) }

// close adds what goes wrong to *err.
func (t *tensors) close(err *error) {
	for _, tensor := range t.open {
		*err = errors.Join(*err, tensor.Close())
	}
}

func wide(shape []int) []int64 {
	w := make([]int64, len(shape))
	for i, n := range shape {
		w[i] = int64(n)
	}
	return w
}
