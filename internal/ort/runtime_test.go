package ort

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseDevice(t *testing.T) {
	for in, want := range map[string]request{
		"":         {"auto", "auto", 0},
		"auto":     {"auto", "auto", 0},
		" CPU ":    {"cpu", CPU, 0},
		"cuda":     {"cuda", CUDA, 0},
		"cuda:3":   {"cuda:3", CUDA, 3},
		"CUDA:12":  {"cuda:12", CUDA, 12},
		"cuda:007": {"cuda:007", CUDA, 7},
	} {
		got, err := parseDevice(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{"gpu", "cuda:", "cuda:-1", "cuda:+1", "cuda:x", "cuda:99999", "cuda:1:2", "cpu:0", "cuda0"} {
		_, err := Open(Config{Device: in})
		require.ErrorIs(t, err, ErrConfig, in)
		require.Contains(t, err.Error(), "cuda:n", "the error must say what is allowed")
	}
}

// Without a card, explicit and automatic choice both end on the CPU, and what
// was asked for explicitly leaves a warning. With one, the explicit choice of a
// card that is not there does.
func TestDeviceFallsBackToTheCPU(t *testing.T) {
	rt, err := Open(Config{Device: "cuda:1023"})
	require.NoError(t, err)
	defer func() { require.NoError(t, rt.Close()) }()
	d := rt.Device()
	require.Equal(t, CPU, d.Kind)
	require.Equal(t, "cpu", d.String())
	require.Equal(t, "cuda:1023", d.Requested)
	require.Contains(t, d.Warning, `"cuda:1023"`)
	require.NotContains(t, d.Warning, "\n", "one warning is one line")

	// And the CPU works.
	s, err := rt.Load("probe.onnx", SessionConfig{})
	require.NoError(t, err)
	in, err := FromFloat32([]float32{7})
	require.NoError(t, err)
	out, err := NewFloat32(1)
	require.NoError(t, err)
	require.NoError(t, s.Run(t.Context(), []*Tensor{in}, []*Tensor{out}))
	require.Equal(t, float32(7), out.Float32()[0])
	require.NoError(t, in.Close())
	require.NoError(t, out.Close())
	require.NoError(t, s.Close())
}

func TestAutoDevice(t *testing.T) {
	rt, err := Open(Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, rt.Close()) }()
	d := rt.Device()
	require.Equal(t, "auto", d.Requested)
	if offered, probeErr := probeCUDA(0, filepath.Dir(rt.Library())); probeErr == nil {
		require.Equal(t, "cuda:0", d.String())
	} else {
		require.Equal(t, "cpu", d.String())
		require.Equal(t, offered, d.Warning != "", "a library without CUDA is no reason to warn, a card that fails is: %q", d.Warning)
	}
}

func TestOpenIsOncePerProcess(t *testing.T) {
	first := open(t)
	second, err := Open(Config{Device: CPU, Threads: 2})
	require.NoError(t, err)
	require.Same(t, first, second)
	require.NoError(t, second.Close())

	_, err = Open(Config{Device: CPU, Threads: 3})
	require.ErrorIs(t, err, ErrConfig)
	require.Equal(t, 2, first.Threads())
	require.NoError(t, checkVersion(first.Version()))
	require.Equal(t, libraryName, filepath.Base(first.Library())[:len(libraryName)])
	load(t, first, "affine.onnx", SessionConfig{}) // still usable
}

func TestCloseReportsLeaks(t *testing.T) {
	rt, err := Open(Config{Device: CPU})
	require.NoError(t, err)
	s, err := rt.Load("probe.onnx", SessionConfig{})
	require.NoError(t, err)
	require.ErrorIs(t, rt.Close(), ErrInUse)
	require.NoError(t, s.Close())
	x, err := NewFloat32(1)
	require.NoError(t, err)
	err = rt.Close()
	require.ErrorIs(t, err, ErrInUse)
	require.Contains(t, err.Error(), "0 sessions and 1 tensors")
	require.NoError(t, x.Close())
	require.NoError(t, rt.Close())
	require.ErrorIs(t, rt.Close(), ErrClosed)

	_, err = NewFloat32(1)
	require.Error(t, err, "no tensors without a runtime")
	_, err = ScalarInt32(1)
	require.Error(t, err)
}

func TestLibraryFaults(t *testing.T) {
	_, err := Open(Config{Library: filepath.Join(t.TempDir(), "libonnxruntime.so")})
	require.ErrorIs(t, err, ErrLibraryMissing)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Contains(t, err.Error(), "LATENTASK_ORT_LIBRARY")

	text := filepath.Join(t.TempDir(), "libonnxruntime.so")
	require.NoError(t, os.WriteFile(text, []byte("not a library"), 0o644))
	_, err = Open(Config{Library: text})
	require.ErrorIs(t, err, ErrLibraryMissing)
	var typed *Error
	require.ErrorAs(t, err, &typed)
	require.NotEmpty(t, typed.Hint)

	t.Setenv(libraryVariable, text)
	_, err = Open(Config{})
	require.ErrorIs(t, err, ErrLibraryMissing, "the environment's library is the only candidate")

	t.Setenv(libraryVariable, "")
	open(t) // a failed load must not spoil the next
}

func TestFindLibrary(t *testing.T) {
	t.Setenv(libraryVariable, "")
	root := t.TempDir()
	lib := filepath.Join(root, ".latentask", "lib")
	deep := filepath.Join(root, "a", "b")
	require.NoError(t, os.MkdirAll(filepath.Join(lib, "gpu"), 0o755))
	require.NoError(t, os.MkdirAll(deep, 0o755))
	t.Chdir(deep)

	_, err := findLibrary("", request{kind: CPU})
	require.ErrorIs(t, err, ErrLibraryMissing)
	require.Contains(t, err.Error(), lib, "the error must say where it looked")

	require.NoError(t, os.WriteFile(filepath.Join(lib, "libonnxruntime.so.1.40.0.part"), nil, 0o644)) // being unpacked
	cpu := filepath.Join(lib, "libonnxruntime.so")
	gpu := filepath.Join(lib, "gpu", "libonnxruntime.so.1.31.1")
	require.NoError(t, os.WriteFile(cpu, nil, 0o644))
	require.NoError(t, os.WriteFile(gpu, nil, 0o644))
	for kind, want := range map[string]string{CPU: cpu, CUDA: gpu, "auto": gpu} {
		got, err := findLibrary("", request{kind: kind})
		require.NoError(t, err)
		require.Equal(t, want, got, kind)
	}
	for _, version := range []string{"1.31.0", "1.33.0", LibraryVersion} { // each goes before the last
		path := filepath.Join(lib, "libonnxruntime.so."+version)
		require.NoError(t, os.WriteFile(path, nil, 0o644))
		got, err := findLibrary("", request{kind: CPU})
		require.NoError(t, err)
		require.Equal(t, path, got)
	}
}

func TestPreload(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"libcudart.so.13", "libcudnn_ops.so.9", "libcublasLt.so.13", "libcublas.so.13.part", "libonnxruntime.so.1", "libcudart.txt", "libm.so.6"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("no library"), 0o644))
	}
	require.Equal(t, []string{
		filepath.Join(dir, "libcublasLt.so.13"), filepath.Join(dir, "libcudart.so.13"), filepath.Join(dir, "libcudnn_ops.so.9"),
	}, cudaIn(dir))
	require.NoError(t, dlopen("libm.so.6"))
	require.Error(t, dlopen(filepath.Join(dir, "libcudart.so.13")))
	if dlopen(driver) == nil {
		require.NoError(t, preloadCUDA(dir), "broken files are left for the probe to tell")
	} else {
		require.ErrorContains(t, preloadCUDA(dir), "no NVIDIA driver")
	}
}

func TestCheckVersion(t *testing.T) {
	for _, ok := range []string{"1.31.1", "1.32.0", "1.40.0", "1.33.0-dev"} {
		require.NoError(t, checkVersion(ok), ok)
	}
	for _, bad := range []string{"1.30.9", "1.4.0", "2.0.0", "0.99.1", "", "1", "x.y.z"} {
		require.ErrorIs(t, checkVersion(bad), ErrLibraryVersion, bad)
	}
}

func TestLoadFaults(t *testing.T) {
	rt := open(t)
	damaged := filepath.Join(t.TempDir(), "damaged.onnx")
	whole, err := os.ReadFile("testdata/affine.onnx")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(damaged, whole[:len(whole)/2], 0o644))

	for name, c := range map[string]struct {
		path   string
		config SessionConfig
		says   string
	}{
		"missing":        {"testdata/none.onnx", SessionConfig{}, "none.onnx"},
		"a folder":       {"testdata", SessionConfig{}, "testdata"},
		"not onnx":       {"testdata/make.py", SessionConfig{}, "make.py"},
		"cut short":      {damaged, SessionConfig{}, "damaged.onnx"},
		"unknown input":  {"testdata/affine.onnx", SessionConfig{Inputs: []string{"a", "c"}}, `"c"`},
		"unknown output": {"testdata/affine.onnx", SessionConfig{Outputs: []string{"total"}}, `"total"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rt.Load(c.path, c.config)
			require.ErrorIs(t, err, ErrModel)
			require.Contains(t, err.Error(), c.says)
		})
	}
}
