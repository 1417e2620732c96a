package module

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	appstate "github.com/weaviate/weaviate/adapters/handlers/rest/state"
	"github.com/weaviate/weaviate/entities/modulecapabilities"
	"github.com/weaviate/weaviate/entities/moduletools"

	"github.com/latentask/latentask/graphql"
)

// OperatorName is the operator module's name.
const OperatorName = "qna-latent"

// LatentAsk is the operator module's type. Weaviate offers a module's argument
// on a collection that does not configure it only while the module is the sole
// one of its type, so qna-latent has one of its own: as a Text2TextQnA both it
// and qna-openai would vanish where both are on.
const LatentAsk modulecapabilities.ModuleType = "LatentAsk"

// QnA is the operator module: the latentAsk argument and the latentAsk field of
// _additional. The question itself is answered by Searcher, which alone sees a
// query's tenant, filter and limit.
type QnA struct {
	service *service
	// app is the node's state, nil where there is none. adoptions serves the jobs
	// that fill vectors; AddTasks makes it.
	app       *appstate.State
	adoptions atomic.Pointer[http.Handler]

	mu       sync.RWMutex
	searches map[string]map[string]modulecapabilities.VectorForParams[[]float32]
}

func newQnA(s *service) *QnA {
	m := &QnA{service: s}
	m.resolveFor(nil)
	return m
}

// Name implements modulecapabilities.Module.
func (m *QnA) Name() string { return OperatorName }

// Type implements modulecapabilities.Module.
func (m *QnA) Type() modulecapabilities.ModuleType { return LatentAsk }

// Init implements modulecapabilities.Module.
func (m *QnA) Init(_ context.Context, params moduletools.ModuleInitParams) error {
	m.app = nodeState(params.GetAppState())
	registry := params.GetMetricsRegisterer()
	if registry == nil {
		return nil
	}
	if err := errors.Join(m.service.metrics.register(registry), m.service.adoptions.Register(registry)); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	return nil
}

// InitDependency learns the names of the node's other modules, see
// VectorSearches.
func (m *QnA) InitDependency(modules []modulecapabilities.Module) error {
	m.resolveFor(modules)
	return nil
}

// VectorSearches makes the argument's vector for every kind of vectorizer that
// a collection of this node can name. The vector is a placeholder: Searcher
// replaces it, or says why this collection can't be served, which Weaviate can
// only be told of once it has a vector.
func (m *QnA) VectorSearches() map[string]map[string]modulecapabilities.VectorForParams[[]float32] {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.searches
}

// resolveFor builds the map of VectorSearches for these modules' names, for
// collections without a vectorizer, and for targets that a collection does not
// have.
func (m *QnA) resolveFor(modules []modulecapabilities.Module) {
	search := map[string]modulecapabilities.VectorForParams[[]float32]{graphql.ArgumentName: placeholder}
	searches := map[string]map[string]modulecapabilities.VectorForParams[[]float32]{
		"": search, vectorizerNone: search,
	}
	for _, mod := range modules {
		searches[mod.Name()] = search
		if alt, ok := mod.(modulecapabilities.ModuleHasAltNames); ok {
			for _, name := range alt.AltNames() {
				searches[name] = search
			}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.searches = searches
}

func placeholder(context.Context, any, string, modulecapabilities.FindVectorFn[[]float32],
	moduletools.ClassConfig,
) ([]float32, error) {
	return []float32{0}, nil
}

// Arguments brings latentAsk.
func (m *QnA) Arguments() map[string]modulecapabilities.GraphQLArgument { return graphql.Arguments() }

// AdditionalProperties brings _additional { latentAsk }.
func (m *QnA) AdditionalProperties() map[string]modulecapabilities.AdditionalProperty {
	return graphql.Properties()
}

// MetaInfo is the module's part of /v1/meta: the bundle's state, what it is,
// and the device it runs on.
func (m *QnA) MetaInfo() (map[string]any, error) {
	st := m.service.current.Load()
	info := map[string]any{"state": string(st.state)}
	if st.reason != "" {
		info["reason"] = st.reason
	}
	if st.model != nil {
		for k, v := range st.model.info {
			info[k] = v
		}
	}
	return info, nil
}

// RootHandler serves /v1/modules/qna-latent: whether the bundle is ready, and
// the jobs that fill vectors.
func (m *QnA) RootHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/ready", readiness(m.service))
	mux.Handle("/adoptions", adoptionsHandler(&m.adoptions))
	mux.Handle("/adoptions/", adoptionsHandler(&m.adoptions))
	return mux
}

// Close closes the bundle. Weaviate calls it when the node shuts down.
func (m *QnA) Close() error { return m.service.close() }

var (
	_ = modulecapabilities.ModuleWithClose((*QnA)(nil))
	_ = modulecapabilities.ModuleWithHTTPHandlers((*QnA)(nil))
	_ = modulecapabilities.ModuleDependency((*QnA)(nil))
	_ = modulecapabilities.DependencySearcher[[]float32]((*QnA)(nil))
	_ = modulecapabilities.GraphQLArguments((*QnA)(nil))
	_ = modulecapabilities.AdditionalProperties((*QnA)(nil))
	_ = modulecapabilities.MetaProvider((*QnA)(nil))
)
