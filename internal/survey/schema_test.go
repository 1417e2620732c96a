package survey

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"
)

func TestVectorsOf(t *testing.T) {
	c := class(t, `{"class": "MyDocs",
		"vectorizer": "text2vec-ollama", "vectorIndexType": "hnsw",
		"vectorIndexConfig": {"distance": "dot", "pq": {"enabled": false}, "rq": {"enabled": true, "bits": 8}},
		"moduleConfig": {"text2vec-ollama": {"model": "nomic-embed-text", "apiEndpoint": "http://ollama", "vectorizeClassName": false}},
		"vectorConfig": {
			"many": {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw", "vectorIndexConfig": {"multivector": {"enabled": true}, "bq": {"enabled": true}}},
			"gone": {"vectorizer": {"none": {}}, "vectorIndexType": "none"},
			"few": {"vectorizer": {"text2vec-openai": {"baseURL": "http://e5", "properties": ["text"]}}, "vectorIndexType": "dynamic",
				"vectorIndexConfig": {"distance": "cosine", "hnsw": {"rq": {"enabled": true, "bits": 1}}, "flat": {}}}
		},
		"properties": [{"name": "title", "dataType": ["text"], "moduleConfig": {"text2vec-ollama": {"vectorizePropertyName": true}}},
			{"name": "text", "dataType": ["text"]},
			{"name": "url", "dataType": ["text"], "moduleConfig": {"text2vec-ollama": {"skip": true}}}]}`)
	vectors := vectorsOf(c)
	require.Equal(t, []Vector{
		{Vectorizer: "text2vec-ollama", Model: "nomic-embed-text", Endpoint: "http://ollama", Index: "hnsw", Distance: "dot", Quantization: "rq-8"},
		{Name: "few", Vectorizer: "text2vec-openai", Endpoint: "http://e5", Index: "dynamic", Distance: "cosine", Quantization: "flat: none, hnsw: rq-1"},
		{Name: "many", Vectorizer: "none", Index: "hnsw", Distance: "cosine", Quantization: "bq", Multi: true},
	}, vectors)

	values := map[string]any{"title": "A", "text": "b", "url": "c"}
	require.Equal(t, "b title A", configured(c, vectors[0])(values))
	require.Equal(t, "My Docs b", configured(c, vectors[1])(values))
	require.Nil(t, configured(c, vectors[2]))
}

func TestCountOfTenants(t *testing.T) {
	require.Equal(t, &Tenants{Active: 2, Inactive: 2, Offloaded: 2}, count([]models.Tenant{
		{}, {ActivityStatus: "HOT"}, {ActivityStatus: "COLD"}, {ActivityStatus: "INACTIVE"}, {ActivityStatus: "FROZEN"}, {ActivityStatus: "OFFLOADING"},
	}))
}

func TestWords(t *testing.T) {
	require.Equal(t, "999", grouped(999))
	require.Equal(t, "1,234,567", grouped(1234567))
	require.Equal(t, "12 bytes", bytes(12))
	require.Equal(t, "1.9 MB", bytes(1_856_000))
	require.Equal(t, "186 GB", bytes(185_600_000_000))
	require.Equal(t, "<1%", percent(0.001))
	require.Equal(t, "0%", percent(0))
	for seconds, want := range map[float64]string{0.2: "a second", 70: "70 s", 3000: "50 minutes", 20000: "5.6 hours", 1e6: "11.6 days"} {
		require.Equal(t, want, about(seconds))
	}
}
