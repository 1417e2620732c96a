package survey

import (
	"context"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/closers"
	"github.com/latentask/latentask/internal/ort"
	"github.com/latentask/latentask/vectorizer"
)

// Model is what a bundle would read and embed a collection's texts with.
type Model interface {
	// Embed makes the retriever's vectors of texts, of unit length.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
	// RetrieverTokens and ReaderTokens are how many tokens a text has for each.
	RetrieverTokens(text string) int
	ReaderTokens(text string) int
	// Facts are what the manifest says.
	Facts() Facts
}

// Facts are what a bundle's manifest says that matters here.
type Facts struct {
	// Bundle is its name and version, Retriever the retriever's name.
	Bundle, Retriever string
	// Dimension is that of the retriever's vectors.
	Dimension int
	// MaxTokens is how many the retriever reads of a text, PassageTokens how
	// many the language model reads of a passage.
	MaxTokens, PassageTokens int
}

// BundleModel is a bundle that was opened in this process, without its language
// model.
type BundleModel struct {
	*vectorizer.Encoder
	bundle *bundle.Bundle
	close  func() error
}

// OpenModel opens the retriever and the tokenizers of the bundle in a folder, on
// the CPU. Close must be called. Its errors are those of packages bundle, ort
// and vectorizer.
func OpenModel(dir string) (m *BundleModel, err error) {
	var opened closers.Stack
	defer opened.OnError(&err)
	b, err := bundle.Open(dir)
	if err != nil {
		return nil, err
	}
	opened.Push(b.Close)
	rt, err := ort.Open(ort.Config{Device: "cpu"})
	if err != nil {
		return nil, err
	}
	opened.Push(rt.Close)
	encoder, err := vectorizer.Open(rt, b, vectorizer.Options{})
	if err != nil {
		return nil, err
	}
	opened.Push(encoder.Close)
	return &BundleModel{Encoder: encoder, bundle: b, close: opened.Close}, nil
}

// RetrieverTokens implements Model.
func (m *BundleModel) RetrieverTokens(text string) int { return m.Tokens(text) }

// ReaderTokens implements Model.
func (m *BundleModel) ReaderTokens(text string) int { return len(m.bundle.LM().IDs(text, false)) }

// Facts implements Model.
func (m *BundleModel) Facts() Facts {
	manifest := m.bundle.Manifest()
	return Facts{
		Bundle:    manifest.Name + " " + manifest.Version,
		Retriever: manifest.Retriever.Name,
		Dimension: m.Dimension(),
		MaxTokens: manifest.Retriever.MaxTokens, PassageTokens: manifest.Limits.PassageTokens,
	}
}

// Close closes all that OpenModel opened.
func (m *BundleModel) Close() error { return m.close() }
