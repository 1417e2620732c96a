package module

import (
	"context"

	"github.com/weaviate/weaviate/adapters/repos/db"
	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/search"

	"github.com/latentask/latentask/graphql"
)

// Searcher is the node's database with one call changed: a vector search that
// carries a latentAsk argument is answered by the reasoning loop.
type Searcher struct {
	*db.DB
	// inner makes the searches that are not ours; it is DB.
	inner repository
	// asker is nil on a node without the operator.
	asker *asker
	// traffic is told of every search, nil where nobody asks.
	traffic *traffic
}

// VectorSearch answers a latentAsk query, and passes every other on.
func (s *Searcher) VectorSearch(ctx context.Context, params dto.GetParams, targetVectors []string,
	searchVectors []models.Vector,
) ([]search.Result, error) {
	defer s.traffic.begin()()
	if s.asker != nil {
		if ask, ok := graphql.FromModuleParams(params.ModuleParams); ok {
			return s.asker.answer(ctx, params, ask)
		}
	}
	return s.inner.VectorSearch(ctx, params, targetVectors, searchVectors)
}

// Search passes a search by filter or keywords on.
func (s *Searcher) Search(ctx context.Context, params dto.GetParams) ([]search.Result, error) {
	defer s.traffic.begin()()
	return s.inner.Search(ctx, params)
}
