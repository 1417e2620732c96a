package module

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"

	"github.com/latentask/latentask/graphql"
	"github.com/latentask/latentask/internal/fit"
)

// target is the vector that a question names, or the one that it can be
// answered from.
func (a *asker) target(ctx context.Context, c collection, ask *graphql.Params, params dto.GetParams) (*target, error) {
	if len(ask.TargetVectors) > 0 {
		return newTarget(c.class, ask.TargetVectors, params.Tenant)
	}
	return a.choose(ctx, c, params)
}

// choose finds the one vector of a collection that can be searched: its only
// one, else its only one of text2vec-latent, else the one that the retriever
// made. Where that is several, Weaviate's default among them, which is the
// unnamed one.
func (a *asker) choose(ctx context.Context, c collection, params dto.GetParams) (*target, error) {
	names := searchable(c.class)
	if len(names) == 1 {
		return newTarget(c.class, names, params.Tenant)
	}
	var ours, others []*target
	var refused error
	for _, name := range names {
		t, err := newTarget(c.class, []string{name}, params.Tenant)
		switch {
		case err != nil:
			refused = errors.Join(refused, err)
		case t.vectorizer == VectorizerName:
			ours = append(ours, t)
		case fit.MayFit(t.vectorizer):
			others = append(others, t)
		}
	}
	switch {
	case len(ours) == 1:
		return ours[0], nil
	case len(ours) > 1:
		return nil, ambiguous(c.class, ours)
	case len(others) == 1:
		return others[0], nil
	case len(others) == 0 && refused != nil:
		return nil, refused
	case len(others) == 0:
		return nil, invalid("targetVectors", fmt.Sprintf("collection %q has no vector that can be searched: %s are of models of others. `latentask adopt --collection %s` adds one of %s",
			c.class.Class, quoted(names), c.class.Class, VectorizerName))
	}

	model, err := a.service.ready()
	if err != nil {
		return nil, err
	}
	var fits []*target
	for _, t := range others {
		_, err := a.check(ctx, model, c, t, params)
		switch {
		case err == nil:
			fits = append(fits, t)
		case !errors.Is(err, ErrForeignVectors):
			return nil, err
		default:
			refused = err
		}
	}
	switch {
	case len(fits) == 0:
		return nil, refused
	case len(fits) == 1 || fits[0].name == "":
		return fits[0], nil
	default:
		return nil, ambiguous(c.class, fits)
	}
}

func ambiguous(class *models.Class, targets []*target) error {
	names := make([]string, len(targets))
	for i, t := range targets {
		names[i] = t.name
	}
	return invalid("targetVectors", fmt.Sprintf("collection %q has several vectors that can be searched; name one of %s", class.Class, quoted(names)))
}

// searchable are a collection's vectors that were not dropped, the unnamed one
// first.
func searchable(class *models.Class) []string {
	names := slices.DeleteFunc(vectorNames(class), func(name string) bool {
		return modelsext.IsVectorIndexDropped(class.VectorConfig[name])
	})
	if modelsext.ClassHasLegacyVectorIndex(class) || len(class.VectorConfig) == 0 {
		names = slices.Insert(names, 0, "")
	}
	return names
}
