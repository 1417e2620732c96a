package ort

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	ortgo "github.com/yalue/onnxruntime_go"
)

// Kinds of device.
const (
	CPU  = "cpu"
	CUDA = "cuda"
)

// Device is where sessions run.
type Device struct {
	Kind      string // CPU or CUDA
	Index     int    // number of the card; 0 on the CPU
	Requested string // as configured: "auto", "cpu", "cuda" or "cuda:n"
	Warning   string // why it is not the requested device; empty when it is
}

// String is the device as it is configured: "cpu" or "cuda:n".
func (d Device) String() string {
	if d.Kind == CUDA {
		return fmt.Sprintf("%s:%d", CUDA, d.Index)
	}
	return CPU
}

// request is a parsed device string.
type request struct {
	text  string
	kind  string // "auto", CPU or CUDA
	index int
}

// parseDevice reads auto|cpu|cuda[:n]; the empty string is auto.
func parseDevice(s string) (request, error) {
	text := strings.ToLower(strings.TrimSpace(s))
	switch text {
	case "", "auto":
		return request{text: "auto", kind: "auto"}, nil
	case CPU, CUDA:
		return request{text: text, kind: text}, nil
	}
	if number, ok := strings.CutPrefix(text, CUDA+":"); ok {
		// ParseUint with 10 bits: no signs, and no machine has 1024 cards.
		if n, err := strconv.ParseUint(number, 10, 10); err == nil {
			return request{text: text, kind: CUDA, index: int(n)}, nil
		}
	}
	return request{}, &Error{
		Kind: ErrConfig, Op: fmt.Sprintf("device %q", s),
		Hint: "use auto, cpu, cuda or cuda:n, for example LATENTASK_DEVICE=cuda:0",
	}
}

// probeModel is an Identity graph on one float. Running it is the only sure
// sign that a card, its driver and all its libraries work together.
//
//go:embed probe.onnx
var probeModel []byte

// openDevice settles where sessions will run. It never fails: what cannot be
// had becomes a warning beside the CPU. The environment must be initialised;
// folder is where its library lies.
func openDevice(want request, folder string) Device {
	d := Device{Kind: CPU, Requested: want.text}
	if want.kind == CPU {
		return d
	}
	offered, err := probeCUDA(want.index, folder)
	switch {
	case err == nil:
		d.Kind, d.Index = CUDA, want.index
	case want.kind == CUDA || offered:
		hint := "mend the card's driver and libraries"
		if !offered {
			hint = "install the GPU build of ONNX Runtime with `make cuda-libs`"
		}
		d.Warning = fmt.Sprintf("device %q was requested but cannot be used, so the CPU is: %s (%s, or set LATENTASK_DEVICE=cpu)", want.text, oneLine(err), hint)
	}
	// A library without CUDA is the ordinary case of "auto": nothing to warn of.
	return d
}

// probeCUDA runs the probe on a card. offered says whether the loaded library
// has a CUDA provider at all.
func probeCUDA(index int, folder string) (offered bool, err error) {
	cuda, err := ortgo.NewCUDAProviderOptions()
	if err != nil {
		return false, fmt.Errorf("this ONNX Runtime has no CUDA provider: %w", err)
	}
	if err := cuda.Destroy(); err != nil {
		return true, err
	}
	if err := preloadCUDA(folder); err != nil {
		return true, err
	}
	options, err := newOptions(sessionSettings{device: Device{Kind: CUDA, Index: index}, threads: 1})
	if err != nil {
		return true, err
	}
	defer options.Destroy()
	session, err := ortgo.NewDynamicAdvancedSessionWithONNXData(probeModel, []string{"x"}, []string{"y"}, options)
	if err != nil {
		return true, err
	}
	defer session.Destroy()
	in, err := ortgo.NewTensor(ortgo.NewShape(1), []float32{1})
	if err != nil {
		return true, err
	}
	defer in.Destroy()
	out, err := ortgo.NewEmptyTensor[float32](ortgo.NewShape(1))
	if err != nil {
		return true, err
	}
	defer out.Destroy()
	return true, session.Run([]ortgo.Value{in}, []ortgo.Value{out})
}

// oneLine is an error's text without line breaks: the runtime's own messages
// have some, and a warning is one line of a log.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// appendCUDA adds the CUDA provider for one card to session options.
func appendCUDA(options *ortgo.SessionOptions, index int) error {
	cuda, err := ortgo.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer cuda.Destroy()
	err = cuda.Update(map[string]string{
		"device_id": strconv.Itoa(index),
		// Grow by what is needed, not by powers of two: others use the card too.
		"arena_extend_strategy": "kSameAsRequested",
		// TF32 rounds to 10 bits of mantissa; results must agree with the CPU's.
		"use_tf32": "0",
	})
	if err != nil {
		return err
	}
	return options.AppendExecutionProviderCUDA(cuda)
}
