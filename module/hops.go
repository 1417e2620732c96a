package module

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/filters"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/search"

	"github.com/latentask/latentask/reasoner"
)

// hopSearcher searches for one question: every hop under the request's own
// parameters, but for the page, which is the hop's. It is the engine's for the
// length of one Ask and keeps the objects that were found.
//
// A query's weighted words are not used: this searcher finds by vector alone.
type hopSearcher struct {
	repo       repository
	params     dto.GetParams
	targets    []string
	properties []string
	expiry     expiry
	// found holds every object by id, as the first hop that found it did.
	found map[string]search.Result
}

// newHopSearcher copies the parts of params that it changes, which Weaviate
// goes on to use.
func newHopSearcher(repo repository, params dto.GetParams, class *models.Class,
	targets, properties []string,
) *hopSearcher {
	expiry := newExpiry(class, time.Now())
	// Weaviate reads from disk the properties that are asked for and no others.
	selected := slices.Clone(params.Properties)
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
		targets:    targets,
		properties: properties,
		expiry:     expiry,
		found:      map[string]search.Result{},
	}
}

// Search implements reasoner.Searcher. It asks for as many more objects as are
// left out, so that a hop is full where the collection has enough.
func (h *hopSearcher) Search(ctx context.Context, q reasoner.Query) ([]reasoner.Passage, error) {
	params := h.params
	params.Pagination = &filters.Pagination{Limit: q.Limit + len(q.Exclude)}
	results, err := h.repo.VectorSearch(ctx, params, h.targets, []models.Vector{q.Vector})
	if err != nil {
		return nil, fmt.Errorf("collection %q: %w", params.ClassName, err)
	}
	passages := make([]reasoner.Passage, 0, q.Limit)
	for _, r := range results {
		id := string(r.ID)
		if len(passages) == q.Limit {
			break
		}
		if slices.Contains(q.Exclude, id) || h.expiry.hides(r) {
			continue
		}
		if _, ok := h.found[id]; !ok {
			h.found[id] = r
		}
		passages = append(passages, reasoner.Passage{
			ID:       id,
			Text:     passageText(r.Schema, h.properties),
			Distance: r.Dist,
		})
	}
	return passages, nil
}

var _ reasoner.Searcher = (*hopSearcher)(nil)
