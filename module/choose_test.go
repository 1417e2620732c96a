package module

import (
	"maps"
	"testing"

	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/vectorindex/hnsw"
)

// A question that names no vector takes the one that can be searched.
func TestVectorOfAQuestionThatNamesNone(t *testing.T) {
	config := func(vectorizer string) models.VectorConfig {
		return models.VectorConfig{
			Vectorizer:      map[string]any{vectorizer: map[string]any{}},
			VectorIndexType: "hnsw", VectorIndexConfig: hnsw.NewDefaultUserConfig(),
		}
	}
	latent, brought, openai := config(VectorizerName), config("none"), config("text2vec-openai")
	dropped := config(VectorizerName)
	dropped.VectorIndexType = "none"
	several := config("none")
	multi := hnsw.NewDefaultUserConfig()
	multi.Multivector.Enabled = true
	several.VectorIndexConfig = multi

	for _, tt := range []struct {
		name string
		// legacy is the vectorizer of an unnamed vector, "" for none.
		legacy  string
		vectors map[string]models.VectorConfig
		// fits are the vectors that the retriever made, beside those of latent.
		fits []string
		want string
		// says is of a refusal.
		says string
	}{
		{name: "the unnamed one alone", legacy: "none", fits: []string{""}, want: ""},
		{name: "the only named one", vectors: map[string]models.VectorConfig{"z": latent}, want: "z"},
		{name: "beside an unnamed one of another model", legacy: "text2vec-openai", vectors: map[string]models.VectorConfig{"z": latent}, want: "z"},
		{name: "beside one of another model", vectors: map[string]models.VectorConfig{"a": openai, "z": latent}, want: "z"},
		{name: "beside several", vectors: map[string]models.VectorConfig{"a": openai, "b": brought, "c": several, "z": latent}, want: "z"},
		{name: "beside one that fits", vectors: map[string]models.VectorConfig{"a": brought, "z": latent}, fits: []string{"a"}, want: "z"},
		{name: "two of latent", vectors: map[string]models.VectorConfig{"y": latent, "z": latent}, says: `name one of "y", "z"`},
		{name: "one of two was dropped", vectors: map[string]models.VectorConfig{"y": latent, "z": dropped}, want: "y"},
		{name: "the one that fits", vectors: map[string]models.VectorConfig{"a": openai, "b": brought, "c": brought}, fits: []string{"c"}, want: "c"},
		{name: "the only one that may", vectors: map[string]models.VectorConfig{"a": openai, "b": brought}, fits: []string{"b"}, want: "b"},
		{name: "two that fit", vectors: map[string]models.VectorConfig{"a": brought, "b": brought}, fits: []string{"a", "b"}, says: `name one of "a", "b"`},
		{name: "an unnamed one and another that fit", legacy: "none", vectors: map[string]models.VectorConfig{"b": brought}, fits: []string{"", "b"}, want: ""},
		{name: "none that may", vectors: map[string]models.VectorConfig{"a": openai, "b": openai}, says: "adopt"},
		{name: "several vectors an object", vectors: map[string]models.VectorConfig{"c": several}, says: "multi-vector"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.engine.queries = []string{"Knox"}
			b.class.Vectorizer, b.class.VectorIndexConfig, b.class.VectorIndexType = "", nil, ""
			if tt.legacy != "" {
				b.class.Vectorizer, b.class.VectorIndexType = tt.legacy, "hnsw"
				b.class.VectorIndexConfig = hnsw.NewDefaultUserConfig()
			}
			b.class.VectorConfig = tt.vectors
			fits := map[string]bool{}
			for _, name := range tt.fits {
				fits[name] = true
			}
			for name, config := range tt.vectors {
				fits[name] = fits[name] || vectorizerOf(config) == VectorizerName
			}
			for i := range b.repo.objects {
				made := b.repo.objects[i].vectors[""]
				vectors := map[string][]float32{}
				for _, name := range append(vectorNames(b.class), "") {
					if vectors[name] = made; !fits[name] {
						vectors[name] = permuted(made)
					}
				}
				maps.Copy(b.repo.objects[i].vectors, vectors)
			}
			_, err := b.ask(dto.GetParams{}, nil)
			if tt.says != "" {
				assertInput(t, err, "latentAsk.targetVectors", tt.says)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := b.repo.targets[len(b.repo.targets)-1]; len(got) != 1 || got[0] != tt.want {
				t.Errorf("searched %q, want %q", got, tt.want)
			}
		})
	}
}

// permuted is a vector of another model.
func permuted(v []float32) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[len(v)-1-i] = x
	}
	return out
}
