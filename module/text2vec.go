package module

import (
	"context"
	"fmt"

	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modulecapabilities"
	"github.com/weaviate/weaviate/entities/moduletools"
	"github.com/weaviate/weaviate/usecases/modulecomponents/additional"
	"github.com/weaviate/weaviate/usecases/modulecomponents/arguments/nearText"
	objecttexts "github.com/weaviate/weaviate/usecases/modulecomponents/vectorizer"
	libvectorizer "github.com/weaviate/weaviate/usecases/vectorizer"

	"github.com/latentask/latentask/reasoner"
)

// VectorizerName is the vectorizer module's name in ENABLE_MODULES and in a
// collection's configuration.
const VectorizerName = "text2vec-latent"

// Text2Vec is the vectorizer module: an object's vector is the bundle's
// retriever's, of the text that Weaviate makes of the object.
type Text2Vec struct {
	service    *service
	texts      *objecttexts.ObjectVectorizer
	arguments  modulecapabilities.GraphQLArguments
	searcher   modulecapabilities.Searcher[[]float32]
	properties modulecapabilities.AdditionalProperties
}

func newText2Vec(s *service) *Text2Vec {
	m := &Text2Vec{
		service:    s,
		texts:      objecttexts.New(),
		arguments:  nearText.New(nil),
		properties: additional.NewText2VecProvider(),
	}
	m.searcher = nearText.NewSearcher[[]float32](m)
	return m
}

// Name implements modulecapabilities.Module.
func (m *Text2Vec) Name() string { return VectorizerName }

// Type implements modulecapabilities.Module.
func (m *Text2Vec) Type() modulecapabilities.ModuleType { return modulecapabilities.Text2Vec }

// Init implements modulecapabilities.Module. The bundle opens in the
// background, so there is nothing to wait for.
func (m *Text2Vec) Init(context.Context, moduletools.ModuleInitParams) error { return nil }

// InitExtension takes nearText's text transformer, where a module has one.
func (m *Text2Vec) InitExtension(modules []modulecapabilities.Module) error {
	for _, mod := range modules {
		if t, ok := mod.(modulecapabilities.TextTransformers); ok && t.TextTransformers() != nil {
			if transformer, ok := t.TextTransformers()["nearText"]; ok {
				m.arguments = nearText.New(transformer)
			}
		}
	}
	return nil
}

// Arguments brings nearText.
func (m *Text2Vec) Arguments() map[string]modulecapabilities.GraphQLArgument {
	return m.arguments.Arguments()
}

// VectorSearches makes nearText's vectors.
func (m *Text2Vec) VectorSearches() map[string]modulecapabilities.VectorForParams[[]float32] {
	return m.searcher.VectorSearches()
}

// AdditionalProperties are those of every text vectorizer.
func (m *Text2Vec) AdditionalProperties() map[string]modulecapabilities.AdditionalProperty {
	return m.properties.AdditionalProperties()
}

// VectorizableProperties says that any text property may be part of the text.
func (m *Text2Vec) VectorizableProperties(moduletools.ClassConfig) (bool, []string, error) {
	return true, nil, nil
}

// VectorizeObject makes one object's vector; it is nil for an object without
// text.
func (m *Text2Vec) VectorizeObject(ctx context.Context, obj *models.Object,
	cfg moduletools.ClassConfig,
) ([]float32, models.AdditionalProperties, error) {
	vectors, _, errs := m.VectorizeBatch(ctx, []*models.Object{obj}, []bool{false}, cfg)
	if err := errs[0]; err != nil {
		return nil, nil, err
	}
	return vectors[0], nil, nil
}

// VectorizeBatch makes the vectors of all objects that are not skipped in one
// call of the encoder, which batches them by length. A failure is every
// object's.
func (m *Text2Vec) VectorizeBatch(ctx context.Context, objs []*models.Object, skip []bool,
	cfg moduletools.ClassConfig,
) ([][]float32, []models.AdditionalProperties, map[int]error) {
	vectors := make([][]float32, len(objs))
	settings := newClassSettings(cfg)
	texts := make([]string, 0, len(objs))
	index := make([]int, 0, len(objs))
	for i, obj := range objs {
		if i < len(skip) && skip[i] {
			continue
		}
		text, empty := m.texts.Texts(ctx, obj, settings)
		if empty {
			continue
		}
		texts = append(texts, text)
		index = append(index, i)
	}
	errs := map[int]error{}
	embedded, err := m.embed(ctx, texts, settings, reasoner.Embedder.Embed)
	for k, i := range index {
		if err != nil {
			errs[i] = err
			continue
		}
		vectors[i] = embedded[k]
	}
	return vectors, nil, errs
}

// VectorizeInput makes one text's vector.
func (m *Text2Vec) VectorizeInput(ctx context.Context, input string,
	cfg moduletools.ClassConfig,
) ([]float32, error) {
	return m.Texts(ctx, []string{input}, cfg)
}

// Texts makes one vector of a query's texts: their mean, as Weaviate's own text
// modules do. nearText calls it.
func (m *Text2Vec) Texts(ctx context.Context, inputs []string,
	cfg moduletools.ClassConfig,
) ([]float32, error) {
	if len(inputs) == 0 {
		return nil, fmt.Errorf("%s: no text to make a vector of", VectorizerName)
	}
	vectors, err := m.embed(ctx, inputs, newClassSettings(cfg), reasoner.Embedder.EmbedQuestions)
	if err != nil {
		return nil, err
	}
	if len(vectors) == 1 {
		return vectors[0], nil
	}
	return libvectorizer.CombineVectors(vectors), nil
}

// MetaInfo is the module's part of /v1/meta.
func (m *Text2Vec) MetaInfo() (map[string]any, error) {
	st := m.service.current.Load()
	info := map[string]any{"state": string(st.state)}
	if st.reason != "" {
		info["reason"] = st.reason
	}
	if st.model != nil {
		info["model"] = st.model.retriever
		info["dimension"] = st.model.dimension
	}
	return info, nil
}

// embed makes a vector a text in one of the embedder's two ways, refusing a collection that another retriever
// than the bundle's was written down for.
func (m *Text2Vec) embed(ctx context.Context, texts []string, settings *classSettings,
	by func(reasoner.Embedder, context.Context, []string) ([][]float32, error),
) ([][]float32, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	model, err := m.service.ready()
	if err != nil {
		return nil, err
	}
	if err := settings.checkModel(model.retriever); err != nil {
		return nil, err
	}
	vectors, err := by(model.embedder, ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", VectorizerName, err)
	}
	m.service.metrics.embedded(len(texts))
	return vectors, nil
}

var (
	_ = modulecapabilities.ModuleExtension((*Text2Vec)(nil))
	_ = modulecapabilities.Vectorizer[[]float32]((*Text2Vec)(nil))
	_ = modulecapabilities.InputVectorizer[[]float32]((*Text2Vec)(nil))
	_ = modulecapabilities.GraphQLArguments((*Text2Vec)(nil))
	_ = modulecapabilities.Searcher[[]float32]((*Text2Vec)(nil))
	_ = modulecapabilities.AdditionalProperties((*Text2Vec)(nil))
	_ = modulecapabilities.MetaProvider((*Text2Vec)(nil))
	_ = modulecapabilities.ClassConfigurator((*Text2Vec)(nil))
)
