package module

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/weaviate/weaviate/entities/additional"
	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/filters"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/search"

	"github.com/latentask/latentask/graphql"
	"github.com/latentask/latentask/reasoner"
)

// fusionDepth is how many results of each side a hybrid hop fuses, as Weaviate's
// hybrid queries do.
const fusionDepth = 100

// hopSearcher searches for one question: every hop under the request's own
// parameters, but for the page, which is the hop's. It is the engine's for the
// length of one Ask and keeps what was found.
type hopSearcher struct {
	repo       repository
	params     dto.GetParams
	target     *target
	properties []string
	// keywords is nil where hops search by vector alone.
	keywords *keywordSide
	expiry   expiry
	// found holds every object by id, as the first hop that found it did, and
	// passages what the engine was given of it to read.
	found    map[string]search.Result
	passages map[string]passage
	searches []graphql.HopSearch
}

// newHopSearcher copies the parts of params that it changes, which Weaviate
// goes on to use.
func newHopSearcher(repo repository, params dto.GetParams, t *target, properties []string,
	keywords *keywordSide,
) *hopSearcher {
	expiry := newExpiry(t.class, time.Now())
	// Weaviate reads from disk the properties that are asked for and no others.
	// What they refer to is looked up for the objects that are returned, by
	// asker.results.
	selected := slices.Clone(params.Properties)
	for i := range selected {
		selected[i].Refs = nil
	}
	for _, name := range append(slices.Clone(properties), expiry.property()) {
		if name == "" {
			continue
		}
		if !slices.ContainsFunc(selected, func(p search.SelectProperty) bool { return p.Name == name }) {
			selected = append(selected, search.SelectProperty{Name: name, IsPrimitive: true})
		}
	}
	params.Properties = selected
	params.AdditionalProperties.NoProps = false
	params.ModuleParams = nil
	params.Sort = nil
	params.Group = nil
	params.GroupBy = nil
	params.Cursor = nil
	return &hopSearcher{
		repo:       repo,
		params:     params,
		target:     t,
		properties: properties,
		keywords:   keywords,
		expiry:     expiry,
		found:      map[string]search.Result{},
		passages:   map[string]passage{},
	}
}

// Search implements reasoner.Searcher. It asks for as many more objects as are
// left out, so that a hop is full where the collection has enough.
func (h *hopSearcher) Search(ctx context.Context, q reasoner.Query) ([]reasoner.Passage, error) {
	hits, err := h.hits(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("collection %q: %w", h.params.ClassName, err)
	}
	passages := make([]reasoner.Passage, 0, q.Limit)
	for _, hit := range hits {
		id := string(hit.ID)
		if len(passages) == q.Limit {
			break
		}
		if slices.Contains(q.Exclude, id) {
			continue
		}
		if hit.vectorRank == 0 {
			h.measure(&hit, q.Vector)
		}
		if _, ok := h.found[id]; !ok {
			h.found[id] = hit.Result
		}
		p := newPassage(hit.Schema, h.properties)
		h.passages[id] = p
		passages = append(passages, reasoner.Passage{
			ID:          id,
			Text:        p.text,
			Distance:    passageDistance(hit.Dist),
			Score:       hit.Score,
			VectorRank:  hit.vectorRank,
			KeywordRank: hit.keywordRank,
		})
	}
	return passages, nil
}

// hits are the objects that a hop finds, best first, those to be left out among
// them.
func (h *hopSearcher) hits(ctx context.Context, q reasoner.Query) ([]hit, error) {
	wanted := q.Limit + len(q.Exclude)
	if h.keywords == nil {
		h.searches = append(h.searches, graphql.HopSearch{Kind: graphql.KindVector})
		results, err := h.byVector(ctx, q.Vector, wanted)
		hits := make([]hit, len(results))
		for i, r := range results {
			hits[i] = hit{Result: r, vectorRank: i + 1}
		}
		return hits, err
	}
	query := h.keywords.query(q.Text, q.Words)
	terms := h.keywords.terms(query)
	h.searches = append(h.searches, graphql.HopSearch{Kind: graphql.KindHybrid, Keywords: terms})
	depth := max(wanted, min(fusionDepth, h.repo.GetQueryMaximumResults()))
	vector, err := h.byVector(ctx, q.Vector, depth)
	if err != nil {
		return nil, err
	}
	keyword, err := h.byKeywords(ctx, query, depth)
	if err != nil {
		return nil, err
	}
	return fuse(h.keywords.Alpha, vector, keyword), nil
}

// byVector is the vector side of a hop.
func (h *hopSearcher) byVector(ctx context.Context, vector []float32, limit int) ([]search.Result, error) {
	params := h.params
	params.Pagination = &filters.Pagination{Limit: limit}
	results, err := h.repo.VectorSearch(ctx, params, []string{h.target.name}, []models.Vector{vector})
	return h.live(results), err
}

// byKeywords is the keyword side of a hop. Its objects carry the target's
// vectors, for measure.
func (h *hopSearcher) byKeywords(ctx context.Context, query string, limit int) ([]search.Result, error) {
	params := h.params
	params.Pagination = &filters.Pagination{Limit: limit}
	params.KeywordRanking = h.keywords.ranking(query)
	params.AdditionalProperties.Vector = true
	if name := h.target.name; !slices.Contains(params.AdditionalProperties.Vectors, name) {
		if _, named := h.target.class.VectorConfig[name]; named {
			params.AdditionalProperties.Vectors = append(slices.Clone(params.AdditionalProperties.Vectors), name)
		}
	}
	results, err := h.repo.Search(ctx, params)
	return h.live(results), err
}

// live leaves out the objects that have expired.
func (h *hopSearcher) live(results []search.Result) []search.Result {
	return slices.DeleteFunc(results, h.expiry.hides)
}

// measure gives an object that keywords alone found its distance, as the vector
// side would have, and takes from it the vectors that the request did not ask
// for.
func (h *hopSearcher) measure(found *hit, query []float32) {
	found.Dist = h.target.distanceTo(vectorOf(found.Result, h.target), query)
	if !h.params.AdditionalProperties.Vector {
		found.Vector = nil
	}
	found.Vectors = onlyVectors(found.Vectors, h.params.AdditionalProperties)
}

// onlyVectors keeps the named vectors that a request asks for.
func onlyVectors(all models.Vectors, asked additional.Properties) models.Vectors {
	var kept models.Vectors
	for _, name := range asked.Vectors {
		if v, ok := all[name]; ok {
			if kept == nil {
				kept = models.Vectors{}
			}
			kept[name] = v
		}
	}
	return kept
}

var _ reasoner.Searcher = (*hopSearcher)(nil)
