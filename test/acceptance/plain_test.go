package acceptance

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
)

// TestPlainDataFolders takes a data folder from plain Weaviate to a node with
// latentask and back.
func TestPlainDataFolders(t *testing.T) {
	plainNode := required(t, "LATENTASK_PLAIN_NODE")
	dir := t.TempDir()
	list := passages(t)[:20]
	vectors := make([][]float32, len(list))
	for i := range vectors {
		vectors[i] = make([]float32, 384)
		vectors[i][i] = 1
	}
	plain := setup{binary: plainNode, dir: dir, noBundle: true, env: map[string]string{"ENABLE_MODULES": ""}}
	ours := setup{dir: dir}
	near := "nearVector: {vector: " + vectorText(t, vectors[3]) + "} limit: 1"
	holds := func(n *node, collection string) {
		t.Helper()
		count, err := n.client.Count(context.Background(), collection)
		require.NoError(t, err)
		require.Equal(t, len(list), count)
		require.Equal(t, list[3].Title, get(t, n, collection, near, "title")[0].Title)
		require.NotEmpty(t, get(t, n, collection, `bm25: {query: "`+list[3].Title+`"}`, "title"))
	}
	run := func(s setup, use func(n *node)) {
		t.Helper()
		n, err := launch(t, s)
		require.NoError(t, err)
		defer func() { require.NoError(t, n.Stop()) }()
		use(n)
	}

	run(plain, func(n *node) {
		require.NoError(t, n.client.Weaviate().Schema().ClassCreator().WithClass(schemaOf("Before", "none")).Do(context.Background()))
		loadVectors(t, n, "Before", list, vectors)
		holds(n, "Before")
		ask{collection: "Before", question: question}.refused(t, n, `Unknown argument "latentAsk"`)
	})
	run(ours, func(n *node) {
		holds(n, "Before")
		require.NoError(t, n.client.Weaviate().Schema().ClassCreator().WithClass(schemaOf("Meanwhile", "none")).Do(context.Background()))
		loadVectors(t, n, "Meanwhile", list, vectors)
		ask{collection: "Before", question: question}.refused(t, n, "all-MiniLM-L6-v2")
	})
	run(plain, func(n *node) {
		holds(n, "Before")
		holds(n, "Meanwhile")
	})

	// A collection that names text2vec-latent is what plain Weaviate lacks the
	// module for.
	run(ours, func(n *node) {
		require.NoError(t, n.client.Weaviate().Schema().ClassCreator().
			WithClass(schemaOf("Ours", client.Vectorizer)).Do(context.Background()))
		load(t, n, "Ours", "", list)
	})
	run(plain, func(n *node) {
		holds(n, "Before")
		// It starts, and what is stored can be had and searched; but it can make
		// no vectors for the collection, so nothing new goes in without one.
		require.Len(t, get(t, n, "Ours", `bm25: {query: "film"} limit: 1`, "title"), 1)
		vector := storedVectors(t, n, "Ours")[list[3].Title]
		require.Equal(t, list[3].Title, get(t, n, "Ours", "nearVector: {vector: "+vectorText(t, vector)+"} limit: 1", "title")[0].Title)
		require.Contains(t, post(t, n, `{ Get { Ours(nearText: {concepts: ["film"]}) { title } } }`).messages(), `Unknown argument "nearText"`)
		ask{collection: "Ours", question: question}.refused(t, n, `Unknown argument "latentAsk"`)
		_, err := n.client.Load(context.Background(), func(yield func(map[string]any, error) bool) {
			yield(map[string]any{"pid": "new", "title": "New", "text": "A new passage."}, nil)
		}, client.Import{Collection: "Ours", IDField: "pid"})
		require.ErrorContains(t, err, `no vectorizer found for class "Ours"`)
	})
	// Nothing of it is lost on the way.
	run(ours, func(n *node) {
		count, err := n.client.Count(context.Background(), "Ours")
		require.NoError(t, err)
		require.Equal(t, len(list), count)
		ask{collection: "Ours", question: question, argument: "maxHops: 1"}.send(t, n)
	})
}
