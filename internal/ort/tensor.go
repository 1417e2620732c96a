package ort

import (
	"fmt"
	"slices"
	"sync/atomic"

	ortgo "github.com/yalue/onnxruntime_go"
)

// maxElements bounds a tensor, so that a wrong shape is an error and not a
// failed allocation, which would end the process.
const maxElements = 1 << 32

// Element is a type that a tensor can hold.
type Element interface{ float32 | int64 | int32 }

// Tensor is an array of float32, int64 or int32 with a shape. Its data is a Go
// slice that ONNX Runtime reads and writes in place: what is written to the
// slice before a run is the run's input, and the run's output is in the slice
// when the run has returned. Neither the slice nor the tensor may be touched
// while a run uses them, nor used after Close. Different tensors are
// independent; one tensor is not safe for concurrent use.
type Tensor struct {
	value  ortgo.Value
	data   any // []float32, []int64 or []int32; []byte of a half-precision tensor
	shape  []int64
	closed atomic.Bool
}

// NewFloat32 returns a tensor of zeros.
func NewFloat32(shape ...int64) (*Tensor, error) { return newZero[float32](shape) }

// NewInt64 returns a tensor of zeros.
func NewInt64(shape ...int64) (*Tensor, error) { return newZero[int64](shape) }

// NewInt32 returns a tensor of zeros.
func NewInt32(shape ...int64) (*Tensor, error) { return newZero[int32](shape) }

// NewFloat16 returns a tensor of zeros in half precision, which Go has no type
// for: its data can be handed from run to run, and not looked at.
func NewFloat16(shape ...int64) (*Tensor, error) {
	const size = 2
	n, err := count(shape)
	if err != nil {
		return nil, err
	}
	shape = slices.Clone(shape)
	data := make([]byte, size*n)
	value, err := ortgo.NewCustomDataTensor(ortgo.Shape(shape), data, ortgo.TensorElementDataTypeFloat16)
	if err != nil {
		return nil, &Error{Kind: classify(err, ErrRun), Op: "new tensor", Err: err}
	}
	return track(value, data, shape), nil
}

// FromFloat32 returns a tensor that shares data, without a copy. With no shape
// it is one-dimensional.
func FromFloat32(data []float32, shape ...int64) (*Tensor, error) { return from(data, shape) }

// FromInt64 returns a tensor that shares data, without a copy. With no shape it
// is one-dimensional.
func FromInt64(data []int64, shape ...int64) (*Tensor, error) { return from(data, shape) }

// FromInt32 returns a tensor that shares data, without a copy. With no shape it
// is one-dimensional.
func FromInt32(data []int32, shape ...int64) (*Tensor, error) { return from(data, shape) }

// ScalarInt32 returns a tensor without dimensions. Its value cannot be changed:
// make another one for another value.
func ScalarInt32(value int32) (*Tensor, error) {
	scalar, err := ortgo.NewScalar(value)
	if err != nil {
		return nil, &Error{Kind: classify(err, ErrRun), Op: "new scalar", Err: err}
	}
	return track(scalar, []int32{value}, nil), nil
}

func newZero[T Element](shape []int64) (*Tensor, error) {
	n, err := count(shape)
	if err != nil {
		return nil, err
	}
	return wrap(make([]T, n), shape)
}

func from[T Element](data []T, shape []int64) (*Tensor, error) {
	if len(shape) == 0 {
		shape = []int64{int64(len(data))}
	}
	n, err := count(shape)
	if err != nil {
		return nil, err
	}
	if n != int64(len(data)) {
		return nil, &Error{Kind: ErrShape, Op: "new tensor", Err: fmt.Errorf("shape %v needs %d elements, got %d", shape, n, len(data))}
	}
	return wrap(data, shape)
}

func wrap[T Element](data []T, shape []int64) (*Tensor, error) {
	shape = slices.Clone(shape)
	value, err := ortgo.NewTensor(ortgo.Shape(shape), data)
	if err != nil {
		return nil, &Error{Kind: classify(err, ErrRun), Op: "new tensor", Err: err}
	}
	return track(value, data, shape), nil
}

// adopt takes over a value that a run allocated; on error it is destroyed.
func adopt(value ortgo.Value) (*Tensor, error) {
	shape := value.GetShape()
	switch v := value.(type) {
	case *ortgo.Tensor[float32]:
		return track(v, v.GetData(), shape), nil
	case *ortgo.Tensor[int64]:
		return track(v, v.GetData(), shape), nil
	case *ortgo.Tensor[int32]:
		return track(v, v.GetData(), shape), nil
	}
	err := &Error{Kind: ErrModel, Op: "read output", Err: fmt.Errorf("unsupported element type of %T", value)}
	if cause := value.Destroy(); cause != nil {
		err.Err = fmt.Errorf("%w; %w", err.Err, cause)
	}
	return nil, err
}

func track(value ortgo.Value, data any, shape []int64) *Tensor {
	openTensors.Add(1)
	return &Tensor{value: value, data: data, shape: shape}
}

// count is the number of elements of a shape.
func count(shape []int64) (int64, error) {
	if len(shape) == 0 {
		return 0, &Error{Kind: ErrShape, Op: "new tensor", Err: fmt.Errorf("no dimensions")}
	}
	n := int64(1)
	for _, d := range shape {
		if d < 0 {
			return 0, &Error{Kind: ErrShape, Op: "new tensor", Err: fmt.Errorf("negative dimension in %v", shape)}
		}
		if d > 0 && n > maxElements/d {
			return 0, &Error{Kind: ErrShape, Op: "new tensor", Err: fmt.Errorf("shape %v has more than %d elements", shape, int64(maxElements))}
		}
		n *= d
	}
	return n, nil
}

// Float32 is the tensor's data, row by row, or nil if it holds another type.
func (t *Tensor) Float32() []float32 { return elements[float32](t) }

// Int64 is the tensor's data, row by row, or nil if it holds another type.
func (t *Tensor) Int64() []int64 { return elements[int64](t) }

// Int32 is the tensor's data, row by row, or nil if it holds another type.
func (t *Tensor) Int32() []int32 { return elements[int32](t) }

func elements[T Element](t *Tensor) []T {
	data, _ := t.data.([]T)
	return data
}

// Shape is the length of each dimension. The caller must not change it.
func (t *Tensor) Shape() []int64 { return t.shape }

// Close lets go of the data. A second Close does nothing; closing nil is allowed.
func (t *Tensor) Close() error {
	if t == nil || !t.closed.CompareAndSwap(false, true) {
		return nil
	}
	openTensors.Add(-1)
	t.data = nil
	return t.value.Destroy()
}
