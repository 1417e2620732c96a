package localnode

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChooseKeepsFreePortsAndReplacesTakenOnes(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	kept, err := anyFree(map[int]bool{port: true})
	require.NoError(t, err)

	chosen, err := Choose(Ports{HTTP: port, GRPC: kept, Gossip: kept})
	require.NoError(t, err)
	require.NotEqual(t, port, chosen.HTTP)
	require.Equal(t, kept, chosen.GRPC)
	require.NotEqual(t, kept, chosen.Gossip, "the same port can't serve twice")

	seen := map[int]bool{}
	for _, p := range chosen.all() {
		require.NotZero(t, *p)
		require.False(t, seen[*p], "port %d is there twice", *p)
		seen[*p] = true
	}
}

// script writes an executable that stands in for a node.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "node")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755))
	return path
}

func TestANodeThatEndsByItselfIsToldWithItsLog(t *testing.T) {
	dir := t.TempDir()
	node, err := Start(Config{
		Binary:  script(t, `echo "cannot open $PERSISTENCE_DATA_PATH with $EXTRA" >&2; exit 3`),
		DataDir: filepath.Join(dir, "data"), LogFile: filepath.Join(dir, "logs", "node.log"),
		Env: map[string]string{"EXTRA": "extra"},
	})
	require.NoError(t, err)
	defer node.Stop()

	err = node.WaitReady(context.Background())
	var exit *ExitError
	require.ErrorAs(t, err, &exit)
	require.Contains(t, exit.Tail, "cannot open "+filepath.Join(dir, "data")+" with extra")
	require.Contains(t, err.Error(), node.LogFile())
	require.Contains(t, err.Error(), "exit status 3")
	require.NoError(t, node.Stop(), "a second end is none")
}

func TestStopAsksFirst(t *testing.T) {
	dir := t.TempDir()
	node, err := Start(Config{
		Binary:  script(t, "trap 'echo asked; exit 0' TERM\necho up\nwhile :; do sleep 0.05; done\n"),
		DataDir: dir, LogFile: filepath.Join(dir, "node.log"),
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.Contains(tail(node.LogFile()), "up") }, waitLimit, pollInterval)
	require.NoError(t, node.Stop())
	require.Contains(t, tail(node.LogFile()), "asked")
	select {
	case <-node.Exited():
	default:
		t.Fatal("Stop returned before the process ended")
	}
}

const waitLimit = stopTimeout

func TestStartNamesAMissingBinary(t *testing.T) {
	_, err := Start(Config{Binary: filepath.Join(t.TempDir(), "absent")})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Contains(t, err.Error(), "absent")
}

func TestWaitReadyEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	node, err := Start(Config{
		Binary:  script(t, "while :; do sleep 0.05; done\n"),
		DataDir: dir, LogFile: filepath.Join(dir, "node.log"),
	})
	require.NoError(t, err)
	defer node.Kill()
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("enough"))
	require.ErrorIs(t, node.WaitReady(ctx), context.Canceled)
}
