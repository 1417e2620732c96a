package adopt

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/go-openapi/strfmt"
	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// filled is a node with an adopted collection in which all is well.
func filled(t *testing.T) (*fakeNode, *Runner) {
	n, r := newFake(t)
	n.add(decoded(t, adopted))
	n.distances = map[string]float64{}
	for i := range 30 {
		id := idOf(i)
		n.of("Docs", "")[id] = &models.Object{
			Class: "Docs", ID: strfmt.UUID(id), Properties: map[string]any{"title": fmt.Sprint("title ", i)},
			Vectors: models.Vectors{"latent": []float32{1, 0}},
		}
	}
	n.of("Docs", "")[idOf(100)] = &models.Object{Class: "Docs", ID: strfmt.UUID(idOf(100)), Properties: map[string]any{"year": 1.0}}
	n.job = &client.Adoption{
		Collection: "Docs", Vector: "latent", State: client.AdoptionFinished,
		Shards: []client.AdoptionShard{{Name: "s1", Objects: 31, Filled: 30, WithoutText: 1}},
	}
	return n, r
}

func TestVerify(t *testing.T) {
	_, r := filled(t)
	v, err := r.Verify(context.Background(), Options{Collection: "Docs"}, VerifyOptions{Sample: 100})
	require.NoError(t, err)
	require.Empty(t, v.Problems)
	require.Equal(t, []TenantCheck{{Objects: 31, Original: -1}}, v.Tenants)
	require.Equal(t, Sample{Objects: 31, WithoutText: 1, Compared: 30, Least: 1, Mean: 1}, v.Sample)
	require.Len(t, v.Asked, madeQuestions)
	require.Equal(t, "an answer", v.Asked[0].Answer)
	require.True(t, *v.Asked[0].Found)
	var out bytes.Buffer
	v.Print(&out)
	require.Contains(t, out.String(), "30 embedded again: cosine 1.0000 on average")
	require.Contains(t, out.String(), "all is as it should be")
}

func TestVerifyFindsProblems(t *testing.T) {
	tests := map[string]struct {
		spoil func(n *fakeNode)
		says  string
	}{
		"a vector that lacks": {func(n *fakeNode) { n.of("Docs", "")[idOf(3)].Vectors = nil }, "object " + idOf(3) + " has text and no vector"},
		"an old vector":       {func(n *fakeNode) { n.distances[idOf(3)] = 0.3 }, "object " + idOf(3) + ": the stored vector and a fresh one have the cosine 0.700"},
		"a job that runs":     {func(n *fakeNode) { n.job.State = client.AdoptionRunning }, "the job is running"},
		"a shard left out":    {func(n *fakeNode) { n.job.Shards[0].Filled = 3 }, "4 of 31 objects were looked at"},
		"questions refused":   {func(n *fakeNode) { n.refuse = "question:" }, "answered by an error: refused"},
		"old queries refused": {func(n *fakeNode) { n.refuse = "nearObject" }, "a query that names no vector is answered by an error"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n, r := filled(t)
			test.spoil(n)
			v, err := r.Verify(context.Background(), Options{Collection: "Docs"}, VerifyOptions{Sample: 100})
			require.NoError(t, err)
			require.NotEmpty(t, v.Problems)
			require.Contains(t, fmt.Sprint(v.Problems), test.says)
		})
	}
}

func TestVerifyOfWhatIsNotThere(t *testing.T) {
	n, r := newFake(t)
	n.add(decoded(t, unnamed))
	_, err := r.Verify(context.Background(), Options{Collection: "Docs"}, VerifyOptions{})
	require.ErrorIs(t, err, ErrNotOurs)
	_, err = r.Verify(context.Background(), Options{Collection: "Docs", Into: "Copy"}, VerifyOptions{})
	require.ErrorIs(t, err, client.ErrNoCollection)
}

// TestTextOfAnObject compares the text with what Weaviate's rules say of it.
func TestTextOfAnObject(t *testing.T) {
	class := decoded(t, `{"class": "MyDocs", "vectorConfig": {"latent": {"vectorizer": {"text2vec-latent": {"properties": ["title", "tags"], "vectorizeClassName": false}}}},
		"properties": [{"name": "title", "dataType": ["text"]}, {"name": "tags", "dataType": ["text[]"]}, {"name": "body", "dataType": ["text"]}]}`)
	object := &models.Object{Properties: map[string]any{"title": "Title", "tags": []any{"a", "b"}, "body": "no"}}
	text, empty := settingsOf(class, "latent").text(object)
	require.False(t, empty)
	require.Equal(t, "a b Title", text)
	_, empty = settingsOf(class, "latent").text(&models.Object{Properties: map[string]any{"body": "no"}})
	require.True(t, empty)
}
