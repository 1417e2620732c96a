package localnode

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Config says which node to run, and on what.
type Config struct {
	// Binary is the node's executable.
	Binary string
	// DataDir holds the node's data. It is made where it is absent.
	DataDir string
	// LogFile takes the node's output; what it held before is dropped.
	LogFile string
	// Ports that are wanted; see Choose.
	Ports Ports
	// Env is set for the node beside this process's environment and the
	// variables that this package sets, and wins over both.
	Env map[string]string
}

// Node is a running node. Whoever started it must call Stop.
type Node struct {
	config Config
	ports  Ports
	cmd    *exec.Cmd
	log    *os.File
	exited chan struct{}
	err    error // of the process; valid once exited is closed
}

// hostname names the node in its cluster of one, for as long as its data lives.
const hostname = "latentask-node"

// Start runs a node and returns at once; see WaitReady. Cancelling ctx does not
// stop the node.
func Start(config Config) (*Node, error) {
	if _, err := os.Stat(config.Binary); err != nil {
		return nil, fmt.Errorf("the node's binary: %w", err)
	}
	if err := os.MkdirAll(config.DataDir, 0o755); err != nil {
		return nil, fmt.Errorf("the node's data folder: %w", err)
	}
	ports, err := Choose(config.Ports)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(config.LogFile), 0o755); err != nil {
		return nil, fmt.Errorf("the node's log: %w", err)
	}
	log, err := os.Create(config.LogFile)
	if err != nil {
		return nil, fmt.Errorf("the node's log: %w", err)
	}
	cmd := exec.Command(config.Binary,
		"--scheme", "http", "--host", "127.0.0.1", "--port", strconv.Itoa(ports.HTTP),
		"--read-timeout", "600s", "--write-timeout", "600s")
	cmd.Env = environment(config, ports)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = processAttributes()
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the node: %w", err), log.Close())
	}
	n := &Node{config: config, ports: ports, cmd: cmd, log: log, exited: make(chan struct{})}
	go func() {
		n.err = cmd.Wait()
		close(n.exited)
	}()
	return n, nil
}

// environment is the node's. Later values of a variable win.
func environment(config Config, p Ports) []string {
	env := append(os.Environ(),
		"PERSISTENCE_DATA_PATH="+config.DataDir,
		"AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED=true",
		"DISABLE_TELEMETRY=true",
		"GO_PROFILING_DISABLE=true", // it would listen on port 6060
		"GRPC_PORT="+strconv.Itoa(p.GRPC),
		"CLUSTER_HOSTNAME="+hostname,
		"CLUSTER_BIND_ADDR=127.0.0.1",
		"CLUSTER_ADVERTISE_ADDR=127.0.0.1",
		"CLUSTER_GOSSIP_BIND_PORT="+strconv.Itoa(p.Gossip),
		"CLUSTER_DATA_BIND_PORT="+strconv.Itoa(p.Data),
		"RAFT_PORT="+strconv.Itoa(p.Raft),
		"RAFT_INTERNAL_RPC_PORT="+strconv.Itoa(p.RaftRPC),
		// The data folder remembers the node's address, which another choice of
		// ports changes.
		"RAFT_ENABLE_ONE_NODE_RECOVERY=true",
	)
	for name, value := range config.Env {
		env = append(env, name+"="+value)
	}
	return env
}

// URL is the address of the HTTP API, without a slash at its end.
func (n *Node) URL() string { return "http://127.0.0.1:" + strconv.Itoa(n.ports.HTTP) }

// Ports are those that the node was given.
func (n *Node) Ports() Ports { return n.ports }

// LogFile is where the node's output goes.
func (n *Node) LogFile() string { return n.config.LogFile }

// PID is the process's id.
func (n *Node) PID() int { return n.cmd.Process.Pid }

// Exited is closed when the process has ended.
func (n *Node) Exited() <-chan struct{} { return n.exited }

// pollInterval is the time between two looks at a starting node.
const pollInterval = 200 * time.Millisecond

// WaitReady returns when the node serves, with an *ExitError when the process
// ends before, and with ctx's error.
func (n *Node) WaitReady(ctx context.Context) error {
	return n.waitFor(ctx, "/v1/.well-known/ready")
}

// WaitBundle returns when the node's bundle can answer. It waits for one that
// is absent or broken too, so that ctx must end.
func (n *Node) WaitBundle(ctx context.Context) error {
	return n.waitFor(ctx, "/v1/modules/qna-latent/ready")
}

func (n *Node) waitFor(ctx context.Context, path string) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if succeeds(ctx, n.URL()+path) {
			return nil
		}
		select {
		case <-n.exited:
			return &ExitError{LogFile: n.config.LogFile, Err: n.err, Tail: tail(n.config.LogFile)}
		case <-ctx.Done():
			return fmt.Errorf("wait for the node (its log is %s): %w", n.config.LogFile, ctx.Err())
		case <-tick.C:
		}
	}
}

// succeeds tells whether a GET is answered with a status of 2xx.
func succeeds(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode/100 == 2
}

// stopTimeout is how long a node may take to write its data and end.
const stopTimeout = time.Minute

// Stop asks the node to end and waits for it; one that does not end within a
// minute is killed, which is an error. Stop may be called more than once.
func (n *Node) Stop() error {
	defer n.log.Close()
	select {
	case <-n.exited:
		return nil
	default:
	}
	// A process that ended in between is what was wanted.
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-n.exited:
		return nil
	case <-time.After(stopTimeout):
		_ = n.cmd.Process.Kill()
		<-n.exited
		return fmt.Errorf("the node did not end within %s and was killed; its log is %s", stopTimeout, n.config.LogFile)
	}
}

// Kill ends the node at once, as a crash would.
func (n *Node) Kill() {
	defer n.log.Close()
	_ = n.cmd.Process.Kill()
	<-n.exited
}
