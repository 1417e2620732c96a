package module

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/weaviate/weaviate/entities/additional"
	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/filters"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/schema"
	"github.com/weaviate/weaviate/entities/search"
	"github.com/weaviate/weaviate/entities/searchparams"

	"github.com/latentask/latentask/graphql"
	"github.com/latentask/latentask/reasoner"
)

// repository is the part of the database that answering needs; *db.DB is one.
type repository interface {
	VectorSearch(ctx context.Context, params dto.GetParams, targetVectors []string,
		searchVectors []models.Vector) ([]search.Result, error)
	// Search lists objects, or ranks them by keywords where the parameters ask
	// for that.
	Search(ctx context.Context, params dto.GetParams) ([]search.Result, error)
	// ResolveReferences looks up what the objects' properties refer to.
	ResolveReferences(ctx context.Context, objects search.Results, properties search.SelectProperties,
		groupBy *searchparams.GroupBy, additional additional.Properties, tenant string) (search.Results, error)
	// GetQueryMaximumResults is the largest limit that a search may have.
	GetQueryMaximumResults() int
}

// asker turns a latentAsk query into a run of the engine and its result into
// objects.
type asker struct {
	service    *service
	repo       repository
	collection lookup
	// complete refuses a collection of which a search would leave out shards; nil
	// where nobody knows.
	complete func(collection, tenant string) error
	asks     *askCounter
	verdicts *verdicts
}

func newAsker(s *service, repo repository, collection lookup) *asker {
	return &asker{
		service:    s,
		repo:       repo,
		collection: collection,
		asks:       newAskCounter(s.settings.MaxAsks),
		verdicts:   newVerdicts(),
	}
}

// answer runs one query. The results are the evidence that the user's offset
// and limit leave, each with its distance in the hop that found it.
func (a *asker) answer(ctx context.Context, params dto.GetParams, ask *graphql.Params) ([]search.Result, error) {
	results, result, err := a.run(ctx, params, ask)
	a.service.metrics.asked(ask.Request.Mode, result, err)
	return results, err
}

func (a *asker) run(ctx context.Context, params dto.GetParams, ask *graphql.Params) ([]search.Result, *reasoner.Result, error) {
	if err := a.asks.add(ctx); err != nil {
		return nil, nil, err
	}
	if err := ask.Validate(); err != nil {
		return nil, nil, err
	}
	if err := refuseOthers(params); err != nil {
		return nil, nil, err
	}
	c := a.collection(params.ClassName)
	if c.class == nil {
		return nil, nil, fmt.Errorf("latentAsk: there is no collection %q", params.ClassName)
	}
	if schema.MultiTenancyEnabled(c.class) && params.Tenant == "" {
		return nil, nil, &reasoner.InputError{
			Field:   "tenant",
			Problem: fmt.Sprintf("collection %q has multi-tenancy enabled; name the tenant to ask", c.class.Class),
		}
	}
	t, err := a.target(ctx, c, ask, params)
	if err != nil {
		return nil, nil, err
	}
	properties, err := t.readProperties(ask.Properties)
	if err != nil {
		return nil, nil, err
	}
	model, err := a.service.ready()
	if err != nil {
		return nil, nil, err
	}
	if err := model.engine.Validate(ask.Request); err != nil {
		return nil, nil, askError(err)
	}
	keywords, err := newKeywordSide(ask.Search, ask.Request.Mode, c.class, properties, model.search)
	if err != nil {
		return nil, nil, err
	}
	if a.complete != nil {
		if err := a.complete(c.class.Class, params.Tenant); err != nil {
			return nil, nil, err
		}
	}
	empty, err := a.check(ctx, model, c, t, params)
	if err != nil || empty {
		return nil, nil, err
	}

	hops := newHopSearcher(a.repo, params, t, properties, keywords)
	result, err := model.engine.Ask(ctx, ask.Request, hops)
	a.service.metrics.searched(hops.searches)
	if err != nil {
		return nil, nil, askError(err)
	}
	results, err := hops.results(result, params.Pagination)
	if err != nil || !params.Properties.HasRefs() {
		return results, result, err
	}
	results, err = a.repo.ResolveReferences(ctx, results, params.Properties, nil, params.AdditionalProperties, params.Tenant)
	if err != nil {
		return nil, nil, fmt.Errorf("latentAsk: collection %q: %w", params.ClassName, err)
	}
	return results, result, nil
}

// refuseOthers names the search and order operators that can't stand beside
// latentAsk. Weaviate itself refuses nearVector, nearObject, bm25 and after,
// before it searches.
func refuseOthers(params dto.GetParams) error {
	var beside string
	switch {
	case params.HybridSearch != nil:
		beside = "hybrid"
	case len(params.Sort) > 0:
		beside = "sort"
	case params.Group != nil:
		beside = "group"
	case params.GroupBy != nil:
		beside = "groupBy"
	case params.Selection != nil:
		beside = "selection"
	case params.Pagination != nil && params.Pagination.Autocut > 0:
		beside = "autocut"
	default:
		return nil
	}
	return &reasoner.InputError{
		Field:   beside,
		Problem: "can't stand beside latentAsk, whose results are ordered as evidence and found by several searches; leave it out",
	}
}

// results are the evidence as objects, trimmed to a page.
func (h *hopSearcher) results(r *reasoner.Result, page *filters.Pagination) ([]search.Result, error) {
	trace := graphql.NewTrace(r, graphql.Details{Hops: h.searches, Source: h.source(r.Answer.Source)})
	evidence := pageOf(r.Evidence, page)
	out := make([]search.Result, 0, len(evidence))
	for _, e := range evidence {
		found, ok := h.found[e.ID]
		if !ok {
			return nil, errors.New("latentAsk: the engine names an object that no search found: " + e.ID)
		}
		extra := models.AdditionalProperties{}
		maps.Copy(extra, found.AdditionalProperties)
		extra[graphql.ArgumentName] = trace.Object(e)
		found.AdditionalProperties = extra
		out = append(out, found)
	}
	return out, nil
}

// source finds an answer's place in the stored object.
func (h *hopSearcher) source(s *reasoner.Source) *graphql.Source {
	if s == nil {
		return nil
	}
	return h.passages[s.ID].source(s.ID, s.Start, s.End)
}

// pageOf cuts a list to the user's offset and limit. A negative limit is none.
func pageOf[T any](list []T, page *filters.Pagination) []T {
	if page == nil {
		return list
	}
	list = list[min(max(page.Offset, 0), len(list)):]
	if page.Limit >= 0 {
		list = list[:min(page.Limit, len(list))]
	}
	return list
}
