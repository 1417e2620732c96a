package module

import (
	"context"
	"errors"
	"fmt"

	"github.com/weaviate/weaviate/entities/additional"
	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/filters"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"
	"github.com/weaviate/weaviate/entities/search"
	objecttexts "github.com/weaviate/weaviate/usecases/modulecomponents/vectorizer"

	"github.com/latentask/latentask/internal/fit"
)

// ErrForeignVectors is what every ForeignVectorsError and RetrieverError is.
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
		"`latentask check --collection %s` says what it is and what the way to latentAsk costs, `latentask adopt --collection %s` takes it: it adds vectors of %s beside those that are there",
		e.Collection, vector, e.Vectorizer, e.Retriever, e.Found, e.Collection, e.Collection, VectorizerName)
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
	if !fit.MayFit(t.vectorizer) {
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

// stored reads some objects of the request's tenant with their text and vector.
// It does so without the request's filter: the check is of the collection.
func stored(ctx context.Context, repo repository, t *target, params dto.GetParams) ([]fit.Object, error) {
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
		Pagination:            &filters.Pagination{Limit: fit.Candidates},
		AdditionalProperties:  additional.Properties{Vector: true, Vectors: vectorNames(t.class)},
	})
	if err != nil {
		return nil, err
	}
	objects := make([]fit.Object, len(results))
	for i, r := range results {
		values, _ := r.Schema.(map[string]any)
		text := make(map[string]any, len(names))
		for _, name := range names {
			if v, ok := values[name]; ok {
				text[name] = v
			}
		}
		objects[i] = fit.Object{ID: string(r.ID), Values: text, Vector: vectorOf(r, t)}
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

// compare tells what a target's vectors are. Its text is laid out as its
// configuration says, or as others do it.
func compare(ctx context.Context, m *model, t *target, objects []fit.Object) (verdict, error) {
	result, err := fit.Compare(ctx, m.embedder, m.dimension, layouts(t), objects)
	if err != nil {
		return verdict{}, fmt.Errorf("latentAsk: %w", err)
	}
	switch result.Kind {
	case fit.Empty:
		return verdict{empty: true}, nil
	case fit.Same:
		return verdict{layout: result.Layout}, nil
	default:
		return verdict{foreign: result.Found()}, nil
	}
}

// layouts are the likely ways in which a target's objects became texts.
func layouts(t *target) []fit.Layout {
	var configured func(map[string]any) string
	if t.vectorizer != vectorizerNone {
		configured = func(values map[string]any) string {
			text, _ := objecttexts.New().Texts(context.Background(),
				&models.Object{Class: t.class.Class, Properties: values}, t.settings)
			return text
		}
	}
	return fit.Layouts(t.class.Class, textProperties(t.class), configured)
}
