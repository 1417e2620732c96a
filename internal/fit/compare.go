package fit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// Embedder makes the retriever's vectors of texts, in their order.
type Embedder interface {
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// Compare embeds a sample of objects again in every layout, whole and as the
// mean of their sentences (as the stock container of text2vec-transformers
// does), and judges by the way that comes nearest to the stored vectors.
// dimension is the retriever's. Its only errors are the embedder's.
func Compare(ctx context.Context, e Embedder, dimension int, layouts []Layout, objects []Object) (Result, error) {
	result := Result{Given: len(objects), Dimension: dimension}
	if len(objects) == 0 {
		result.Kind = Empty
		return result, nil
	}
	sample := slices.DeleteFunc(slices.Clone(objects), func(o Object) bool {
		return len(o.Vector) == 0 || longest(layouts, o) == ""
	})
	if len(sample) == 0 {
		result.Kind = Bare
		return result, nil
	}
	for _, o := range sample {
		if result.Stored = len(o.Vector); result.Stored != dimension {
			result.Kind = OtherDimension
			return result, nil
		}
	}
	sample = shortest(layouts, sample)

	c := comparison{embedder: e, vectors: map[string][]float32{}}
	first, err := c.rank(ctx, layouts, sample[:min(FirstSize, len(sample))])
	if err != nil {
		return Result{}, err
	}
	var kept []Layout
	for _, r := range first {
		if r.median >= first[0].median-keptCosine &&
			!slices.ContainsFunc(kept, func(l Layout) bool { return l.Name == r.layout.Name }) {
			kept = append(kept, r.layout)
		}
	}
	ranked, err := c.rank(ctx, kept, sample)
	if err != nil {
		return Result{}, err
	}
	best := ranked[0]
	result.Layout, result.Median = best.String(), best.median
	for i, o := range sample {
		result.Cosines = append(result.Cosines, Compared{o.ID, best.cosines[i]})
	}
	switch {
	case best.median >= MinimumCosine:
		result.Kind = Same
	case best.median >= NearCosine:
		result.Kind = Near
	default:
		result.Kind = Other
	}
	return result, nil
}

// shortest chooses the objects of the fewest sentences, then of the least text:
// there, all ways to embed a text agree.
func shortest(layouts []Layout, objects []Object) []Object {
	type measured struct {
		object            Object
		sentences, length int
	}
	list := make([]measured, len(objects))
	for i, o := range objects {
		text := longest(layouts, o)
		list[i] = measured{o, len(Sentences(text)), len(text)}
	}
	slices.SortStableFunc(list, func(a, b measured) int {
		return cmp.Or(cmp.Compare(a.sentences, b.sentences), cmp.Compare(a.length, b.length))
	})
	chosen := make([]Object, 0, SampleSize)
	for _, l := range list[:min(SampleSize, len(list))] {
		chosen = append(chosen, l.object)
	}
	return chosen
}

// longest is an object's longest text that is made of its values.
func longest(layouts []Layout, o Object) string {
	if !hasText(o.Values) {
		return ""
	}
	text := ""
	for _, l := range layouts {
		if candidate := l.Text(o.Values); len(candidate) > len(text) {
			text = candidate
		}
	}
	return text
}

// comparison embeds texts, each once.
type comparison struct {
	embedder Embedder
	vectors  map[string][]float32
}

// ranking is how near one way of embedding comes to the stored vectors.
type ranking struct {
	layout    Layout
	sentences bool
	cosines   []float64
	median    float64
}

func (r ranking) String() string {
	if r.sentences {
		return r.layout.Name + ", averaged over sentences"
	}
	return r.layout.Name
}

// rank is every layout whole and averaged over sentences, nearest first.
func (c *comparison) rank(ctx context.Context, layouts []Layout, sample []Object) ([]ranking, error) {
	if err := c.embed(ctx, layouts, sample); err != nil {
		return nil, err
	}
	var out []ranking
	for _, l := range layouts {
		whole := make([]float64, len(sample))
		averaged := make([]float64, len(sample))
		for i, o := range sample {
			text := l.Text(o.Values)
			whole[i] = Cosine(c.vectors[text], o.Vector)
			averaged[i] = Cosine(c.mean(Sentences(text)), o.Vector)
		}
		out = append(out, ranking{l, false, whole, Median(whole)}, ranking{l, true, averaged, Median(averaged)})
	}
	slices.SortStableFunc(out, func(a, b ranking) int { return cmp.Compare(b.median, a.median) })
	return out, nil
}

// embed makes the vectors of all texts and sentences that are not there yet, in
// one call.
func (c *comparison) embed(ctx context.Context, layouts []Layout, sample []Object) error {
	var wanted []string
	want := func(text string) {
		if _, ok := c.vectors[text]; !ok && strings.TrimSpace(text) != "" {
			c.vectors[text] = nil
			wanted = append(wanted, text)
		}
	}
	for _, l := range layouts {
		for _, o := range sample {
			text := l.Text(o.Values)
			want(text)
			for _, s := range Sentences(text) {
				want(s)
			}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	vectors, err := c.embedder.Embed(ctx, wanted)
	if err != nil {
		return fmt.Errorf("embed stored objects to check their vectors: %w", err)
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
