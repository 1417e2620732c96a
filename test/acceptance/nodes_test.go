package acceptance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/localnode"
)

// required is the value of an environment variable that a test can't do
// without.
func required(t testing.TB, name string) string {
	t.Helper()
	value := os.Getenv(name)
	switch {
	case value != "":
	case os.Getenv("LATENTASK_REQUIRE_BUNDLE") == "1":
		t.Fatalf("%s is not set", name)
	default:
		t.Skipf("%s is not set", name)
	}
	return value
}

// node is a running node and a client of it.
type node struct {
	*localnode.Node
	client *client.Client
	url    string
}

// setup says how a node of a test is started.
type setup struct {
	// binary is LATENTASK_NODE's where empty.
	binary string
	// dir holds data and log; a folder of the test's own where empty.
	dir string
	// bundle is LATENTASK_BUNDLE's where empty.
	bundle string
	// env wins over everything.
	env map[string]string
	// noBundle: the node is not waited for to have a bundle.
	noBundle bool
	// ports that are wanted; free ones where zero or taken.
	ports localnode.Ports
}

const startTimeout = 3 * time.Minute

// launch starts a node and waits until it serves.
func launch(t testing.TB, s setup) (*node, error) {
	t.Helper()
	n, err := begin(t, s)
	if err == nil {
		err = n.serves(!s.noBundle)
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// begin starts a node.
func begin(t testing.TB, s setup) (*node, error) {
	t.Helper()
	if s.binary == "" {
		s.binary = required(t, "LATENTASK_NODE")
	}
	if s.bundle == "" {
		s.bundle = required(t, "LATENTASK_BUNDLE")
	}
	env := map[string]string{
		"ENABLE_MODULES":            "text2vec-latent",
		"LATENTASK_BUNDLE":          s.bundle,
		"LATENTASK_DEVICE":          "cpu",
		"QUERY_DEFAULTS_LIMIT":      "25",
		"DEFAULT_VECTORIZER_MODULE": "none",
		// Writers of these tests are done within a moment: no job has to wait long.
		"LATENTASK_MAX_WRITE_SECONDS": "5",
	}
	for name, value := range s.env {
		env[name] = value
	}
	process, err := localnode.Start(localnode.Config{
		Binary:  s.binary,
		DataDir: filepath.Join(s.dir, "data"),
		LogFile: filepath.Join(s.dir, "node.log"),
		Ports:   s.ports,
		Env:     env,
	})
	if err != nil {
		return nil, err
	}
	c, err := client.New(client.Config{URL: process.URL()})
	require.NoError(t, err)
	return &node{Node: process, client: c, url: process.URL()}, nil
}

// serves waits until the node does, and where wanted its bundle. A node that
// does not is stopped.
func (n *node) serves(bundle bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	err := n.WaitReady(ctx)
	if err == nil && bundle {
		err = n.WaitBundle(ctx)
	}
	if err != nil {
		_ = n.Stop()
		return fmt.Errorf("%w; its log ends with:\n%s", err, logTail(n.LogFile()))
	}
	return nil
}

// start starts a node that ends with the test.
func start(t testing.TB, s setup) *node {
	t.Helper()
	if s.dir == "" {
		s.dir = t.TempDir()
	}
	n, err := launch(t, s)
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the node's log ends with:\n%s", logTail(n.LogFile()))
		}
		_ = n.Stop() // a test that cares stops it itself
	})
	return n
}

// sharedNode is the one node of all tests that need nothing of their own.
var sharedNode struct {
	once sync.Once
	node *node
	dir  string
	err  error
}

// shared is the node of all tests. It ends with the package's tests.
func shared(t testing.TB) *node {
	t.Helper()
	required(t, "LATENTASK_NODE")
	required(t, "LATENTASK_BUNDLE")
	sharedNode.once.Do(func() {
		if sharedNode.dir, sharedNode.err = os.MkdirTemp("", "latentask-acceptance-"); sharedNode.err != nil {
			return
		}
		sharedNode.node, sharedNode.err = launch(t, setup{dir: sharedNode.dir})
	})
	require.NoError(t, sharedNode.err)
	n := sharedNode.node
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the node's log ends with:\n%s", logTail(n.LogFile()))
		}
	})
	return n
}

func TestMain(m *testing.M) {
	code := m.Run()
	if n := sharedNode.node; n != nil {
		if err := n.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if sharedNode.dir != "" {
		_ = os.RemoveAll(sharedNode.dir)
	}
	os.Exit(code)
}

// logTail is the end of a node's log.
func logTail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}
