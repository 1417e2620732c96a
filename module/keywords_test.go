package module

import (
	"reflect"
	"testing"

	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/graphql"
	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/reasoner"
)

func TestQueryRepeatsWordsByTheirWeights(t *testing.T) {
	for _, tt := range []struct {
		name   string
		search bundle.Search
		focus  []reasoner.Word
		want   string
	}{
		{"no focus", bundle.Search{QuestionWeight: 2, FocusWeight: 3}, nil, "who? who?"},
		{"gates are rounded", bundle.Search{QuestionWeight: 1, FocusWeight: 3},
			[]reasoner.Word{{Text: "knox", Weight: 0.96}, {Text: "john", Weight: 0.5}, {Text: "of", Weight: 0.16}},
			"knox knox knox john john who?"},
		{"the focus alone", bundle.Search{FocusWeight: 1}, []reasoner.Word{{Text: "knox", Weight: 1}}, "knox"},
		{"no focus to stand alone", bundle.Search{FocusWeight: 1}, []reasoner.Word{{Text: "knox", Weight: 0.4}}, "who?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := &keywordSide{Search: tt.search}
			if got := k.query("who?", tt.focus); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTermsAreThoseOfThePropertysOwnAnalysis(t *testing.T) {
	english := &models.StopwordConfig{Preset: "en"}
	const query = "The Façade of XK-77, the FAÇADE"
	for _, tt := range []struct {
		name     string
		property models.Property
		index    *models.InvertedIndexConfig
		want     []graphql.Keyword
	}{
		{"words", models.Property{Tokenization: "word"}, &models.InvertedIndexConfig{Stopwords: english},
			[]graphql.Keyword{{Word: "façade", Weight: 2}, {Word: "xk", Weight: 1}, {Word: "77", Weight: 1}}},
		{"words by default", models.Property{}, &models.InvertedIndexConfig{Stopwords: english},
			[]graphql.Keyword{{Word: "façade", Weight: 2}, {Word: "xk", Weight: 1}, {Word: "77", Weight: 1}}},
		{"no stop words", models.Property{Tokenization: "word"}, &models.InvertedIndexConfig{},
			[]graphql.Keyword{{Word: "the", Weight: 2}, {Word: "façade", Weight: 2}, {Word: "of", Weight: 1}, {Word: "xk", Weight: 1}, {Word: "77", Weight: 1}}},
		{"no index configuration", models.Property{Tokenization: "word"}, nil,
			[]graphql.Keyword{{Word: "the", Weight: 2}, {Word: "façade", Weight: 2}, {Word: "of", Weight: 1}, {Word: "xk", Weight: 1}, {Word: "77", Weight: 1}}},
		{"stop words of one's own", models.Property{Tokenization: "word", TextAnalyzer: &models.TextAnalyzerConfig{StopwordPreset: "codes"}},
			&models.InvertedIndexConfig{Stopwords: english, StopwordPresets: map[string][]string{"codes": {"xk"}}},
			[]graphql.Keyword{{Word: "the", Weight: 2}, {Word: "façade", Weight: 2}, {Word: "of", Weight: 1}, {Word: "77", Weight: 1}}},
		{"folded", models.Property{Tokenization: "word", TextAnalyzer: &models.TextAnalyzerConfig{ASCIIFold: true}}, &models.InvertedIndexConfig{Stopwords: english},
			[]graphql.Keyword{{Word: "facade", Weight: 2}, {Word: "xk", Weight: 1}, {Word: "77", Weight: 1}}},
		{"white space", models.Property{Tokenization: "whitespace"}, &models.InvertedIndexConfig{Stopwords: english},
			[]graphql.Keyword{{Word: "The", Weight: 1}, {Word: "Façade", Weight: 1}, {Word: "of", Weight: 1}, {Word: "XK-77,", Weight: 1}, {Word: "the", Weight: 1}, {Word: "FAÇADE", Weight: 1}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.property.Name, tt.property.DataType = "text", []string{"text"}
			class := &models.Class{Class: "Passage", Properties: []*models.Property{&tt.property}, InvertedIndexConfig: tt.index}
			k, err := newKeywordSide(graphql.SearchAuto, reasoner.ModeLatent, class, []string{"text"}, bundle.DefaultSearch())
			if err != nil {
				t.Fatal(err)
			}
			if got := k.terms(query); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestRankingIsFreshEachTime(t *testing.T) {
	k := &keywordSide{properties: []string{"text"}}
	first := k.ranking("a")
	first.Properties[0] = "changed by Weaviate"
	if got := k.ranking("b").Properties[0]; got != "text" {
		t.Errorf("searches %q", got)
	}
}
