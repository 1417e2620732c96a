package module

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/weaviate/weaviate/adapters/repos/db/inverted/stopwords"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/searchparams"
	"github.com/weaviate/weaviate/entities/tokenizer"

	"github.com/latentask/latentask/graphql"
	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/reasoner"
)

// weaviateAlpha is the weight of the vector side in a hybrid query of Weaviate's
// that names none, and so in the modes that make one plain search.
const weaviateAlpha = 0.5

// keywordSide is what hops ask a collection's inverted index for, beside the
// vector index. A nil one stands for hops that search by vector alone.
type keywordSide struct {
	bundle.Search
	class *models.Class
	// properties are those of the properties read that can be searched.
	properties []string
	// analyze divides a query into the terms that the first of them is asked.
	analyze func(query string) []string
}

// newKeywordSide decides how the hops of a question search that reads these
// properties, fitted being the bundle's weights.
func newKeywordSide(want graphql.Search, mode reasoner.Mode, class *models.Class, read []string,
	fitted bundle.Search,
) (*keywordSide, error) {
	searchable := searchableProperties(class, read)
	plain := mode == reasoner.ModeSingle || mode == reasoner.ModeDirect
	switch {
	case want == graphql.SearchVector:
		return nil, nil
	case want == graphql.SearchHybrid && len(searchable) == 0:
		return nil, invalid("search", fmt.Sprintf(
			"HYBRID needs a property with a searchable index and a tokenization other than field, and of those read of collection %q (%s) there is none; use VECTOR",
			class.Class, quoted(read)))
	case want == graphql.SearchHybrid:
	case plain, len(searchable) == 0:
		return nil, nil
	}
	k := &keywordSide{Search: fitted, class: class, properties: searchable}
	if plain { // the search that a user of hybrid makes
		k.Search = bundle.Search{Alpha: weaviateAlpha, QuestionWeight: 1}
	}
	var err error
	k.analyze, err = analyzerOf(class, searchable[0])
	return k, err
}

// searchableProperties are those of names that a search for some of a value's
// words can find. Weaviate indexes a property of the tokenization field by its
// whole value, which no question is.
func searchableProperties(class *models.Class, names []string) []string {
	var out []string
	for _, name := range names {
		p := propertyOf(class, name)
		if p != nil && searchparams.HasSearchableIndex(p) && p.Tokenization != models.PropertyTokenizationField {
			out = append(out, name)
		}
	}
	return out
}

func propertyOf(class *models.Class, name string) *models.Property {
	for _, p := range class.Properties {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// analyzerOf is how Weaviate makes the terms of a query for a property:
// tokenization, folding and stop words are the property's own.
func analyzerOf(class *models.Class, name string) (func(query string) []string, error) {
	p := propertyOf(class, name)
	tokenization := cmp.Or(p.Tokenization, models.PropertyTokenizationWord)
	var stop tokenizer.StopwordDetector
	if config := class.InvertedIndexConfig; config != nil && tokenization == models.PropertyTokenizationWord {
		presets, err := stopwords.BuildPresetDetectors(config.StopwordPresets)
		if err != nil {
			return nil, fmt.Errorf("latentAsk: collection %q: %w", class.Class, err)
		}
		var fallback *stopwords.Detector
		if config.Stopwords != nil {
			if fallback, err = stopwords.NewDetectorFromConfig(*config.Stopwords); err != nil {
				return nil, fmt.Errorf("latentAsk: collection %q: %w", class.Class, err)
			}
		} else if fallback, err = stopwords.NewDetectorFromPreset(stopwords.NoPreset); err != nil {
			return nil, err
		}
		if stop, err = stopwords.NewProvider(fallback, presets).Get(p); err != nil {
			return nil, fmt.Errorf("latentAsk: property %q of collection %q: %w", name, class.Class, err)
		}
	}
	prepared := tokenizer.NewPreparedAnalyzer(p.TextAnalyzer)
	return func(query string) []string {
		return tokenizer.Analyze(query, tokenization, class.Class, prepared, stop).Query
	}, nil
}

// query is what a hop asks the inverted index: the text, and the words of the
// focus. Weaviate counts a word that stands there n times n times, which is how
// words are weighted. A hop without a focus asks for the text whatever its
// weight.
func (k *keywordSide) query(text string, focus []reasoner.Word) string {
	var words []string
	for _, w := range focus {
		n := math.Round(k.FocusWeight * float64(w.Weight))
		for i := 0.0; i < n; i++ {
			words = append(words, w.Text)
		}
	}
	weight := k.QuestionWeight
	if len(words) == 0 {
		weight = max(weight, 1)
	}
	for range weight {
		words = append(words, text)
	}
	return strings.Join(words, " ")
}

// ranking is the keyword search of a query. Weaviate keeps what it is given, so
// that every search needs one of its own.
func (k *keywordSide) ranking(query string) *searchparams.KeywordRanking {
	return &searchparams.KeywordRanking{Type: "bm25", Query: query, Properties: slices.Clone(k.properties)}
}

// terms counts the terms of a query, heaviest first, of equals the one that
// stands first.
func (k *keywordSide) terms(query string) []graphql.Keyword {
	counts := map[string]int{}
	var out []graphql.Keyword
	for _, term := range k.analyze(query) {
		if counts[term]++; counts[term] == 1 {
			out = append(out, graphql.Keyword{Word: term})
		}
	}
	for i := range out {
		out[i].Weight = counts[out[i].Word]
	}
	slices.SortStableFunc(out, func(a, b graphql.Keyword) int { return b.Weight - a.Weight })
	return out
}
