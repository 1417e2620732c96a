// Package inference plays Weaviate's inference container for
// text2vec-transformers, with a bundle's retriever as its model.
package inference

import (
	"encoding/json"
	"net/http"

	"github.com/clipperhouse/uax29/v2/sentences"

	"github.com/latentask/latentask/vectorizer"
)

// Container answers as the stock container does, /vectors above all.
type Container struct {
	Encoder *vectorizer.Encoder
	// Averaged makes a text's vector as the container does by default: the mean
	// of its sentences' vectors, not normalised. Else the whole text is embedded.
	Averaged bool
	// Change makes it another model. It may be nil.
	Change func(vector []float32) []float32
}

// ServeHTTP implements http.Handler.
func (c *Container) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/ready", "/.well-known/live":
		w.WriteHeader(http.StatusNoContent)
	case "/meta":
		answer(w, http.StatusOK, map[string]any{"model_type": "bert", "_name_or_path": "./models/model"})
	case "/vectors", "/vectors/":
		var request struct{ Text string }
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		vector, err := c.vector(r, request.Text)
		if err != nil {
			answer(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
			return
		}
		answer(w, http.StatusOK, map[string]any{"text": request.Text, "vector": vector, "dim": len(vector)})
	default:
		http.NotFound(w, r)
	}
}

func (c *Container) vector(r *http.Request, text string) ([]float32, error) {
	texts := []string{text}
	if c.Averaged {
		texts = nil
		for it := sentences.FromString(text); it.Next(); {
			texts = append(texts, it.Value())
		}
	}
	vectors, err := c.Encoder.Embed(r.Context(), texts)
	if err != nil {
		return nil, err
	}
	mean := make([]float32, c.Encoder.Dimension())
	for _, v := range vectors {
		for i := range v {
			mean[i] += v[i] / float32(len(vectors))
		}
	}
	if c.Change != nil {
		mean = c.Change(mean)
	}
	return mean, nil
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A client that went away is the only failure, and needs no telling.
	_ = json.NewEncoder(w).Encode(value)
}
