package eval

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/localnode"
	"github.com/latentask/latentask/internal/progress"
)

// Collection is the one that a host fills. Its name is part of the text that
// Weaviate makes an object's vector of.
const Collection = "Passage"

// IDProperty is the property of a host's objects that holds a passage's id.
const IDProperty = "pid"

// HostConfig says what a host runs on.
type HostConfig struct {
	// Binary is the node's executable, BundleDir the bundle's folder.
	Binary, BundleDir string
	// Dir holds the data folders, one for each corpus and retriever, and the
	// vectors.
	Dir string
	// Progress takes what happens meanwhile.
	Progress io.Writer
}

// Host is a node of its own with a corpus in it. What it stored stays in its
// folder, so the next host of the same corpus and retriever starts at once, and
// one that was killed while it filled its collection is gone on from.
type Host struct {
	Client *client.Client
	// Dir is the data folder's, the log's, and the lock's.
	Dir string

	node *localnode.Node
	lock *lock
}

const (
	nodeTimeout   = 2 * time.Minute
	bundleTimeout = 5 * time.Minute
)

// StartHost starts a node and fills its collection with the corpus. Close must
// be called.
func StartHost(ctx context.Context, config HostConfig, corpus *Corpus) (_ *Host, err error) {
	bundle, err := ReadBundle(config.BundleDir)
	if err != nil {
		return nil, err
	}
	h := &Host{Dir: filepath.Join(config.Dir, folder(corpus, bundle))}
	if h.lock, err = takeLock(filepath.Join(h.Dir, "lock")); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close())
		}
	}()
	h.node, err = localnode.Start(localnode.Config{
		Binary:  config.Binary,
		DataDir: filepath.Join(h.Dir, "data"),
		LogFile: filepath.Join(h.Dir, "node.log"),
		Env: map[string]string{
			"ENABLE_MODULES":            client.Vectorizer,
			"DEFAULT_VECTORIZER_MODULE": client.Vectorizer,
			"LATENTASK_BUNDLE":          config.BundleDir,
		},
	})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(config.Progress, "==> starting a node at %s, its log is %s\n", h.node.URL(), h.node.LogFile())
	if h.Client, err = client.New(client.Config{URL: h.node.URL()}); err != nil {
		return nil, err
	}
	if err := h.ready(ctx, config.Progress); err != nil {
		return nil, err
	}
	if err := h.fill(ctx, config, corpus, bundle); err != nil {
		return nil, fmt.Errorf("%w (the node's log is %s)", err, h.node.LogFile())
	}
	return h, nil
}

// folder names the data folder of a corpus and a retriever.
func folder(corpus *Corpus, bundle *Bundle) string { return digest(corpus.Hash, bundle.Retriever) }

func (h *Host) ready(ctx context.Context, out io.Writer) error {
	step := progress.Start(out, "waiting for the node and its bundle", 0)
	defer step.End()
	starting, cancel := context.WithTimeout(ctx, nodeTimeout)
	defer cancel()
	if err := h.node.WaitReady(starting); err != nil {
		return err
	}
	loading, cancel := context.WithTimeout(ctx, bundleTimeout)
	defer cancel()
	_, err := h.Client.WaitBundle(loading)
	return err
}

// Close stops the node.
func (h *Host) Close() error {
	var err error
	if h.node != nil {
		err = h.node.Stop()
	}
	if h.lock != nil {
		err = errors.Join(err, h.lock.release())
	}
	return err
}

// fill brings the passages that are not there yet into the collection. Known
// vectors are sent along; those that the node makes are kept.
func (h *Host) fill(ctx context.Context, config HostConfig, corpus *Corpus, bundle *Bundle) error {
	missing, err := h.missing(ctx, corpus)
	if err != nil || len(missing) == 0 {
		return err
	}
	vectors, err := OpenVectors(filepath.Join(config.Dir, "vectors.db"), bundle.Retriever)
	if err != nil {
		return err
	}
	defer vectors.Close()
	known := 0
	for _, p := range missing {
		v, err := vectors.Get(p.embedded())
		if err != nil {
			return err
		}
		if v != nil {
			known++
		}
	}
	fmt.Fprintf(config.Progress, "==> storing %d passages of %s, %d of them with vectors that are known\n",
		len(missing), corpus.Path, known)
	step := progress.Start(config.Progress, "passages", len(missing))
	defer step.End()
	_, err = h.Client.Load(ctx, objects(missing), client.Import{
		Collection: Collection, IDField: IDProperty, KeepID: true, Progress: step.Add,
		Vector: func(object map[string]any) ([]float32, error) {
			return vectors.Get(passageOf(object).embedded())
		},
		Stored: func(stored []*models.Object) error { return keep(vectors, stored) },
	})
	return err
}

// missing are the passages that the collection lacks. It makes the collection
// where there is none.
func (h *Host) missing(ctx context.Context, corpus *Corpus) ([]Passage, error) {
	_, err := h.Client.Collection(ctx, Collection)
	if errors.Is(err, client.ErrNoCollection) {
		return corpus.Passages, h.Client.CreateClass(ctx, class())
	}
	if err != nil {
		return nil, err
	}
	// The whole list is read only where the number says that something lacks.
	count, err := h.Client.Count(ctx, Collection)
	if err != nil || count == len(corpus.Passages) {
		return nil, err
	}
	ids, err := h.Client.IDs(ctx, Collection)
	if err != nil {
		return nil, err
	}
	there := make(map[string]bool, len(ids))
	for _, id := range ids {
		there[id] = true
	}
	var missing []Passage
	for _, p := range corpus.Passages {
		if !there[client.ObjectID(Collection, p.PID)] {
			missing = append(missing, p)
		}
	}
	return missing, nil
}

// class is the collection: Weaviate's defaults, and a property that holds the
// passage's id and is no part of the text that is embedded.
func class() *models.Class {
	text := []string{"text"}
	return &models.Class{
		Class:       Collection,
		Description: "passages of latentask eval",
		Vectorizer:  client.Vectorizer,
		Properties: []*models.Property{
			{Name: "title", DataType: text},
			{Name: "text", DataType: text},
			{
				Name: IDProperty, DataType: text, Tokenization: "field",
				ModuleConfig: map[string]any{client.Vectorizer: map[string]any{"skip": true}},
			},
		},
	}
}
