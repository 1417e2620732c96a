package acceptance

import (
	"context"
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// cosine of two vectors.
func cosine(a, b []float32) float64 {
	var dot, aa, bb float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return dot / math.Sqrt(aa*bb)
}

// embedded is the vector that nearText makes of a text: that of the one object
// of a collection which embeds the text alone.
func embedded(t *testing.T, n *node, texts ...string) [][]float32 {
	t.Helper()
	const name = "Bare"
	require.NoError(t, n.client.Weaviate().Schema().ClassCreator().WithClass(&models.Class{
		Class: name, Vectorizer: client.Vectorizer,
		ModuleConfig: map[string]any{client.Vectorizer: map[string]any{"vectorizeClassName": false}},
		Properties: []*models.Property{
			{Name: "title", DataType: []string{"text"}},
		},
	}).Do(context.Background()))
	defer func() { require.NoError(t, n.client.DeleteCollection(context.Background(), name)) }()
	list := make([]passage, len(texts))
	_, err := n.client.Load(context.Background(), func(yield func(map[string]any, error) bool) {
		for i, text := range texts {
			list[i] = passage{PID: strconv.Itoa(i), Title: text}
			if !yield(map[string]any{"pid": list[i].PID, "title": text}, nil) {
				return
			}
		}
	}, client.Import{Collection: name, IDField: "pid"})
	require.NoError(t, err)
	byTitle := storedVectors(t, n, name)
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = byTitle[text]
		require.Len(t, vectors[i], 384)
	}
	return vectors
}

// TestTextOfAnObject checks what text the vectorizer makes a vector of, by the
// vector of the text that it must be.
func TestTextOfAnObject(t *testing.T) {
	n := shared(t)
	for name, c := range map[string]struct {
		class, title, text map[string]any
		want               string
	}{
		"by default":          {nil, nil, nil, "Text Of An Object A film of 2015. Ove"},
		"without class name":  {map[string]any{"vectorizeClassName": false}, nil, nil, "A film of 2015. Ove"},
		"with property names": {nil, map[string]any{"vectorizePropertyName": true}, map[string]any{"vectorizePropertyName": true}, "Text Of An Object text A film of 2015. title Ove"},
		"title skipped":       {nil, map[string]any{"skip": true}, nil, "Text Of An Object A film of 2015."},
		"text skipped":        {map[string]any{"vectorizeClassName": false}, nil, map[string]any{"skip": true}, "Ove"},
	} {
		t.Run(name, func(t *testing.T) {
			const collection = "TextOfAnObject"
			property := func(name string, config map[string]any) *models.Property {
				p := &models.Property{Name: name, DataType: []string{"text"}}
				if config != nil {
					p.ModuleConfig = map[string]any{client.Vectorizer: config}
				}
				return p
			}
			class := &models.Class{
				Class: collection, Vectorizer: client.Vectorizer,
				Properties: []*models.Property{property("title", c.title), property("text", c.text)},
			}
			if c.class != nil {
				class.ModuleConfig = map[string]any{client.Vectorizer: c.class}
			}
			create(t, n, class)
			load(t, n, collection, "", []passage{{PID: "1", Title: "Ove", Text: "A film of 2015."}})
			got := storedVectors(t, n, collection)["Ove"]
			vectors := embedded(t, n, c.want, "Something else altogether, of another matter.")
			require.InDelta(t, 1, cosine(got, vectors[0]), 1e-4)
			require.Less(t, cosine(got, vectors[1]), 0.9)
			require.InDelta(t, 1, cosine(got, got), 1e-6)
		})
	}
}

// TestAVectorDoesNotDependOnItsBatch imports the same passages in one request,
// one by one, and as single objects.
func TestAVectorDoesNotDependOnItsBatch(t *testing.T) {
	n := commonCollection(t)
	inBatches := storedVectors(t, n, common)
	list := passages(t)[:10]
	// The class's name is part of the text, so it must be one of as many words
	// of the same text: a second collection can't have it, an alias of none
	// either. So the same objects are written again.
	for _, p := range list {
		_, err := n.client.Load(context.Background(), func(yield func(map[string]any, error) bool) {
			properties := p.properties()
			properties["text"] = p.Text + " "
			properties["pid"] = "again" + p.PID
			yield(properties, nil)
		}, client.Import{Collection: common, IDField: "pid", Batch: 1})
		require.NoError(t, err)
		id := client.ObjectID(common, "again"+p.PID)
		found := get(t, n, common, `where: {path: ["id"], operator: Equal, valueText: "`+id+`"}`, "title _additional { vector }")
		require.Len(t, found, 1)
		require.InDelta(t, 1, cosine(inBatches[p.Title], found[0].Additional.Vector), 1e-5)
		require.NoError(t, n.client.Weaviate().Data().Deleter().WithClassName(common).WithID(id).Do(context.Background()))
	}
}

func TestNearText(t *testing.T) {
	n := commonCollection(t)
	found := get(t, n, common, `nearText: {concepts: ["A Man Called Ove, a Swedish comedy-drama film"]} limit: 3`,
		"title _additional { distance vector }")
	require.Equal(t, "A Man Called Ove", found[0].Title)
	// moveTo and several concepts are Weaviate's own business, and still work.
	moved := get(t, n, common, `nearText: {concepts: ["film", "comedy"], moveTo: {concepts: ["Sweden"], force: 0.9}} limit: 3`, "title")
	require.Len(t, moved, 3)
	near := get(t, n, common, "nearVector: {vector: "+vectorText(t, found[0].Additional.Vector)+"} limit: 1", "title _additional { distance }")
	require.Equal(t, "A Man Called Ove", near[0].Title)
	require.InDelta(t, 0, near[0].Additional.Distance, 1e-5)
}

func TestObjectsWithoutText(t *testing.T) {
	n := shared(t)
	name := uniqueName(t)
	class := schemaOf(name, client.Vectorizer)
	class.ModuleConfig = map[string]any{client.Vectorizer: map[string]any{"vectorizeClassName": false}}
	create(t, n, class)
	load(t, n, name, "", []passage{{PID: "1"}, {PID: "2", Title: "Ove", Text: "A film."}})
	count, err := n.client.Count(context.Background(), name)
	require.NoError(t, err)
	require.Equal(t, 2, count)
	require.NotEmpty(t, ask{collection: name, question: question}.send(t, n))
}
