package adopt

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
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
			Vector: []float32{0, 1}, Vectors: models.Vectors{"latent": []float32{1, 0}},
		}
	}
	n.of("Docs", "")[idOf(100)] = &models.Object{Class: "Docs", ID: strfmt.UUID(idOf(100)), Properties: map[string]any{"year": 1.0}}
	n.job = &client.Adoption{
		Collection: "Docs", Vector: "latent", State: client.AdoptionFinished,
		Shards: []client.AdoptionShard{{Name: "s1", AdoptionCounts: client.AdoptionCounts{Objects: 31, Filled: 30, WithoutText: 1}}},
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

// Queries that name no vector search the unnamed one, else the only one that is
// not of the node's own module; not every object has it.
func TestVerifyOfDefaults(t *testing.T) {
	vector := func(module string) models.VectorConfig {
		return models.VectorConfig{Vectorizer: map[string]any{module: map[string]any{}}, VectorIndexType: "hnsw"}
	}
	for name, c := range map[string]struct {
		unnamed bool
		others  []string
		// holders have the vectors of others, beside those that the unnamed one is
		// of.
		holders []int
		want    string
	}{
		"an unnamed one":              {true, nil, nil, "the unnamed vector"},
		"an unnamed and a named one":  {true, []string{"a"}, []int{7, 9}, "the unnamed vector"},
		"an unnamed and two named":    {true, []string{"a", "b"}, []int{7}, "the unnamed vector"},
		"a named one that few have":   {false, []string{"a"}, []int{7}, `the vector "a"`},
		"a named one that none has":   {false, []string{"a"}, nil, `not known: no object of the sample has the vector "a"`},
		"two named":                   {false, []string{"a", "b"}, []int{7}, "queries have to name a vector"},
		"none but the new one at all": {false, nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			n, r := filled(t)
			class := n.classes["Docs"]
			if !c.unnamed {
				class.Vectorizer, class.VectorIndexType, class.VectorIndexConfig = "", "", nil
				for _, o := range n.of("Docs", "") {
					o.Vector = nil
				}
			}
			for _, other := range c.others {
				class.VectorConfig[other] = vector("none")
				for _, i := range c.holders {
					n.of("Docs", "")[idOf(i)].Vectors[other] = []float32{1, 1}
				}
			}
			v, err := r.Verify(context.Background(), Options{Collection: "Docs"}, VerifyOptions{Sample: 100})
			require.NoError(t, err)
			require.Empty(t, v.Problems)
			require.Equal(t, c.want, v.Default)
		})
	}
}

// What users write or delete while it is looked at is no problem.
func TestVerifyUnderWriters(t *testing.T) {
	const nearText, nearObject = "nearText", "nearObject"
	id := idOf(3)
	rewrite := func(n *fakeNode) {
		o := *n.of("Docs", "")[id]
		o.LastUpdateTimeUnix++
		n.of("Docs", "")[id] = &o
	}
	for name, c := range map[string]struct {
		// during is what happens during the n-th query about the object.
		query  string
		during func(n *fakeNode, query string, nth int)
		want   Sample
	}{
		"an object is updated": {nearText, func(n *fakeNode, _ string, nth int) {
			n.distances[id] = 0
			if nth == 1 {
				n.distances[id] = 0.3
				rewrite(n)
			}
		}, Sample{Compared: 30}},
		"an object is updated when it is looked at again": {nearText, func(n *fakeNode, _ string, nth int) {
			n.distances[id] = 0
			if nth <= 2 {
				n.distances[id] = 0.3
			}
			if nth == 2 {
				rewrite(n)
			}
		}, Sample{Compared: 30}},
		"an object is deleted": {nearText, func(n *fakeNode, _ string, _ int) { delete(n.of("Docs", ""), id) }, Sample{Compared: 29, Changed: 1}},
		"an object is updated all the time": {nearText, func(n *fakeNode, _ string, _ int) {
			n.distances[id] = 0.3
			rewrite(n)
		}, Sample{Compared: 29, Changed: 1}},
		"an index is behind the object": {nearText, func(n *fakeNode, _ string, nth int) {
			n.distances[id] = 0
			if nth == 1 {
				n.distances[id] = 0.3
			}
		}, Sample{Compared: 30}},
		"objects come and go between two queries": {nearObject, func(n *fakeNode, _ string, nth int) {
			if nth < 3 {
				first := slices.Min(slices.Collect(maps.Keys(n.of("Docs", ""))))
				delete(n.of("Docs", ""), first)
			}
		}, Sample{Compared: 30}},
		"the object that queries are near to is deleted": {nearObject, func(n *fakeNode, query string, nth int) {
			if nth == 1 {
				delete(n.of("Docs", ""), queryNear.FindStringSubmatch(query)[1])
			}
		}, Sample{Compared: 30}},
	} {
		t.Run(name, func(t *testing.T) {
			n, r := filled(t)
			class := n.classes["Docs"]
			class.Vectorizer, class.VectorIndexType, class.VectorIndexConfig = "", "", nil
			class.VectorConfig["own"] = models.VectorConfig{Vectorizer: map[string]any{"none": map[string]any{}}, VectorIndexType: "hnsw"}
			for i := range 30 {
				n.of("Docs", "")[idOf(i)].Vectors["own"] = []float32{1, 1}
			}
			nth := 0
			n.asked = func(query string) {
				if strings.Contains(query, c.query) && (c.query == nearObject || strings.Contains(query, id)) {
					nth++
					c.during(n, query, nth)
				}
			}
			v, err := r.Verify(context.Background(), Options{Collection: "Docs"}, VerifyOptions{Sample: 100})
			require.NoError(t, err)
			require.Empty(t, v.Problems)
			require.Equal(t, `the vector "own"`, v.Default)
			require.Equal(t, []int{c.want.Compared, c.want.Changed}, []int{v.Sample.Compared, v.Sample.Changed})
		})
	}
}

// Tenants of a sample are not the first ones of the alphabet.
func TestVerifyOfManyTenants(t *testing.T) {
	n, r := newFake(t)
	class := decoded(t, adopted)
	class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
	var tenants []models.Tenant
	for i := range 100 {
		tenants = append(tenants, models.Tenant{Name: fmt.Sprintf("t%02d", i), ActivityStatus: models.TenantActivityStatusACTIVE})
	}
	n.add(class, tenants...)
	for _, tenant := range tenants {
		n.put("Docs", tenant.Name, idOf(1), map[string]any{"title": "a title"})
	}
	asked := map[string]bool{}
	n.before = func(r *http.Request) bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		if r.URL.Path == "/v1/objects" {
			asked[r.URL.Query().Get("tenant")] = true
		}
		return false
	}
	v, err := r.Verify(context.Background(), Options{Collection: "Docs"}, VerifyOptions{Sample: 10})
	require.NoError(t, err)
	require.Equal(t, 10, v.Sample.Objects)
	require.Len(t, asked, 10)
	// That the last of ten is among the first twenty has odds of one in a hundred
	// million.
	require.Greater(t, slices.Max(slices.Collect(maps.Keys(asked))), "t19")
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
