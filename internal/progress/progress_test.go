package progress

import (
	"bytes"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLineCounts(t *testing.T) {
	var out bytes.Buffer
	s := Start(&out, "loading", 10)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { s.Add(2) })
	}
	group.Wait()
	require.Equal(t, "loading: 8 of 10, 0 s", s.line())
	s.End()
	s.End()
	require.Empty(t, out.String(), "a short step says nothing")
}

func TestLineOfUnknownLength(t *testing.T) {
	s := Start(&bytes.Buffer{}, "waiting", 0)
	defer s.End()
	require.Equal(t, "waiting: 0 s", s.line())
}
