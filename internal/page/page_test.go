package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README of the assets says which file the library is.
func TestTheLibraryIsTheOneThatIsNamed(t *testing.T) {
	r, err := gzip.NewReader(bytes.NewReader(echarts))
	require.NoError(t, err)
	library, err := io.ReadAll(r)
	require.NoError(t, err)
	sum := sha256.Sum256(library)
	readme, err := os.ReadFile("assets/README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), hex.EncodeToString(sum[:]))
}

func TestNothingInAPageEndsItsElements(t *testing.T) {
	script, err := Charts()
	require.NoError(t, err)
	require.Contains(t, string(script), "Licensed to the Apache Software Foundation", "the licence stays in the page")
	require.NotContains(t, strings.ToLower(string(script)), "</script")
	require.NotContains(t, strings.ToLower(string(Style())), "</style")
}
