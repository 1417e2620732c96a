package acceptance

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
)

// copyBundle makes a copy of a bundle in which files can be replaced (not
// written to: they may be links).
func copyBundle(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "bundle")
	require.NoError(t, filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		if os.Link(path, target) == nil {
			return nil
		}
		return copyFile(path, target)
	}))
	return to
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}

// replace writes a file of a copied bundle anew.
func replace(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, change(slices.Clone(data)), 0o644))
}

func editManifest(t *testing.T, bundle string, edit func(map[string]any)) {
	t.Helper()
	replace(t, filepath.Join(bundle, "manifest.json"), func(data []byte) []byte {
		var manifest map[string]any
		require.NoError(t, json.Unmarshal(data, &manifest))
		edit(manifest)
		data, err := json.Marshal(manifest)
		require.NoError(t, err)
		return data
	})
}

// operatorSettles waits until the bundle is no longer loading.
func operatorSettles(t *testing.T, n *node) client.Operator {
	t.Helper()
	var operator client.Operator
	require.Eventually(t, func() bool {
		var err error
		operator, err = n.client.Operator(context.Background())
		return err == nil && operator.State != "loading"
	}, startTimeout, 100*time.Millisecond)
	return operator
}

// TestRestartsAndBrokenBundles starts nodes one after the other on one data
// folder: whatever the bundle is like, the node serves what needs none, says
// what is wrong, and loses nothing.
func TestRestartsAndBrokenBundles(t *testing.T) {
	good := required(t, "LATENTASK_BUNDLE")
	dir := t.TempDir()
	list := passages(t)
	const collection = "Kept"
	asked := ask{collection: collection, question: question}

	first, err := launch(t, setup{dir: dir})
	require.NoError(t, err)
	require.NoError(t, first.client.Weaviate().Schema().ClassCreator().
		WithClass(schemaOf(collection, client.Vectorizer)).Do(context.Background()))
	load(t, first, collection, "", list)
	want := outcomeOf(asked.send(t, first))
	vectors := storedVectors(t, first, collection)
	one := vectors[list[0].Title]
	near := "nearVector: {vector: " + vectorText(t, one) + "} limit: 3"
	nearest := ids(get(t, first, collection, near, "_additional { id }"))
	require.NoError(t, first.Stop())

	// serves checks all that needs no bundle.
	serves := func(t *testing.T, n *node) {
		t.Helper()
		require.Equal(t, nearest, ids(get(t, n, collection, near, "_additional { id }")))
		require.NotEmpty(t, get(t, n, collection, `bm25: {query: "Ove"}`, "title"))
		count, err := n.client.Count(context.Background(), collection)
		require.NoError(t, err)
		require.Equal(t, len(list), count)
	}

	broken := map[string]struct {
		bundle func(t *testing.T) string
		state  string
		// reason stands in /v1/meta and in the answer to latentAsk.
		reason []string
	}{
		"absent": {
			func(t *testing.T) string { return filepath.Join(t.TempDir(), "nothing") },
			"absent", []string{"LATENTASK_BUNDLE", "nothing"},
		},
		"one byte changed": {
			func(t *testing.T) string {
				b := copyBundle(t, good)
				replace(t, filepath.Join(b, "query.onnx"), func(data []byte) []byte {
					data[len(data)/2] ^= 1
					return data
				})
				return b
			},
			"failed", []string{"query.onnx"},
		},
		"half written": {
			func(t *testing.T) string {
				b := copyBundle(t, good)
				replace(t, filepath.Join(b, "retriever_tokenizer.json"), func(data []byte) []byte { return data[:len(data)/2] })
				return b
			},
			"failed", []string{"retriever_tokenizer.json"},
		},
		"a file missing": {
			func(t *testing.T) string {
				b := copyBundle(t, good)
				require.NoError(t, os.Remove(filepath.Join(b, "head.onnx")))
				return b
			},
			"failed", []string{"head.onnx"},
		},
		"manifest cut": {
			func(t *testing.T) string {
				b := copyBundle(t, good)
				replace(t, filepath.Join(b, "manifest.json"), func(data []byte) []byte { return data[:len(data)/2] })
				return b
			},
			"failed", []string{"manifest.json"},
		},
		"a newer format": {
			func(t *testing.T) string {
				b := copyBundle(t, good)
				editManifest(t, b, func(m map[string]any) { m["format"] = 3 })
				return b
			},
			"failed", []string{"format", "3"},
		},
	}
	for name, c := range broken {
		t.Run(name, func(t *testing.T) {
			n, err := launch(t, setup{dir: dir, bundle: c.bundle(t), noBundle: true})
			require.NoError(t, err)
			defer n.Stop()
			operator := operatorSettles(t, n)
			require.Equal(t, c.state, operator.State)
			for _, reason := range c.reason[1:] {
				require.Contains(t, operator.Reason, reason)
			}
			serves(t, n)
			asked.refused(t, n, append([]string{"latentask", "restart the node"}, c.reason...)...)
			r := post(t, n, `{ Get { `+collection+`(nearText: {concepts: ["Ove"]}) { title } } }`)
			require.Contains(t, r.messages(), "bundle", "nearText needs the bundle too, and says so")
			serves(t, n)

			reply, err := httpClient.Get(n.url + "/v1/modules/qna-latent/ready")
			require.NoError(t, err)
			require.NoError(t, reply.Body.Close())
			require.Equal(t, 503, reply.StatusCode)
		})
	}

	t.Run("of another retriever", func(t *testing.T) {
		b := copyBundle(t, good)
		editManifest(t, b, func(m map[string]any) {
			m["retriever"].(map[string]any)["name"] = "somebody/another-model"
		})
		n, err := launch(t, setup{dir: dir, bundle: b})
		require.NoError(t, err)
		defer n.Stop()
		serves(t, n)
		asked.refused(t, n, "somebody/another-model", "all-MiniLM-L6-v2", "LATENTASK_BUNDLE")
		r := post(t, n, `{ Get { `+collection+`(nearText: {concepts: ["Ove"]}) { title } } }`)
		require.Contains(t, r.messages(), "somebody/another-model")
		_, err = n.client.Load(context.Background(), func(yield func(map[string]any, error) bool) {
			yield(map[string]any{"pid": "new", "title": "New", "text": "A new passage."}, nil)
		}, client.Import{Collection: collection, IDField: "pid"})
		require.ErrorContains(t, err, "somebody/another-model", "vectors of two models must not mix")
		serves(t, n)
	})

	// Killed in the middle of things, too.
	crashed, err := launch(t, setup{dir: dir})
	require.NoError(t, err)
	require.Equal(t, want, outcomeOf(asked.send(t, crashed)))
	crashed.Kill()

	last, err := launch(t, setup{dir: dir})
	require.NoError(t, err)
	defer last.Stop()
	serves(t, last)
	require.Equal(t, vectors, storedVectors(t, last, collection))
	require.Equal(t, want, outcomeOf(asked.send(t, last)), "the same answer, hops and vectors after every restart")
}

// TestANodeServesWhileItsBundleLoads asks before the bundle can be ready.
func TestANodeServesWhileItsBundleLoads(t *testing.T) {
	n := start(t, setup{noBundle: true})
	create(t, n, schemaOf("Early", "none"))
	loadVectors(t, n, "Early", passages(t)[:2], [][]float32{{1, 0}, {0, 1}})
	require.Len(t, get(t, n, "Early", "nearVector: {vector: [1, 0]} limit: 1", "title"), 1)
	operator, err := n.client.Operator(context.Background())
	require.NoError(t, err)
	if operator.State == "loading" {
		ask{collection: "Early", question: question}.refused(t, n, "loading", "try again")
	}
	require.Equal(t, "ready", operatorSettles(t, n).State)
}

// TestTwoNodesOfOneBundle live on one machine, each with its own data.
func TestTwoNodesOfOneBundle(t *testing.T) {
	a := commonCollection(t)
	b := start(t, setup{noBundle: true})
	require.NotEqual(t, a.Ports(), b.Ports())
	create(t, b, schemaOf("Mine", "none"))
	r := post(t, a, "{ Get { Mine { title } } }")
	require.Contains(t, r.messages(), "Mine", "a collection of one node is not the other's")
	require.NotEqual(t, strconv.Itoa(a.PID()), strconv.Itoa(b.PID()))
}
