package acceptance

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/clipperhouse/uax29/v2/sentences"
	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/ort"
	"github.com/latentask/latentask/vectorizer"
)

// inferenceContainer plays Weaviate's container for text2vec-transformers, with
// the bundle's retriever as its model.
type inferenceContainer struct {
	encoder *vectorizer.Encoder
	// averaged makes a text's vector as the container does by default: the mean
	// of its sentences' vectors, not normalised. Else the whole text is embedded.
	averaged bool
	// foreign makes it another model of the same dimension.
	foreign bool
}

func (c *inferenceContainer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/ready", "/.well-known/live":
		w.WriteHeader(http.StatusNoContent)
	case "/meta":
		writeJSON(w, http.StatusOK, map[string]any{"model_type": "bert", "_name_or_path": "./models/model"})
	case "/vectors", "/vectors/":
		var request struct{ Text string }
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		vector, err := c.vector(r, request.Text)
		if err != nil {
			writeJSON(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{"text": request.Text, "vector": vector, "dim": len(vector)})
	default:
		http.NotFound(w, r)
	}
}

func (c *inferenceContainer) vector(r *http.Request, text string) ([]float32, error) {
	texts := []string{text}
	if c.averaged {
		texts = nil
		for it := sentences.FromString(text); it.Next(); {
			texts = append(texts, it.Value())
		}
	}
	vectors, err := c.encoder.Embed(r.Context(), texts)
	if err != nil {
		return nil, err
	}
	mean := make([]float32, c.encoder.Dimension())
	for _, v := range vectors {
		for i := range v {
			mean[i] += v[i] / float32(len(vectors))
		}
	}
	if c.foreign {
		mean = permuted(mean)
	}
	return mean, nil
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A client that went away is the only failure, and needs no telling.
	_ = json.NewEncoder(w).Encode(value)
}

// openEncoder opens the bundle's retriever in this process.
func openEncoder(t *testing.T) *vectorizer.Encoder {
	t.Helper()
	b, err := bundle.Open(required(t, "LATENTASK_BUNDLE"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	rt, err := ort.Open(ort.Config{Device: "cpu", Threads: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close()) })
	encoder, err := vectorizer.Open(rt, b, vectorizer.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, encoder.Close()) })
	return encoder
}

// TestBesideOtherModules runs a node with text2vec-transformers and qna-openai
// beside ours.
func TestBesideOtherModules(t *testing.T) {
	encoder := openEncoder(t)
	serve := func(c *inferenceContainer) string {
		server := httptest.NewServer(c)
		t.Cleanup(server.Close)
		return server.URL
	}
	whole := serve(&inferenceContainer{encoder: encoder})
	averaged := serve(&inferenceContainer{encoder: encoder, averaged: true})
	foreign := serve(&inferenceContainer{encoder: encoder, foreign: true})
	n := start(t, setup{env: map[string]string{
		"ENABLE_MODULES":             "text2vec-latent,text2vec-transformers,qna-openai",
		"TRANSFORMERS_INFERENCE_API": whole,
		"OPENAI_APIKEY":              "none",
	}})
	list := passages(t)[:40]

	const transformers = "text2vec-transformers"
	of := func(name, url string) {
		class := schemaOf(name, transformers)
		class.ModuleConfig = map[string]any{transformers: map[string]any{"inferenceUrl": url}}
		create(t, n, class)
		load(t, n, name, "", list)
	}
	t.Run("text2vec-transformers, whole texts", func(t *testing.T) {
		of("Whole", whole)
		objects := ask{collection: "Whole", question: question}.send(t, n)
		require.NotEmpty(t, searches(objects)[0].IDs)
	})
	t.Run("text2vec-transformers, averaged sentences", func(t *testing.T) {
		of("Averaged", averaged)
		objects := ask{collection: "Averaged", question: question}.send(t, n)
		require.NotEmpty(t, searches(objects)[0].IDs)
	})
	t.Run("text2vec-transformers, another model", func(t *testing.T) {
		of("Foreign", foreign)
		ask{collection: "Foreign", question: question}.refused(t, n, "Foreign", "all-MiniLM-L6-v2")
		require.Len(t, get(t, n, "Foreign", `nearText: {concepts: ["Ove"]} limit: 2`, "title"), 2)
	})

	// Both operators stand on a collection that configures qna-openai and on
	// one that does not.
	configured := schemaOf("Configured", client.Vectorizer)
	configured.ModuleConfig = map[string]any{"qna-openai": map[string]any{"model": "gpt-3.5-turbo-instruct"}}
	for _, class := range []string{"Configured", "Unconfigured"} {
		t.Run("qna-openai, "+class, func(t *testing.T) {
			schema := schemaOf(class, client.Vectorizer)
			if class == "Configured" {
				schema = configured
			}
			create(t, n, schema)
			load(t, n, class, "", list)
			ask{collection: class, question: question}.send(t, n)
			r := post(t, n, `{ Get { `+class+`(ask: {question: "Who?"} limit: 1) { title _additional { id } } } }`)
			require.Empty(t, r.messages(), "ask is still an argument")
			require.Len(t, r.Data.Get[class], 1)
		})
	}
}
