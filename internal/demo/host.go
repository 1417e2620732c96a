package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/localnode"
	"github.com/latentask/latentask/internal/progress"
)

// host is the node that the demo asks: one that it started, or one that an
// earlier call with Keep left running.
type host struct {
	client  *client.Client
	node    *localnode.Node // nil where another process owns it
	state   string
	logFile string
}

// state is what the demo writes down of its node.
type state struct {
	PID   int             `json:"pid"`
	URL   string          `json:"url"`
	Ports localnode.Ports `json:"ports"`
}

const (
	readyTimeout  = 2 * time.Minute
	bundleTimeout = 3 * time.Minute
)

// connect finds the node that runs on the demo's folder, or starts one.
func connect(ctx context.Context, config Config) (*host, error) {
	h := &host{
		state:   filepath.Join(config.Dir, "node.json"),
		logFile: filepath.Join(config.Dir, "node.log"),
	}
	known := readState(h.state)
	if known.running() {
		c, err := client.New(client.Config{URL: known.URL})
		if err != nil {
			return nil, err
		}
		if _, err := c.Operator(ctx); err == nil {
			fmt.Fprintf(config.Progress, "==> using the node that runs at %s\n", known.URL)
			h.client = c
			return h, nil
		}
		return nil, fmt.Errorf("process %d runs on %s and does not answer at %s; wait for it or end it, then try again",
			known.PID, config.Dir, known.URL)
	}

	ports := known.Ports
	if ports == (localnode.Ports{}) {
		ports = localnode.UsualPorts
	}
	node, err := localnode.Start(localnode.Config{
		Binary:  config.Binary,
		DataDir: filepath.Join(config.Dir, "data"),
		LogFile: h.logFile,
		Ports:   ports,
		Env: map[string]string{
			"ENABLE_MODULES":            "text2vec-latent",
			"DEFAULT_VECTORIZER_MODULE": client.Vectorizer,
			"LATENTASK_BUNDLE":          config.Bundle,
		},
	})
	if err != nil {
		return nil, err
	}
	h.node = node
	if err := h.started(ctx, config); err != nil {
		return nil, errors.Join(err, node.Stop())
	}
	return h, nil
}

// started waits until the node that was just started serves, and writes down
// where it does.
func (h *host) started(ctx context.Context, config Config) error {
	fmt.Fprintf(config.Progress, "==> starting a node at %s, its log is %s\n", h.node.URL(), h.logFile)
	written, err := json.Marshal(state{PID: h.node.PID(), URL: h.node.URL(), Ports: h.node.Ports()})
	if err != nil {
		return err
	}
	if err := os.WriteFile(h.state, written, 0o644); err != nil {
		return err
	}
	if h.client, err = client.New(client.Config{URL: h.node.URL()}); err != nil {
		return err
	}
	step := progress.Start(config.Progress, "waiting for the node", 0)
	defer step.End()
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return h.node.WaitReady(ctx)
}

// readState is empty where nothing is written down, or nothing that can be
// read: then a node is started as on the first day.
func readState(path string) state {
	var s state
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &s) != nil {
		return state{}
	}
	return s
}

// running tells whether the process is still there.
func (s state) running() bool {
	if s.PID <= 0 {
		return false
	}
	err := syscall.Kill(s.PID, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// waitBundle returns when the node's bundle can answer.
func (h *host) waitBundle(ctx context.Context, config Config) error {
	step := progress.Start(config.Progress, "opening the bundle", 0)
	defer step.End()
	ctx, cancel := context.WithTimeout(ctx, bundleTimeout)
	defer cancel()
	o, err := h.client.WaitBundle(ctx)
	if err != nil {
		return err
	}
	step.End()
	fmt.Fprintf(config.Progress, "==> bundle %s on %s\n", o.Bundle, o.Device)
	if o.Warning != "" {
		fmt.Fprintf(config.Progress, "    %s\n", o.Warning)
	}
	return nil
}

// close stops a node that this process started.
func (h *host) close(out io.Writer) error {
	if h.node == nil {
		return nil
	}
	step := progress.Start(out, "stopping the node", 0)
	defer step.End()
	err := h.node.Stop()
	// The ports stay written down: the next start takes the same.
	if written, e := json.Marshal(state{Ports: h.node.Ports()}); e == nil {
		err = errors.Join(err, os.WriteFile(h.state, written, 0o644))
	}
	return err
}
