package fit

import (
	"fmt"
	"slices"
)

// How stored vectors are compared with the retriever's.
const (
	// Candidates is how many stored objects a caller should read, for Compare to
	// choose from.
	Candidates = 200
	// SampleSize is how many of them are embedded again.
	SampleSize = 20
	// FirstSize is how many tell the likely layouts from the others.
	FirstSize = 4
	// keptCosine is how far behind the best a layout may be there to be tried
	// with the whole sample. Layouts tie where objects lack a property.
	keptCosine = 0.02
	// MinimumCosine is the median that shows the retriever to be the same.
	// Other models of the same dimension stay below 0.3; what is lost between
	// 0.98 and 1 are int8 weights and texts cut elsewhere.
	MinimumCosine = 0.98
	// NearCosine is a median that no other model reaches.
	NearCosine = 0.9
)

// mayFit are the vectorizers whose model may be a bundle's retriever. The
// others' can't be, and need no comparison.
var mayFit = []string{
	"none", "text2vec-transformers", "text2vec-ollama", "text2vec-huggingface", "text2vec-gpt4all",
}

// Comparable are the vectorizers whose model may be a bundle's retriever.
func Comparable() []string { return slices.Clone(mayFit) }

// MayFit tells whether the model of a vectorizer may be a bundle's retriever.
func MayFit(vectorizer string) bool { return slices.Contains(mayFit, vectorizer) }

// Object is a stored object as it is compared.
type Object struct {
	ID string
	// Values are its text, each a string or a list of strings, by property.
	Values map[string]any
	// Vector is empty where the object has none.
	Vector []float32
}

// Kind is what a comparison found.
type Kind string

// Kinds of a result.
const (
	// Empty: there was no object to compare.
	Empty Kind = "empty"
	// Same: the vectors are the retriever's.
	Same Kind = "same"
	// Near: they come nearer than those of any other model, of a text that was
	// laid out in another way than those tried.
	Near Kind = "near"
	// Other: they are of another model.
	Other Kind = "other"
	// OtherDimension: they are of another length.
	OtherDimension Kind = "otherDimension"
	// Bare: no object has both a vector and text.
	Bare Kind = "bare"
)

// Result is what stored vectors are, next to a retriever's.
type Result struct {
	Kind Kind
	// Given is how many objects there were to choose from.
	Given int
	// Dimension is the retriever's, Stored that of the stored vectors, 0 where
	// there are none.
	Dimension, Stored int
	// Layout is the way of embedding that comes nearest. It is empty where
	// nothing was embedded.
	Layout string
	// Cosines are those of the compared objects under it, Median their median.
	Cosines []Compared
	Median  float64
}

// Compared is an object that was embedded again.
type Compared struct {
	ID     string
	Cosine float64
}

// Found says why the vectors are not the retriever's, and nothing of those that
// are or of no objects.
func (r Result) Found() string {
	switch r.Kind {
	case Bare:
		return fmt.Sprintf("none of %d objects has both a vector and text", r.Given)
	case OtherDimension:
		return fmt.Sprintf("its vectors have %d dimensions, that model's have %d", r.Stored, r.Dimension)
	case Other, Near:
		found := fmt.Sprintf("embedding %d stored objects again gives a median cosine of at best %.3f (text laid out: %s; %d dimensions), where at least %.2f is needed",
			len(r.Cosines), r.Median, r.Layout, r.Dimension, MinimumCosine)
		if r.Kind == Near {
			found += "; that is near enough for the same model on text that was laid out in a way that is not known here"
		}
		return found
	default:
		return ""
	}
}
