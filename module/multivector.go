package module

import (
	"context"
	"fmt"

	"github.com/weaviate/weaviate/entities/modulecapabilities"
	"github.com/weaviate/weaviate/entities/moduletools"

	"github.com/latentask/latentask/graphql"
)

// multiVectorRefusal is a module that refuses latentAsk on a target of several
// vectors an object by name. Weaviate asks for such a target's query vectors
// through another interface, with the same method, than for a single one, so
// that one Go type can't have both.
type multiVectorRefusal struct{ names []string }

func (m *multiVectorRefusal) Name() string { return OperatorName + "-multivector" }

func (m *multiVectorRefusal) Type() modulecapabilities.ModuleType { return LatentAsk + "MultiVector" }

func (m *multiVectorRefusal) Init(context.Context, moduletools.ModuleInitParams) error { return nil }

func (m *multiVectorRefusal) InitDependency(modules []modulecapabilities.Module) error {
	for _, mod := range modules {
		m.names = append(m.names, mod.Name())
		if alt, ok := mod.(modulecapabilities.ModuleHasAltNames); ok {
			m.names = append(m.names, alt.AltNames()...)
		}
	}
	return nil
}

func (m *multiVectorRefusal) VectorSearches() map[string]map[string]modulecapabilities.VectorForParams[[][]float32] {
	refuse := func(_ context.Context, _ any, class string, _ modulecapabilities.FindVectorFn[[][]float32],
		cfg moduletools.ClassConfig,
	) ([][]float32, error) {
		return nil, multiVectorError(class, cfg.TargetVector())
	}
	searches := make(map[string]map[string]modulecapabilities.VectorForParams[[][]float32], len(m.names))
	for _, name := range m.names {
		searches[name] = map[string]modulecapabilities.VectorForParams[[][]float32]{graphql.ArgumentName: refuse}
	}
	return searches
}

func multiVectorError(class, target string) error {
	return invalid("targetVectors", fmt.Sprintf("vector %q of collection %q holds several vectors an object (multi-vector), which latentAsk can't search; name another", target, class))
}

var (
	_ = modulecapabilities.ModuleDependency((*multiVectorRefusal)(nil))
	_ = modulecapabilities.DependencySearcher[[][]float32]((*multiVectorRefusal)(nil))
)
