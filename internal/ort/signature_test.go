package ort

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadSignature(t *testing.T) {
	sig, err := readSignature("testdata/attention.onnx")
	require.NoError(t, err)
	require.Equal(t, []string{"q", "k", "v", "past_key", "past_value", "seqlens_k", "total_length"}, sig.inputs)
	require.Equal(t, []string{"y", "present_key", "present_value"}, sig.outputs)

	sig, err = readSignature("testdata/int8.onnx")
	require.NoError(t, err)
	require.Equal(t, []string{"x"}, sig.inputs, "initialisers are not inputs")
}

func FuzzSignature(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(paths) == 0 {
		f.Fatal("no graphs in testdata", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Add([]byte{})
	f.Add([]byte{0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, data []byte) {
		sig, err := parseSignature(bytes.NewReader(data))
		if err != nil && (sig.inputs != nil || sig.outputs != nil) {
			t.Fatal("names beside an error")
		}
		for _, name := range append(sig.inputs, sig.outputs...) {
			if !bytes.Contains(data, []byte(name)) {
				t.Fatalf("name %q is not in the file", name)
			}
		}
	})
}
