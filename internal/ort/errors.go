package ort

import (
	"errors"
	"strings"
)

// Kinds of [*Error]. Test for them with errors.Is.
var (
	// ErrConfig: a setting that can never work, such as an unknown device.
	ErrConfig = errors.New("invalid configuration")
	// ErrLibraryMissing: libonnxruntime was not found or could not be loaded.
	ErrLibraryMissing = errors.New("ONNX Runtime library missing")
	// ErrLibraryVersion: libonnxruntime is older than this package needs.
	ErrLibraryVersion = errors.New("ONNX Runtime library of an unsupported version")
	// ErrModel: a graph that cannot be read or does not have the named inputs and outputs.
	ErrModel = errors.New("invalid model")
	// ErrDeviceUnavailable: the accelerator failed after it had been opened.
	ErrDeviceUnavailable = errors.New("device unavailable")
	// ErrOutOfMemory: ONNX Runtime could not allocate host or device memory.
	ErrOutOfMemory = errors.New("out of memory")
	// ErrShape: a tensor shape that is negative, overflows or does not fit its data.
	ErrShape = errors.New("invalid tensor shape")
	// ErrRun: a run that failed for any other reason, such as inputs of a wrong shape.
	ErrRun = errors.New("run failed")
	// ErrClosed: use of a runtime, session or tensor after Close.
	ErrClosed = errors.New("already closed")
	// ErrInUse: the runtime was closed while sessions or tensors were open.
	ErrInUse = errors.New("still in use")
)

// Error says what failed, of which kind, and what an operator can do about it.
type Error struct {
	Kind error  // one of the package's sentinels
	Op   string // what was being done, such as "load model encoder.onnx"
	Hint string // what to do, or empty
	Err  error  // the cause, or nil
}

// Error joins the operation, the kind, the cause and the hint in one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	b.WriteString(e.Kind.Error())
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Unwrap makes both the kind and the cause visible to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// classify maps a message of ONNX Runtime to a kind. The binding hands on the
// status text alone, not its code, so the text is all there is.
func classify(err error, otherwise error) error {
	text := strings.ToLower(err.Error())
	for _, sign := range []string{"bad_alloc", "failed to allocate", "out of memory", "out_of_memory", "available memory of"} {
		if strings.Contains(text, sign) {
			return ErrOutOfMemory
		}
	}
	for _, sign := range []string{"cuda failure", "cuda error", "cudnn failure", "cublas failure", "cudnn_status", "cublas_status"} {
		if strings.Contains(text, sign) {
			return ErrDeviceUnavailable
		}
	}
	return otherwise
}

// hintFor is what an operator can do about a fault of that kind.
func hintFor(kind error) string {
	switch kind {
	case ErrOutOfMemory:
		return "give the node more memory, or lower GOMEMLIMIT to leave more outside Go's heap"
	case ErrDeviceUnavailable:
		return "look at the driver's log (dmesg, nvidia-smi); LATENTASK_DEVICE=cpu runs without the card"
	}
	return ""
}
