package acceptance

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/ort"
	"github.com/latentask/latentask/test/inference"
	"github.com/latentask/latentask/vectorizer"
)

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
	serve := func(c *inference.Container) string {
		server := httptest.NewServer(c)
		t.Cleanup(server.Close)
		return server.URL
	}
	whole := serve(&inference.Container{Encoder: encoder})
	averaged := serve(&inference.Container{Encoder: encoder, Averaged: true})
	foreign := serve(&inference.Container{Encoder: encoder, Change: permuted})
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
