package acceptance

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// quantisation is the rq of an index as a schema holds it.
type quantisation struct {
	Enabled bool
	Bits    int
}

// The new vector has an index of the kind that the collection's own has,
// quantised where that is wished, and each object is found in it by its text.
func TestAdoptIndexes(t *testing.T) {
	// Weaviate makes dynamic indexes only where vectors are indexed behind a queue.
	n := start(t, setup{env: map[string]string{"ASYNC_INDEXING": "true"}})
	for name, c := range map[string]struct {
		index, quantization string
		want                quantisation
	}{
		"flat":              {index: "flat"},
		"flat, rq of 8":     {"flat", "rq-8", quantisation{true, 8}},
		"dynamic":           {index: "dynamic"},
		"dynamic, rq of 8":  {"dynamic", "rq-8", quantisation{true, 8}},
		"hnsw, rq of 8":     {"hnsw", "rq-8", quantisation{true, 8}},
		"hnsw, rq of 1 bit": {"hnsw", "rq-1", quantisation{true, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time is waiting for a job to be old enough to end
			name := uniqueName(t)
			class := adoptee(name, nil)
			class.VectorIndexType = c.index
			create(t, n, class)
			paged(t, n, name, "", pages(60), "")
			require.Eventually(t, func() bool {
				status, body := rest(n.url, "", "GET", "/nodes/"+name+"?output=verbose", nil)
				return status == 200 && strings.Contains(string(body), `"vectorQueueLength":0`)
			}, time.Minute, 100*time.Millisecond, "the objects' own vectors are not indexed")
			before, queries := all(t, n, name, ""), oldQueries(t, n, name, own(7))
			args := append([]string{"--collection", name, "--sample", "60"}, one...)
			if c.quantization != "" {
				args = append(args, "--quantization", c.quantization)
			}
			r := reported(t, n, "", args...)
			require.Empty(t, r.Verification.Problems)
			require.Equal(t, 60, r.Verification.Sample.Compared)

			var schema struct {
				VectorConfig map[string]struct {
					VectorIndexType   string
					VectorIndexConfig struct {
						Distance string
						RQ       quantisation
						// Of a dynamic one, which has none itself.
						HNSW, Flat struct{ RQ quantisation }
					}
				}
			}
			require.NoError(t, json.Unmarshal([]byte(schemaText(t, n, name)), &schema))
			config := schema.VectorConfig["latent"].VectorIndexConfig
			require.Equal(t, c.index, schema.VectorConfig["latent"].VectorIndexType)
			require.Equal(t, "cosine", config.Distance)
			found := []quantisation{config.RQ}
			if c.index == "dynamic" {
				found = []quantisation{config.HNSW.RQ, config.Flat.RQ}
			}
			for _, q := range found {
				require.Equal(t, c.want.Enabled, q.Enabled)
				if q.Enabled {
					require.Equal(t, c.want, q)
				}
			}

			after := all(t, n, name, "")
			unchanged(t, before, after)
			requireVectors(t, n, name, "", after)
			require.Equal(t, queries, oldQueries(t, n, name, own(7)))
		})
	}
}
