package ort

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRunWritesInPlace(t *testing.T) {
	rt := open(t)
	tensor := closing(t)
	s := load(t, rt, "affine.onnx", SessionConfig{})
	require.Equal(t, []string{"a", "b"}, s.Inputs())
	require.Equal(t, []string{"sum", "product"}, s.Outputs())

	a := tensor(FromFloat32([]float32{1, 2, 3, 4}, 2, 2))
	b := tensor(FromFloat32([]float32{10, 20, 30, 40}, 2, 2))
	sum, product := tensor(NewFloat32(2, 2)), tensor(NewFloat32(2, 2))
	before := &sum.Float32()[0]
	for range 3 { // the same tensors serve run after run
		require.NoError(t, s.Run(t.Context(), []*Tensor{a, b}, []*Tensor{sum, product}))
		require.Equal(t, []float32{11, 22, 33, 44}, sum.Float32())
		require.Equal(t, []float32{10, 40, 90, 160}, product.Float32())
	}
	require.Same(t, before, &sum.Float32()[0], "the output was not written in place")

	a.Float32()[0] = 100
	require.NoError(t, s.Run(t.Context(), []*Tensor{a, b}, []*Tensor{sum, product}))
	require.Equal(t, float32(110), sum.Float32()[0], "a change of the input's data must be seen")
}

func TestRunAllocatesNilOutputs(t *testing.T) {
	rt := open(t)
	tensor := closing(t)
	s := load(t, rt, "affine.onnx", SessionConfig{Inputs: []string{"b", "a"}, Outputs: []string{"product"}})
	a := tensor(FromFloat32([]float32{1, 2}, 1, 2))
	out := []*Tensor{nil}
	require.NoError(t, s.Run(context.Background(), []*Tensor{a, a}, out))
	require.Equal(t, []int64{1, 2}, out[0].Shape())
	require.Equal(t, []float32{1, 4}, out[0].Float32())
	require.NoError(t, out[0].Close())
}

func TestElementTypes(t *testing.T) {
	rt := open(t)
	tensor := closing(t)
	s := load(t, rt, "kinds.onnx", SessionConfig{Outputs: []string{"wide2", "narrow2", "real"}})
	in := []*Tensor{
		tensor(FromInt64([]int64{1, 1 << 40})),
		tensor(FromInt32([]int32{5, 6})),
		tensor(ScalarInt32(100)),
	}
	out := []*Tensor{tensor(NewInt64(2)), nil, nil}
	require.NoError(t, s.Run(t.Context(), in, out))
	tensor(out[1], nil)
	tensor(out[2], nil)
	require.Equal(t, []int64{2, 1 << 41}, out[0].Int64())
	require.Equal(t, []int32{105, 106}, out[1].Int32())
	require.Equal(t, []float32{1, 1 << 40}, out[2].Float32())
	require.Nil(t, out[2].Int64(), "a tensor of another type has no int64 data")
	require.Equal(t, []int32{100}, in[2].Int32())
	require.Empty(t, in[2].Shape())
}

// A tensor in half precision is handed from run to run, as input and as output.
func TestFloat16(t *testing.T) {
	rt := open(t)
	tensor := closing(t)
	s := load(t, rt, "half.onnx", SessionConfig{Inputs: []string{"before", "x"}, Outputs: []string{"after", "real"}})
	sum, real := tensor(NewFloat16(2)), tensor(NewFloat32(2))
	x := tensor(FromFloat32([]float32{1, -0.5}))
	for i := range 3 {
		require.NoError(t, s.Run(t.Context(), []*Tensor{sum, x}, []*Tensor{sum, real}))
		n := float32(i + 1)
		require.Equal(t, []float32{n, -0.5 * n}, real.Float32())
	}
	require.Nil(t, sum.Float32())
	require.Equal(t, []int64{2}, sum.Shape())
	_, err := NewFloat16(2, -1)
	require.ErrorIs(t, err, ErrShape)
}

// The other outputs of the run that fails must not stay behind: open checks it.
func TestUnsupportedOutputIsAnError(t *testing.T) {
	rt := open(t)
	tensor := closing(t)
	s := load(t, rt, "kinds.onnx", SessionConfig{})
	in := []*Tensor{tensor(NewInt64(2)), tensor(NewInt32(2)), tensor(ScalarInt32(1))}
	out := make([]*Tensor, 4)
	require.ErrorIs(t, s.Run(t.Context(), in, out), ErrModel)
	require.Equal(t, make([]*Tensor, 4), out)
}

func TestRunRefusesBadTensors(t *testing.T) {
	rt := open(t)
	tensor := closing(t)
	s := load(t, rt, "affine.onnx", SessionConfig{})
	a := tensor(NewFloat32(3, 2))
	whole := tensor(NewInt64(3, 2))
	closed, err := NewFloat32(3, 2)
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	require.NoError(t, closed.Close(), "a second Close does nothing")
	require.Nil(t, closed.Float32())

	for name, c := range map[string]struct {
		in, out []*Tensor
		want    error
	}{
		"too few inputs":    {[]*Tensor{a}, []*Tensor{nil, nil}, ErrRun},
		"too many outputs":  {[]*Tensor{a, a}, []*Tensor{nil, nil, nil}, ErrRun},
		"nil input":         {[]*Tensor{a, nil}, []*Tensor{nil, nil}, ErrRun},
		"closed input":      {[]*Tensor{a, closed}, []*Tensor{nil, nil}, ErrClosed},
		"closed output":     {[]*Tensor{a, a}, []*Tensor{closed, nil}, ErrClosed},
		"wrong type":        {[]*Tensor{a, whole}, []*Tensor{nil, nil}, ErrRun},
		"wrong shape":       {[]*Tensor{a, tensor(NewFloat32(3, 5))}, []*Tensor{nil, nil}, ErrRun},
		"wrong output":      {[]*Tensor{a, a}, []*Tensor{tensor(NewFloat32(2, 2)), nil}, ErrRun},
		"wrong output type": {[]*Tensor{a, a}, []*Tensor{whole, nil}, ErrRun},
	} {
		t.Run(name, func(t *testing.T) {
			err := s.Run(t.Context(), c.in, c.out)
			require.ErrorIs(t, err, c.want)
			var typed *Error
			require.ErrorAs(t, err, &typed)
			require.Contains(t, typed.Error(), "affine.onnx")
		})
	}
	out := tensor(NewFloat32(3, 2))
	require.NoError(t, s.Run(t.Context(), []*Tensor{a, a}, []*Tensor{out, out}[:2:2]), "the session must survive bad runs")
}

// The graph would run for years: only termination can end it.
func TestCancelStopsARun(t *testing.T) {
	rt := open(t)
	tensor := closing(t)
	s := load(t, rt, "endless.onnx", SessionConfig{})
	x := tensor(NewFloat32(1))
	forever := tensor(FromInt64([]int64{1 << 60}))

	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for s.mu.TryLock() { // until the run holds the session
			s.mu.Unlock()
			runtime.Gosched()
		}
		cancel(errors.New("client left"))
	}()
	out := []*Tensor{nil}
	require.ErrorIs(t, s.Run(ctx, []*Tensor{x, forever}, out), context.Canceled)
	require.Nil(t, out[0])

	require.ErrorIs(t, s.Run(ctx, []*Tensor{x, forever}, out), context.Canceled, "an ended context starts nothing")

	few := tensor(FromInt64([]int64{3}))
	y := tensor(NewFloat32(1))
	require.NoError(t, s.Run(t.Context(), []*Tensor{x, few}, []*Tensor{y}), "a cancelled run must not spoil the next")
}

func TestRunsOverlap(t *testing.T) {
	rt := open(t)
	s := load(t, rt, "affine.onnx", SessionConfig{})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				v := float32(g*100 + i)
				a, err := FromFloat32([]float32{v, v}, 1, 2)
				if err != nil {
					t.Error(err)
					return
				}
				out := []*Tensor{nil, nil}
				if err := s.Run(context.Background(), []*Tensor{a, a}, out); err != nil {
					t.Error(err)
					return
				}
				if got := out[0].Float32()[0]; got != 2*v {
					t.Errorf("sum = %v, want %v", got, 2*v)
				}
				if err := errors.Join(a.Close(), out[0].Close(), out[1].Close()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// Close waits for runs that are under way; later runs are refused.
func TestCloseWaitsForRuns(t *testing.T) {
	rt := open(t)
	tensor := closing(t)
	s := load(t, rt, "endless.onnx", SessionConfig{})
	x, trips := tensor(NewFloat32(1)), tensor(FromInt64([]int64{20000}))
	y := tensor(NewFloat32(1))
	result := make(chan error, 1)
	go func() { result <- s.Run(context.Background(), []*Tensor{x, trips}, []*Tensor{y}) }()
	require.NoError(t, s.Close())
	if err := <-result; err != nil { // Close came first
		require.ErrorIs(t, err, ErrClosed)
	}
	require.NoError(t, s.Close(), "a second Close does nothing")
	require.ErrorIs(t, s.Run(t.Context(), []*Tensor{x, trips}, []*Tensor{y}), ErrClosed)
}

// A cache bound as past and present is extended where it lies: reading in two
// passes gives what one pass gives, rolling back and reading again does too,
// and keys already cached stay as they were.
func TestSharedPastAndPresent(t *testing.T) {
	const tokens, first, width, capacity = 6, 4, 8, 16
	rt := open(t)
	tensor := closing(t)
	s := load(t, rt, "attention.onnx", SessionConfig{})
	rng := rand.New(rand.NewPCG(1, 2))
	q, k, v := make([]float32, tokens*width), make([]float32, tokens*width), make([]float32, tokens*width)
	for i := range q {
		q[i], k[i], v[i] = rng.Float32()-0.5, rng.Float32()-0.5, rng.Float32()-0.5
	}
	pass := func(keys, values *Tensor, from, to int) []float32 {
		n := int64(to - from)
		slice := func(x []float32) *Tensor { return tensor(FromFloat32(x[from*width:to*width], 1, n, width)) }
		y := tensor(NewFloat32(1, n, width))
		in := []*Tensor{slice(q), slice(k), slice(v), keys, values, tensor(FromInt32([]int32{int32(to) - 1})), tensor(ScalarInt32(int32(to)))}
		require.NoError(t, s.Run(t.Context(), in, []*Tensor{y, keys, values}))
		return y.Float32()
	}
	cache := func() *Tensor { return tensor(NewFloat32(1, 1, capacity, width)) }
	wholeKeys, wholeValues := cache(), cache()
	whole := pass(wholeKeys, wholeValues, 0, tokens)

	keys, values := cache(), cache()
	pass(keys, values, 0, first)
	require.Equal(t, k[:first*width], keys.Float32()[:first*width], "keys belong into the bound tensor")
	for range 2 { // the second time is a roll-back: the same position again
		rest := pass(keys, values, first, tokens)
		require.InDeltaSlice(t, whole[first*width:], rest, 1e-6)
		require.Equal(t, wholeKeys.Float32(), keys.Float32())
		require.Equal(t, wholeValues.Float32(), values.Float32())
	}
}

// The bundles' int8 form (unsigned activations, weights of at most ±64) must be
// exact on this processor's kernels, also where neighbouring products are as
// large as they get: without VNNI, weights up to ±127 saturate in 16 bits.
func TestInt8KernelsDoNotSaturate(t *testing.T) {
	const rows, depth, columns = 5, 64, 16
	raw, err := os.ReadFile(filepath.Join("testdata", "int8.weights"))
	require.NoError(t, err)
	rt := open(t)
	tensor := closing(t)
	s := load(t, rt, "int8.onnx", SessionConfig{})

	x := make([]float32, rows*depth)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range x {
		switch row := i / depth; row {
		case 0: // all at the upper end of the range
			x[i] = 127
		case 1:
			x[i] = -127
		default: // whole numbers with 127 among them: the scale is exactly 1
			x[i] = float32(rng.IntN(255) - 127)
			if i%depth == 0 {
				x[i] = 127
			}
		}
	}
	y := tensor(NewFloat32(rows, columns))
	require.NoError(t, s.Run(t.Context(), []*Tensor{tensor(FromFloat32(x, rows, depth))}, []*Tensor{y}))
	for r := range rows {
		for c := range columns {
			var want float32
			for i := range depth {
				want += x[r*depth+i] * float32(int8(raw[i*columns+c]))
			}
			if got := y.Float32()[r*columns+c]; got != want {
				t.Errorf("row %d, column %d: %v, want %v (saturated?)", r, c, got, want)
			}
		}
	}
}
