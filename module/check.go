package module

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/weaviate/weaviate/entities/additional"
	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/filters"
	"github.com/weaviate/weaviate/entities/modelsext"
	"github.com/weaviate/weaviate/entities/search"

	"github.com/latentask/latentask/reasoner"
)

// How a collection's vectors are compared with the bundle's retriever.
const (
	// candidates is how many stored objects are read to choose from.
	candidates = 200
	// sampleSize is how many of them are embedded again.
	sampleSize = 20
	// firstSize is how many tell the likely layouts from the others.
	firstSize = 4
	// keptCosine is how far behind the best a layout may be there to be tried
	// with the whole sample. Layouts tie where objects lack a property.
	keptCosine = 0.02
	// minimumCosine is the median that shows the retriever to be the same.
	// Other models of the same dimension stay below 0.3; what is lost between
	// 0.98 and 1 are int8 weights and texts cut elsewhere.
	minimumCosine = 0.98
	// nearCosine is a median that no other model reaches.
	nearCosine = 0.9
)

// checked are the vectorizers whose model may be the bundle's retriever. The
// others' can't be, and need no comparison.
var checked = []string{
	vectorizerNone, "text2vec-transformers", "text2vec-ollama", "text2vec-huggingface", "text2vec-gpt4all",
}

// ErrForeignVectors is what every ForeignVectorsError is.
var ErrForeignVectors = errors.New("latentAsk: the collection's vectors are of another model")

// ForeignVectorsError refuses a collection whose vectors the bundle's retriever
// did not make: its queries would search a space that they are not in.
type ForeignVectorsError struct {
	Collection, Vector, Vectorizer string
	// Retriever is the bundle's.
	Retriever string
	// Found says what the stored vectors are.
	Found string
}

func (e *ForeignVectorsError) Error() string {
	vector := ""
	if e.Vector != "" {
		vector = fmt.Sprintf(", vector %q", e.Vector)
	}
	return fmt.Sprintf("latentAsk: collection %q%s (vectorizer %s) was not embedded with %s, in whose space this node's bundle searches: %s. "+
		"Import into a collection with vectorizer %s, or add a named vector of it, or bring vectors of that model",
		e.Collection, vector, e.Vectorizer, e.Retriever, e.Found, VectorizerName)
}

// Is makes errors.Is(err, ErrForeignVectors) hold.
func (e *ForeignVectorsError) Is(target error) bool { return target == ErrForeignVectors }

// check tells whether the bundle's queries fit a target's vectors, as a
// *ForeignVectorsError where not, and whether there is nothing to search.
func (a *asker) check(ctx context.Context, m *model, c collection, t *target,
	params dto.GetParams,
) (empty bool, err error) {
	if t.vectorizer == VectorizerName {
		return false, t.settings.checkModel(m.retriever)
	}
	if !slices.Contains(checked, t.vectorizer) {
		return false, t.foreign(m, "that vectorizer's models are others")
	}
	v, err := a.verdicts.get(ctx, verdictKey(c, t, params.Tenant), func(ctx context.Context) (verdict, error) {
		objects, err := stored(ctx, a.repo, t, params)
		if err != nil {
			return verdict{}, fmt.Errorf("latentAsk: read objects of collection %q to check its vectors: %w", t.class.Class, err)
		}
		v, err := compare(ctx, m, t, objects)
		if err == nil && !v.empty {
			a.service.metrics.checked(v.foreign == "")
		}
		return v, err
	})
	if err != nil {
		return false, err
	}
	if v.foreign != "" {
		return false, t.foreign(m, v.foreign)
	}
	return v.empty, nil
}

func (t *target) foreign(m *model, found string) error {
	return &ForeignVectorsError{
		Collection: t.class.Class, Vector: t.name, Vectorizer: t.vectorizer,
		Retriever: m.retriever, Found: found,
	}
}

// storedObject is an object with the vector that is to be checked.
type storedObject struct {
	properties map[string]any
	vector     []float32
}

// stored reads some objects of the request's tenant with their text and vector.
// It does so without the request's filter: the check is of the collection.
func stored(ctx context.Context, repo repository, t *target, params dto.GetParams) ([]storedObject, error) {
	names := textProperties(t.class)
	selected := make(search.SelectProperties, len(names))
	for i, name := range names {
		selected[i] = search.SelectProperty{Name: name, IsPrimitive: true}
	}
	results, err := repo.Search(ctx, dto.GetParams{
		ClassName:             params.ClassName,
		Tenant:                params.Tenant,
		ReplicationProperties: params.ReplicationProperties,
		Properties:            selected,
		Pagination:            &filters.Pagination{Limit: candidates},
		AdditionalProperties:  additional.Properties{Vector: true, Vectors: vectorNames(t.class)},
	})
	if err != nil {
		return nil, err
	}
	objects := make([]storedObject, len(results))
	for i, r := range results {
		values, _ := r.Schema.(map[string]any)
		text := make(map[string]any, len(names))
		for _, name := range names {
			if v, ok := values[name]; ok {
				text[name] = v
			}
		}
		objects[i] = storedObject{properties: text, vector: vectorOf(r, t)}
	}
	return objects, nil
}

func vectorOf(r search.Result, t *target) []float32 {
	if v, ok := r.Vectors[t.name].([]float32); ok {
		return v
	}
	if t.name == "" || (t.name == modelsext.DefaultNamedVectorName && modelsext.ClassHasLegacyVectorIndex(t.class)) {
		return r.Vector
	}
	return nil
}

// compare embeds a sample of objects again in every likely layout, whole and as
// the mean of their sentences (as the stock container of text2vec-transformers
// does), and judges by the layout that comes nearest to the stored vectors.
func compare(ctx context.Context, m *model, t *target, objects []storedObject) (verdict, error) {
	if len(objects) == 0 {
		return verdict{empty: true}, nil
	}
	all := layouts(t)
	sample := slices.DeleteFunc(slices.Clone(objects), func(o storedObject) bool {
		return len(o.vector) == 0 || longest(all, o) == ""
	})
	if len(sample) == 0 {
		return verdict{foreign: fmt.Sprintf("none of %d objects has both a vector and text", len(objects))}, nil
	}
	for _, o := range sample {
		if len(o.vector) != m.dimension {
			return verdict{foreign: fmt.Sprintf("its vectors have %d dimensions, that model's have %d", len(o.vector), m.dimension)}, nil
		}
	}
	sample = shortest(all, sample)

	c := comparison{embedder: m.embedder, vectors: map[string][]float32{}}
	first, err := c.rank(ctx, all, sample[:min(firstSize, len(sample))])
	if err != nil {
		return verdict{}, err
	}
	var kept []layout
	for _, r := range first {
		if r.median >= first[0].median-keptCosine &&
			!slices.ContainsFunc(kept, func(l layout) bool { return l.name == r.layout.name }) {
			kept = append(kept, r.layout)
		}
	}
	ranked, err := c.rank(ctx, kept, sample)
	if err != nil {
		return verdict{}, err
	}
	best := ranked[0]
	if best.median >= minimumCosine {
		return verdict{layout: best.String()}, nil
	}
	found := fmt.Sprintf("embedding %d stored objects again gives a median cosine of at best %.3f (text laid out: %s; %d dimensions), where at least %.2f is needed",
		len(sample), best.median, best, m.dimension, minimumCosine)
	if best.median >= nearCosine {
		found += "; that is near enough for the same model on text that was laid out in a way that is not known here"
	}
	return verdict{foreign: found}, nil
}

// shortest chooses the objects of the fewest sentences, then of the least text:
// there, all ways to embed a text agree.
func shortest(all []layout, objects []storedObject) []storedObject {
	type measured struct {
		object            storedObject
		sentences, length int
	}
	list := make([]measured, len(objects))
	for i, o := range objects {
		text := longest(all, o)
		list[i] = measured{o, len(splitSentences(text)), len(text)}
	}
	slices.SortStableFunc(list, func(a, b measured) int {
		if a.sentences != b.sentences {
			return a.sentences - b.sentences
		}
		return a.length - b.length
	})
	chosen := make([]storedObject, 0, sampleSize)
	for _, l := range list[:min(sampleSize, len(list))] {
		chosen = append(chosen, l.object)
	}
	return chosen
}

// longest is an object's longest text that is made of its values.
func longest(all []layout, o storedObject) string {
	if joinedText(o.properties, keys(o.properties), " ") == "" {
		return ""
	}
	text := ""
	for _, l := range all {
		if candidate := l.text(o.properties); len(candidate) > len(text) {
			text = candidate
		}
	}
	return text
}

func keys(m map[string]any) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// comparison embeds texts, each once.
type comparison struct {
	embedder reasoner.Embedder
	vectors  map[string][]float32
}

// ranking is how near one way of embedding comes to the stored vectors.
type ranking struct {
	layout    layout
	sentences bool
	median    float64
}

func (r ranking) String() string {
	if r.sentences {
		return r.layout.name + ", averaged over sentences"
	}
	return r.layout.name
}

// rank is every layout whole and averaged over sentences, nearest first.
func (c *comparison) rank(ctx context.Context, all []layout, sample []storedObject) ([]ranking, error) {
	if err := c.embed(ctx, all, sample); err != nil {
		return nil, err
	}
	var out []ranking
	for _, l := range all {
		whole := make([]float64, len(sample))
		averaged := make([]float64, len(sample))
		for i, o := range sample {
			text := l.text(o.properties)
			whole[i] = cosine(c.vectors[text], o.vector)
			averaged[i] = cosine(c.mean(splitSentences(text)), o.vector)
		}
		out = append(out, ranking{l, false, median(whole)}, ranking{l, true, median(averaged)})
	}
	slices.SortStableFunc(out, func(a, b ranking) int {
		switch {
		case a.median > b.median:
			return -1
		case a.median < b.median:
			return 1
		default:
			return 0
		}
	})
	return out, nil
}

// embed makes the vectors of all texts and sentences that are not there yet, in
// one call.
func (c *comparison) embed(ctx context.Context, all []layout, sample []storedObject) error {
	var wanted []string
	want := func(text string) {
		if _, ok := c.vectors[text]; !ok && strings.TrimSpace(text) != "" {
			c.vectors[text] = nil
			wanted = append(wanted, text)
		}
	}
	for _, l := range all {
		for _, o := range sample {
			text := l.text(o.properties)
			want(text)
			for _, s := range splitSentences(text) {
				want(s)
			}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	vectors, err := c.embedder.Embed(ctx, wanted)
	if err != nil {
		return fmt.Errorf("latentAsk: embed stored objects to check their vectors: %w", err)
	}
	for i, text := range wanted {
		c.vectors[text] = vectors[i]
	}
	return nil
}

// mean is the mean of texts' vectors.
func (c *comparison) mean(texts []string) []float32 {
	var sum []float32
	for _, t := range texts {
		v := c.vectors[t]
		if sum == nil {
			sum = make([]float32, len(v))
		}
		for i := range min(len(v), len(sum)) {
			sum[i] += v[i]
		}
	}
	return sum
}

// cosine is 0 where a vector is missing or zero.
func cosine(a, b []float32) float64 {
	if len(a) != len(b) || len(a) == 0 {
		return 0
	}
	var dot, aa, bb float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return dot / math.Sqrt(aa*bb)
}

// median of at least one value.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
