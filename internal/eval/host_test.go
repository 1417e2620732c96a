package eval

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// storeNode stands in for a node: it keeps a schema and objects, and makes a
// vector for each object that comes without one.
type storeNode struct {
	t       *testing.T
	mu      sync.Mutex
	class   map[string]any
	objects map[string]*models.Object
	// embedded counts the vectors that it made.
	embedded int
	// left is how many objects it still takes before it fails; -1 is no limit.
	left int
}

func (n *storeNode) client() *client.Client {
	mux := http.NewServeMux()
	reply := func(w http.ResponseWriter, value any) {
		w.Header().Set("Content-Type", "application/json")
		require.NoError(n.t, json.NewEncoder(w).Encode(value))
	}
	mux.HandleFunc("GET /v1/meta", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]any{"version": "1.39.0"}) })
	mux.HandleFunc("GET /v1/schema/"+Collection, func(w http.ResponseWriter, _ *http.Request) {
		if n.class == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		reply(w, n.class)
	})
	mux.HandleFunc("POST /v1/schema", func(w http.ResponseWriter, r *http.Request) {
		require.NoError(n.t, json.NewDecoder(r.Body).Decode(&n.class))
		reply(w, n.class)
	})
	mux.HandleFunc("POST /v1/graphql", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		require.NoError(n.t, err)
		if strings.Contains(string(body), "Aggregate") {
			fmt.Fprintf(w, `{"data": {"Aggregate": {%q: [{"meta": {"count": %d}}]}}}`, Collection, len(n.objects))
			return
		}
		var rows []string
		for id := range n.objects {
			rows = append(rows, fmt.Sprintf(`{"_additional": {"id": %q}}`, id))
		}
		fmt.Fprintf(w, `{"data": {"Get": {%q: [%s]}}}`, Collection, strings.Join(rows, ","))
	})
	mux.HandleFunc("POST /v1/batch/objects", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Objects []*models.Object }
		require.NoError(n.t, json.NewDecoder(r.Body).Decode(&body))
		if n.left == 0 {
			http.Error(w, "killed", http.StatusInternalServerError)
			return
		}
		n.left--
		for _, o := range body.Objects {
			if o.Vector == nil {
				n.embedded++
				o.Vector = []float32{float32(len(o.Properties.(map[string]any)["text"].(string))), 1}
			}
			n.objects[string(o.ID)] = o
		}
		reply(w, body.Objects)
	})
	// Requests come side by side.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		defer n.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	n.t.Cleanup(server.Close)
	c, err := client.New(client.Config{URL: server.URL})
	require.NoError(n.t, err)
	return c
}

func newStoreNode(t *testing.T, left int) *storeNode {
	return &storeNode{t: t, objects: map[string]*models.Object{}, left: left}
}

func passages(from, to int) *Corpus {
	c := &Corpus{Path: "c.jsonl"}
	for i := from; i < to; i++ {
		c.Passages = append(c.Passages, Passage{PID: fmt.Sprint("p", i), Text: strings.Repeat("x", i+1)})
	}
	return c
}

func TestFill(t *testing.T) {
	config := HostConfig{Dir: t.TempDir(), Progress: io.Discard}
	bundle := &Bundle{Retriever: "r"}
	fill := func(n *storeNode, c *Corpus) error {
		h := &Host{Client: n.client()}
		return h.fill(context.Background(), config, c, bundle)
	}
	// The first try ends after two requests of 64.
	first := newStoreNode(t, 2)
	require.ErrorContains(t, fill(first, passages(0, 300)), "killed")
	require.NotEmpty(t, first.objects)
	stored := len(first.objects)
	require.Less(t, stored, 300)

	// The second goes on: what is there is not sent again.
	first.left, first.embedded = -1, 0
	require.NoError(t, fill(first, passages(0, 300)))
	require.Len(t, first.objects, 300)
	require.Equal(t, 300-stored, first.embedded)
	property := first.class["properties"].([]any)[2].(map[string]any)
	require.Equal(t, "pid", property["name"])
	require.Equal(t, true, property["moduleConfig"].(map[string]any)[client.Vectorizer].(map[string]any)["skip"])
	object := first.objects[client.ObjectID(Collection, "p7")]
	require.Equal(t, map[string]any{"pid": "p7", "text": "xxxxxxxx"}, object.Properties)

	// A third finds it whole.
	first.left = 0
	require.NoError(t, fill(first, passages(0, 300)))

	// Another corpus shares half of the passages: their vectors are known.
	second := newStoreNode(t, -1)
	require.NoError(t, fill(second, passages(150, 450)))
	require.Equal(t, 150, second.embedded)
	require.Equal(t, models.C11yVector{151, 1}, second.objects[client.ObjectID(Collection, "p150")].Vector)

	// Another retriever knows none.
	bundle.Retriever = "another"
	third := newStoreNode(t, -1)
	require.NoError(t, fill(third, passages(0, 10)))
	require.Equal(t, 10, third.embedded)
	require.FileExists(t, filepath.Join(config.Dir, "vectors.db"))
}

func TestFoldersAreOfCorpusAndRetriever(t *testing.T) {
	name := folder(&Corpus{Hash: "a"}, &Bundle{Retriever: "r"})
	require.Equal(t, name, folder(&Corpus{Hash: "a"}, &Bundle{Retriever: "r", Name: "another model"}))
	require.NotEqual(t, name, folder(&Corpus{Hash: "b"}, &Bundle{Retriever: "r"}))
	require.NotEqual(t, name, folder(&Corpus{Hash: "a"}, &Bundle{Retriever: "s"}))
}
