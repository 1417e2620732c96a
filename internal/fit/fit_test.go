package fit

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// words makes vectors of a text's words, blind to order and case. salt makes
// another model of it.
type words struct {
	salt  string
	err   error
	calls int
}

const dimension = 512

func (w *words) Embed(_ context.Context, texts []string) ([][]float32, error) {
	w.calls++
	if w.err != nil {
		return nil, w.err
	}
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = w.vector(t)
	}
	return out, nil
}

func (w *words) vector(text string) []float32 {
	v := make([]float32, dimension)
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" .,!?", r) }) {
		h := fnv.New32a()
		h.Write([]byte(w.salt + word))
		v[h.Sum32()%dimension]++
	}
	return unit(v)
}

// corpus are objects whose vectors a model made of a text.
func corpus(by *words, text func(values map[string]any) string) []Object {
	var out []Object
	for i := range 40 {
		values := map[string]any{
			"title": fmt.Sprintf("Title%d", i),
			"text":  fmt.Sprintf("word%d other%d third%d fourth%d fifth%d sixth%d", i, i*7, i*11, i*13, i*17, i*19),
		}
		out = append(out, Object{ID: fmt.Sprint(i), Values: values, Vector: by.vector(text(values))})
	}
	return out
}

func TestCompare(t *testing.T) {
	properties := []string{"title", "text"}
	layouts := Layouts("MyPassage", properties, nil)
	both := func(values map[string]any) string { return Joined(values, properties, ". ") }
	for name, tt := range map[string]struct {
		objects []Object
		kind    Kind
		layout  string
		found   string
	}{
		"nothing":              {nil, Empty, "", ""},
		"the retriever's":      {corpus(&words{}, both), Same, "without the class name", ""},
		"with the class name":  {corpus(&words{}, func(v map[string]any) string { return "My Passage " + both(v) }), Same, "Weaviate's, with the class name, without property names", ""},
		"one property":         {corpus(&words{}, func(v map[string]any) string { return v["text"].(string) }), Same, "text alone", ""},
		"another model":        {corpus(&words{salt: "x"}, both), Other, "", "embedding 20 stored objects again"},
		"laid out otherwise":   {corpus(&words{}, func(v map[string]any) string { return "Archive " + both(v) }), Near, "", "not known here"},
		"of another length":    {[]Object{{Values: map[string]any{"text": "x"}, Vector: make([]float32, 7)}}, OtherDimension, "", "7 dimensions, that model's have 512"},
		"without vectors":      {[]Object{{Values: map[string]any{"text": "x"}}}, Bare, "", "none of 1 objects"},
		"without text":         {[]Object{{Values: map[string]any{"text": " "}, Vector: make([]float32, dimension)}}, Bare, "", "none of 1 objects"},
		"some without a value": {append(corpus(&words{}, both), Object{Vector: make([]float32, 3)}), Same, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := Compare(context.Background(), &words{}, dimension, layouts, tt.objects)
			require.NoError(t, err)
			require.Equal(t, tt.kind, result.Kind, "%+v", result)
			require.Contains(t, result.Layout, tt.layout)
			require.Contains(t, result.Found(), tt.found)
			require.Equal(t, tt.found == "", result.Found() == "")
			switch tt.kind {
			case Same, Near, Other:
				require.Len(t, result.Cosines, SampleSize)
				var cosines []float64
				for _, c := range result.Cosines {
					require.NotEmpty(t, c.ID)
					cosines = append(cosines, c.Cosine)
				}
				require.Equal(t, Median(cosines), result.Median)
			default:
				require.Empty(t, result.Cosines)
			}
		})
	}
}

func TestCompareTellsTheEmbeddersError(t *testing.T) {
	e := &words{err: errors.New("out of memory")}
	_, err := Compare(context.Background(), e, dimension, Layouts("C", []string{"text"}, nil), corpus(&words{}, func(map[string]any) string { return "x" }))
	require.ErrorIs(t, err, e.err)
}

func TestMayFit(t *testing.T) {
	require.True(t, MayFit("none"))
	require.True(t, MayFit("text2vec-transformers"))
	require.False(t, MayFit("text2vec-openai"))
}

func TestSentences(t *testing.T) {
	require.Equal(t, []string{"One is here.", "Two follows!", "Three?"}, Sentences("One is here. Two follows!  \n\nThree?"))
	require.Empty(t, Sentences(" \n "))
}

func TestMedianAndCosine(t *testing.T) {
	require.Equal(t, 2.0, Median([]float64{3, 1, 2}))
	require.Equal(t, 2.5, Median([]float64{4, 1, 3, 2}))
	require.Zero(t, Median(nil))
	for _, tt := range []struct {
		a, b []float32
		want float64
	}{
		{[]float32{1, 0}, []float32{2, 0}, 1},
		{[]float32{1, 0}, []float32{0, 1}, 0},
		{[]float32{1, 0}, []float32{-1, 0}, -1},
		{[]float32{1, 0}, []float32{1}, 0},
		{nil, nil, 0},
		{[]float32{0, 0}, []float32{1, 0}, 0},
	} {
		require.Equal(t, tt.want, Cosine(tt.a, tt.b), "%v, %v", tt.a, tt.b)
	}
}

func TestSpaceOf(t *testing.T) {
	_, ok := SpaceOf([][]float32{{1, 0}, {0, 0}, nil})
	require.False(t, ok, "one vector has no distance")

	s, ok := SpaceOf([][]float32{{2, 0}, {0, 3}, {1, 0}, {1, 2, 3}, {float32(math.NaN()), 1}})
	require.True(t, ok)
	require.Equal(t, 3, s.Vectors)
	require.Equal(t, 3, s.Pairs)
	require.InDelta(t, 1.0/3, s.Mean, 1e-9)
	require.InDelta(t, math.Sqrt(2.0/9), s.Deviation, 1e-9)
	require.Zero(t, s.Median)
	require.Equal(t, 1.0, s.P95)
	require.Len(t, s.Histogram, 20, "from 0 to 1")
	require.Zero(t, s.Histogram[0].From)
	require.InDelta(t, 2.0/3, s.Histogram[0].Share, 1e-9)
	require.Equal(t, 0.95, s.Histogram[19].From)
	require.InDelta(t, 1.0/3, s.Histogram[19].Share, 1e-9)

	s, ok = SpaceOf([][]float32{{1, 0}, {-1, 0}})
	require.True(t, ok)
	require.Equal(t, []Bin{{From: -1, Share: 1}}, s.Histogram)
}

func TestLengthsOf(t *testing.T) {
	require.Equal(t, Lengths{Limit: 10}, LengthsOf(nil, 10))
	require.Equal(t, Lengths{Texts: 1, Limit: 10}, LengthsOf([]int{0}, 10))
	require.Equal(t,
		Lengths{Texts: 4, P50: 10, P95: 30, Max: 30, Limit: 10, Longer: 0.5, Unread: 25.0 / 60},
		LengthsOf([]int{30, 5, 10, 15}, 10))
}
