package ort

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	ortgo "github.com/yalue/onnxruntime_go"
)

// maxDefaultThreads caps the thread budget that is chosen by itself: beyond it
// passes of a few hundred tokens gain little, and a database has other work.
const maxDefaultThreads = 8

// Config is how a process uses ONNX Runtime.
type Config struct {
	// Library is the path of libonnxruntime. Empty: LATENTASK_ORT_LIBRARY, then
	// lib/ or ../lib beside the executable, then .latentask/lib of the working
	// directory or of a folder above it.
	Library string
	// Device is auto, cpu, cuda or cuda:n. Empty is auto: a card where the
	// library and the machine offer one, else the CPU.
	Device string
	// Threads is how many threads one run may use. 0 is the number of cores
	// that the process may use (GOMAXPROCS), at most 8.
	Threads int
}

// Runtime is the process's ONNX Runtime. It is safe for concurrent use.
type Runtime struct {
	library string
	version string
	threads int

	mu     sync.Mutex // guards device
	device Device
}

// process is the one runtime that a process can have: libonnxruntime keeps
// global state, and so does its binding.
var process struct {
	sync.Mutex
	runtime *Runtime
	config  Config // resolved
	refs    int
}

// What is open, for Close to report leaks.
var openSessions, openTensors atomic.Int64

// Open loads libonnxruntime and settles the device. While a runtime is open, a
// second Open with an equal configuration returns the same one, and a different
// configuration is refused with [ErrConfig]; every Open needs its own Close.
//
// Errors: [ErrConfig], [ErrLibraryMissing], [ErrLibraryVersion]. A device that
// cannot be used is not an error, see [Device.Warning].
func Open(config Config) (*Runtime, error) {
	want, err := parseDevice(config.Device)
	if err != nil {
		return nil, err
	}
	if config.Threads < 0 || config.Threads > 1024 {
		return nil, &Error{
			Kind: ErrConfig, Op: fmt.Sprintf("threads %d", config.Threads),
			Hint: "use 0 (all cores, at most 8) to 1024",
		}
	}
	library, err := findLibrary(config.Library, want)
	if err != nil {
		return nil, err
	}
	threads := config.Threads
	if threads == 0 {
		threads = min(runtime.GOMAXPROCS(0), maxDefaultThreads)
	}
	resolved := Config{Library: library, Device: want.text, Threads: threads}

	process.Lock()
	defer process.Unlock()
	if process.refs > 0 {
		if process.config != resolved {
			return nil, &Error{
				Kind: ErrConfig, Op: "open ONNX Runtime",
				Err:  fmt.Errorf("already open with %+v, not %+v", process.config, resolved),
				Hint: "one process has one ONNX Runtime: use the same settings everywhere",
			}
		}
		process.refs++
		return process.runtime, nil
	}

	if err := loadLibrary(library); err != nil {
		return nil, err
	}
	process.runtime = &Runtime{
		library: library,
		version: ortgo.GetVersion(),
		threads: threads,
		device:  openDevice(want, filepath.Dir(library)),
	}
	process.config = resolved
	process.refs = 1
	return process.runtime, nil
}

// loadLibrary initialises the binding's environment from a library file.
func loadLibrary(path string) error {
	ortgo.SetSharedLibraryPath(path)
	// The runtime would print every fault to standard error, a cancelled run
	// included. They all come back as errors: the node's log is the caller's.
	if err := ortgo.InitializeEnvironment(ortgo.WithLogLevelFatal()); err != nil {
		kind, hint := ErrLibraryMissing, "the file is there but cannot be loaded: it needs glibc (not Alpine's musl) and this machine's processor type"
		if strings.Contains(err.Error(), "API base") {
			kind, hint = ErrLibraryVersion, hintVersion
		}
		return &Error{Kind: kind, Op: "load ONNX Runtime", Err: err, Hint: hint}
	}
	if err := checkVersion(ortgo.GetVersion()); err != nil {
		return errors.Join(err, ortgo.DestroyEnvironment())
	}
	return nil
}

// Close gives back one Open. The last one unloads the runtime; it fails with
// [ErrInUse], and unloads nothing, while sessions or tensors are open.
func (r *Runtime) Close() error {
	process.Lock()
	defer process.Unlock()
	if process.refs == 0 || process.runtime != r {
		return &Error{Kind: ErrClosed, Op: "close ONNX Runtime"}
	}
	if process.refs > 1 {
		process.refs--
		return nil
	}
	if s, t := openSessions.Load(), openTensors.Load(); s != 0 || t != 0 {
		return &Error{Kind: ErrInUse, Op: "close ONNX Runtime", Err: fmt.Errorf("%d sessions and %d tensors are open", s, t)}
	}
	process.refs, process.runtime = 0, nil
	return ortgo.DestroyEnvironment()
}

// Device is where sessions run.
func (r *Runtime) Device() Device {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.device
}

// Version is the version of the loaded library, such as "1.32.0".
func (r *Runtime) Version() string { return r.version }

// Library is the path of the loaded library.
func (r *Runtime) Library() string { return r.library }

// Threads is the thread budget of one run.
func (r *Runtime) Threads() int { return r.threads }

// fallBack moves later sessions to the CPU after the card failed to take one.
func (r *Runtime) fallBack(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.device.Kind == CPU {
		return
	}
	r.device.Warning = fmt.Sprintf("device %q failed, so the CPU is used: %s", r.device.String(), oneLine(cause))
	r.device.Kind, r.device.Index = CPU, 0
}
