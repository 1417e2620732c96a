package ort

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// open opens the CPU runtime, and fails the test if it leaves a session or a
// tensor open.
func open(t testing.TB) *Runtime {
	t.Helper()
	rt, err := Open(Config{Device: CPU, Threads: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close(), "something was left open") })
	return rt
}

func load(t testing.TB, rt *Runtime, name string, config SessionConfig) *Session {
	t.Helper()
	s, err := rt.Load(filepath.Join("testdata", name), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// closing returns a function that unwraps a new tensor and closes it at the
// test's end.
func closing(t testing.TB) func(*Tensor, error) *Tensor {
	return func(tensor *Tensor, err error) *Tensor {
		t.Helper()
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, tensor.Close()) })
		return tensor
	}
}
