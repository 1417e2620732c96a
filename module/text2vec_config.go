package module

import (
	"context"
	"fmt"

	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"
	"github.com/weaviate/weaviate/entities/moduletools"
	"github.com/weaviate/weaviate/entities/schema"
	schemaconfig "github.com/weaviate/weaviate/entities/schema/config"
	basesettings "github.com/weaviate/weaviate/usecases/modulecomponents/settings"
)

// Keys of the vectorizer's configuration. All but the model's are Weaviate's.
const (
	keyVectorizeClassName    = "vectorizeClassName"
	keyVectorizePropertyName = "vectorizePropertyName"
	keySkip                  = "skip"
	// keyModel names the retriever that makes the collection's vectors, so that
	// a bundle with another one can't mix its own in.
	keyModel = "model"
)

// DefaultRetriever is the retriever that a collection's configuration names
// where its maker did not. It does not depend on the node's bundle: Weaviate
// adds the defaults to every later update of a collection too, and refuses one
// that differs from what is there.
const DefaultRetriever = "sentence-transformers/all-MiniLM-L6-v2"

// ClassConfigDefaults implements modulecapabilities.ClassConfigurator.
func (m *Text2Vec) ClassConfigDefaults() map[string]any {
	return map[string]any{
		keyVectorizeClassName: basesettings.DefaultVectorizeClassName,
		keyModel:              DefaultRetriever,
	}
}

// PropertyConfigDefaults implements modulecapabilities.ClassConfigurator.
func (m *Text2Vec) PropertyConfigDefaults(*schema.DataType) map[string]any {
	return map[string]any{
		keySkip:                  !basesettings.DefaultPropertyIndexed,
		keyVectorizePropertyName: basesettings.DefaultVectorizePropertyName,
	}
}

// ValidateClass implements modulecapabilities.ClassConfigurator.
func (m *Text2Vec) ValidateClass(_ context.Context, class *models.Class, cfg moduletools.ClassConfig) error {
	settings := newClassSettings(cfg)
	if err := settings.Validate(class); err != nil {
		return err
	}
	if vc, ok := modelsext.ClassGetVectorConfig(class, cfg.TargetVector()); ok {
		if index, ok := vc.VectorIndexConfig.(schemaconfig.VectorIndexConfig); ok && index.IsMultiVector() {
			return fmt.Errorf("%s makes one vector an object; switch multiVector off in the vector index configuration", VectorizerName)
		}
	}
	if v, ok := settings.GetSettings()[keyModel]; ok {
		if _, ok := v.(string); !ok {
			return fmt.Errorf("%s: %s must be a string, is %T", VectorizerName, keyModel, v)
		}
	}
	if model, err := m.service.ready(); err == nil {
		return settings.checkModel(model.retriever)
	}
	return nil
}

// classSettings is a collection's configuration of the vectorizer.
type classSettings struct {
	*basesettings.BaseClassSettings
}

func newClassSettings(cfg moduletools.ClassConfig) *classSettings {
	return &classSettings{basesettings.NewBaseClassSettings(cfg, false)}
}

// RetrieverError refuses a bundle with another retriever than the one that made
// a collection's vectors of text2vec-latent, as its configuration names it. It
// is an ErrForeignVectors.
type RetrieverError struct {
	// Named is the configuration's, Bundle the bundle's.
	Named, Bundle string
}

func (e *RetrieverError) Error() string {
	return fmt.Sprintf("%s: this collection's vectors are of %q and the node's bundle holds %q; set %s to a bundle with the former, or make a new collection whose %s names the latter",
		VectorizerName, e.Named, e.Bundle, EnvBundle, keyModel)
}

// Is makes errors.Is(err, ErrForeignVectors) hold.
func (e *RetrieverError) Is(target error) bool { return target == ErrForeignVectors }

// checkModel returns a *RetrieverError for a bundle whose retriever is not the
// one that the collection was made with. A collection that names none takes any.
func (s *classSettings) checkModel(retriever string) error {
	named, _ := s.GetSettings()[keyModel].(string)
	if named == "" || named == retriever {
		return nil
	}
	return &RetrieverError{Named: named, Bundle: retriever}
}
