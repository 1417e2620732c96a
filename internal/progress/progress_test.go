package progress

import (
	"bytes"
	"sync"
	"testing"
	"time"

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

func TestTextTellsTheTimeLeft(t *testing.T) {
	require.Equal(t, "loading: 10 of 40, 20 s, 1m0s left", text("loading", 10, 40, 20*time.Second))
	require.Equal(t, "loading: 0 of 40, 20 s", text("loading", 0, 40, 20*time.Second))
	require.Equal(t, "loading: 40 of 40, 20 s", text("loading", 40, 40, 20*time.Second))
}
