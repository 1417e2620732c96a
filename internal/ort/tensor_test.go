package ort

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTensorShapes(t *testing.T) {
	open(t)
	for _, shape := range [][]int64{{}, {-1}, {2, -3}, {math.MaxInt64, 2}, {1 << 20, 1 << 20}, {0, -1}} {
		_, err := NewFloat32(shape...)
		require.ErrorIs(t, err, ErrShape, shape)
	}
	_, err := FromInt64([]int64{1, 2, 3}, 2, 2)
	require.ErrorIs(t, err, ErrShape)

	empty, err := NewFloat32(0, 576)
	require.NoError(t, err)
	require.Empty(t, empty.Float32())
	require.NoError(t, empty.Close())

	shape := []int64{1, 2}
	x, err := NewInt32(shape...)
	require.NoError(t, err)
	shape[0] = 9
	require.Equal(t, []int64{1, 2}, x.Shape(), "the shape must be the tensor's own")
	require.NoError(t, x.Close())
	require.NoError(t, (*Tensor)(nil).Close())
}

func TestFromSharesData(t *testing.T) {
	open(t)
	data := []float32{1, 2, 3}
	x, err := FromFloat32(data)
	require.NoError(t, err)
	defer x.Close()
	data[1] = 20
	require.Equal(t, float32(20), x.Float32()[1])
}

func TestClassify(t *testing.T) {
	for text, want := range map[string]error{
		"std::bad_alloc": ErrOutOfMemory,
		"Failed to allocate memory for requested buffer of size 17": ErrOutOfMemory,
		"CUDA failure 2: out of memory ; GPU=0":                     ErrOutOfMemory,
		"CUDA failure 719: unspecified launch failure":              ErrDeviceUnavailable,
		"CUBLAS_STATUS_EXECUTION_FAILED":                            ErrDeviceUnavailable,
		"Got invalid dimensions for input: x":                       ErrRun,
	} {
		require.Equal(t, want, classify(errors.New(text), ErrRun), text)
	}
}

func TestErrorText(t *testing.T) {
	cause := errors.New("no such file")
	err := &Error{Kind: ErrModel, Op: "load model lm.onnx", Hint: "fetch it again", Err: cause}
	require.Equal(t, "load model lm.onnx: invalid model: no such file (fetch it again)", err.Error())
	require.ErrorIs(t, err, ErrModel)
	require.ErrorIs(t, err, cause)
	require.Equal(t, "closed", (&Error{Kind: errors.New("closed")}).Error())
}
