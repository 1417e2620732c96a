package module

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
	"github.com/weaviate/weaviate/adapters/repos/db"
	"github.com/weaviate/weaviate/usecases/config"
	"github.com/weaviate/weaviate/usecases/modules"
)

// Register adds latentask's modules to a node's provider and starts to open
// the bundle in the background. It is called once, before the provider's Init.
func Register(provider *modules.Provider, cfg config.Config, logger logrus.FieldLogger) error {
	settings, err := SettingsFromEnvironment()
	if err != nil {
		return fmt.Errorf("latentask: %w", err)
	}
	s := newService(settings, openModel, logger)
	provider.Register(newQnA(s))
	provider.Register(&multiVectorRefusal{})
	if enabled(cfg.EnableModules, VectorizerName) {
		provider.Register(newText2Vec(s))
	}
	if bundleExists(settings.Bundle) {
		limitGoMemory(s.logger)
	}
	s.start()
	return nil
}

// WrapSearcher gives the node's Explorer a searcher that answers latentAsk.
func WrapSearcher(repo *db.DB, provider *modules.Provider) *Searcher {
	s := &Searcher{DB: repo, inner: repo}
	if q, ok := provider.GetByName(OperatorName).(*QnA); ok {
		s.asker = newAsker(q.service, repo, lookupIn(repo))
		s.asker.complete = q.complete
		s.traffic = &q.service.traffic
	}
	return s
}

// enabled tells whether ENABLE_MODULES names a module.
func enabled(list, name string) bool {
	return slices.ContainsFunc(strings.Split(list, ","), func(m string) bool {
		return strings.TrimSpace(m) == name
	})
}
