package acceptance

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/go-openapi/strfmt"
	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/jsonl"
)

// passage is one of the demo's.
type passage struct {
	PID, Title, Text string
	// Part is 0, 1 or 2, to filter by.
	Part int
}

func (p passage) properties() map[string]any {
	return map[string]any{"title": p.Title, "text": p.Text, "part": p.Part}
}

// The question of most tests, which takes two passages of passages().
const question = "What is the place of birth of the director of film A Man Called Ove?"

var (
	demoData = filepath.Join("..", "..", "data", "demo")

	readPassages = sync.OnceValues(func() ([]passage, error) {
		type row struct {
			Question string
			Support  []string
		}
		needed := map[string]bool{}
		for r, err := range jsonl.File[row](filepath.Join(demoData, "questions.jsonl")) {
			if err != nil {
				return nil, err
			}
			for _, title := range r.Support {
				needed[title] = true
			}
		}
		var out []passage
		for p, err := range jsonl.File[passage](filepath.Join(demoData, "passages.jsonl.gz")) {
			if err != nil {
				return nil, err
			}
			if needed[p.Title] {
				p.Part = len(out) % 3
				out = append(out, p)
			}
		}
		return out, nil
	})
)

// passages are those that the demo's questions take, about 70.
func passages(t testing.TB) []passage {
	t.Helper()
	list, err := readPassages()
	require.NoError(t, err)
	require.Greater(t, len(list), 60)
	return list
}

// questions are the demo's.
func questions(t testing.TB, n int) []string {
	t.Helper()
	var out []string
	for r, err := range jsonl.File[struct{ Question string }](filepath.Join(demoData, "questions.jsonl")) {
		require.NoError(t, err)
		if out = append(out, r.Question); len(out) == n {
			break
		}
	}
	return out
}

// schemaOf is a collection of passages.
func schemaOf(name, vectorizer string) *models.Class {
	return &models.Class{
		Class: name, Vectorizer: vectorizer,
		Properties: []*models.Property{
			{Name: "title", DataType: []string{"text"}},
			{Name: "text", DataType: []string{"text"}},
			{Name: "part", DataType: []string{"int"}},
		},
	}
}

// create makes a collection, which is dropped at the test's end where the node
// still runs.
func create(t testing.TB, n *node, class *models.Class) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, n.client.Weaviate().Schema().ClassCreator().WithClass(class).Do(ctx))
	t.Cleanup(func() {
		select {
		case <-n.Exited():
		default:
			_ = n.client.DeleteCollection(ctx, class.Class)
		}
	})
}

// load imports passages by the project's own client.
func load(t testing.TB, n *node, collection, tenant string, list []passage) {
	t.Helper()
	stored, err := n.client.Load(context.Background(), func(yield func(map[string]any, error) bool) {
		for _, p := range list {
			properties := p.properties()
			properties["pid"] = p.PID
			if !yield(properties, nil) {
				return
			}
		}
	}, client.Import{Collection: collection, Tenant: tenant, IDField: "pid"})
	require.NoError(t, err)
	require.Equal(t, len(list), stored)
}

// loadVectors imports passages with vectors, one a passage.
func loadVectors(t testing.TB, n *node, collection string, list []passage, vectors [][]float32) {
	t.Helper()
	require.Len(t, vectors, len(list))
	batch := n.client.Weaviate().Batch().ObjectsBatcher()
	for i, p := range list {
		batch.WithObjects(&models.Object{
			Class: collection, ID: strfmt.UUID(client.ObjectID(collection, p.PID)),
			Properties: p.properties(), Vector: vectors[i],
		})
	}
	results, err := batch.Do(context.Background())
	require.NoError(t, err)
	for _, r := range results {
		require.Nil(t, r.Result.Errors)
	}
}

// storedVectors are a collection's vectors by title.
func storedVectors(t testing.TB, n *node, collection string) map[string][]float32 {
	t.Helper()
	out := map[string][]float32{}
	for _, o := range get(t, n, collection, "limit: 1000", "title _additional { vector }") {
		require.NotEmpty(t, o.Additional.Vector)
		out[o.Title] = o.Additional.Vector
	}
	return out
}

// common is a collection of all passages on the shared node, with Weaviate's
// defaults, for the tests that only read.
const common = "Passage"

var fillCommon sync.Once

func commonCollection(t testing.TB) *node {
	t.Helper()
	n := shared(t)
	fillCommon.Do(func() {
		require.NoError(t, n.client.Weaviate().Schema().ClassCreator().
			WithClass(schemaOf(common, client.Vectorizer)).Do(context.Background()))
		load(t, n, common, "", passages(t))
	})
	count, err := n.client.Count(context.Background(), common)
	require.NoError(t, err)
	require.Equal(t, len(passages(t)), count)
	return n
}

// titlesByID are the titles of a collection's passages by object id.
func titlesByID(collection string, list []passage) map[string]string {
	out := make(map[string]string, len(list))
	for _, p := range list {
		out[client.ObjectID(collection, p.PID)] = p.Title
	}
	return out
}

// permuted is a vector of another model as far as anyone can tell by its length
// and dimension: the values in another order.
func permuted(v []float32) []float32 {
	out := slices.Clone(v)
	slices.Reverse(out)
	return out
}

// vectorConfig is the configuration of one named vector.
func vectorConfig(vectorizer string, settings map[string]any) models.VectorConfig {
	return models.VectorConfig{
		Vectorizer:      map[string]any{vectorizer: maps.Clone(settings)},
		VectorIndexType: "hnsw",
	}
}

// uniqueName makes a collection's name of a test's.
func uniqueName(t testing.TB) string {
	t.Helper()
	name := "C"
	for _, r := range t.Name() {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			name += string(r)
		}
	}
	require.Less(t, len(name), 200, fmt.Sprintf("%s is too long", name))
	return name
}
