package module

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus/hooks/test"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modulecapabilities"
	"github.com/weaviate/weaviate/entities/moduletools"
	"github.com/weaviate/weaviate/entities/vectorindex/hnsw"
	modqnaopenai "github.com/weaviate/weaviate/modules/qna-openai"
	"github.com/weaviate/weaviate/usecases/config"
	"github.com/weaviate/weaviate/usecases/modules"

	"github.com/latentask/latentask/graphql"
	"github.com/latentask/latentask/reasoner"
)

// schemaOf is the provider's view of a schema.
type schemaOf map[string]*models.Class

func (s schemaOf) ReadOnlyClass(name string) *models.Class { return s[name] }

// namedModule is a module of which only the name and type matter.
type namedModule struct {
	name, alt string
	kind      modulecapabilities.ModuleType
}

func (m namedModule) Name() string                                             { return m.name }
func (m namedModule) Type() modulecapabilities.ModuleType                      { return m.kind }
func (m namedModule) AltNames() []string                                       { return []string{m.alt} }
func (m namedModule) Init(context.Context, moduletools.ModuleInitParams) error { return nil }

// newProvider is a node's own provider, as Weaviate's start-up builds it.
func newProvider(t *testing.T, classes schemaOf, others ...modulecapabilities.Module) *modules.Provider {
	t.Helper()
	t.Setenv(EnvBundle, t.TempDir()+"/nothing")
	logger, _ := test.NewNullLogger()
	cfg := config.Config{EnableModules: "backup-filesystem, " + VectorizerName}
	p := modules.NewProvider(logger, cfg)
	if err := Register(p, cfg, logger); err != nil {
		t.Fatal(err)
	}
	for _, m := range others {
		p.Register(m)
	}
	p.SetSchemaGetter(classes)
	params := moduletools.NewInitParams(nil, nil, &cfg, logger, prometheus.NewRegistry())
	if err := p.Init(context.Background(), params, logger); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// TestOperatorIsOfferedBesideQnAOpenAI: Weaviate offers a module's argument on
// a collection without configuration only where the module is alone in its
// type, so neither may take the other's away.
func TestOperatorIsOfferedBesideQnAOpenAI(t *testing.T) {
	configured := passageClass(VectorizerName)
	configured.ModuleConfig = map[string]any{
		VectorizerName: map[string]any{}, modqnaopenai.Name: map[string]any{}, OperatorName: map[string]any{},
	}
	named := &models.Class{Class: "Named", VectorConfig: map[string]models.VectorConfig{
		"a": {VectorIndexConfig: hnsw.NewDefaultUserConfig(), Vectorizer: map[string]any{VectorizerName: map[string]any{}}},
		"b": {VectorIndexConfig: hnsw.NewDefaultUserConfig(), Vectorizer: map[string]any{"none": map[string]any{}}},
	}}
	for name, class := range map[string]*models.Class{
		"without configuration": passageClass(VectorizerName),
		"with configuration":    configured,
		"vectorizer none":       passageClass("none"),
		"named vectors":         named,
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t, schemaOf{class.Class: class}, modqnaopenai.New())
			arguments := p.GetArguments(class)
			for _, argument := range []string{graphql.ArgumentName, "ask"} {
				if arguments[argument] == nil {
					t.Errorf("the argument %s is missing", argument)
				}
			}
			fields := p.GetAdditionalFields(class)
			for _, field := range []string{graphql.ArgumentName, "answer"} {
				if fields[field] == nil {
					t.Errorf("the field %s is missing", field)
				}
			}
			params, _ := p.ExtractSearchParams(map[string]any{graphql.ArgumentName: map[string]any{"question": "Who?"}}, class.Class)
			if _, ok := graphql.FromModuleParams(params); !ok {
				t.Error("the argument was not extracted")
			}
		})
	}
}

// TestArgumentReachesTheSearcher: for every vectorizer that a collection can
// name, Weaviate must get a vector from us, or the user reads "could not
// vectorize input" in place of our own error.
func TestArgumentReachesTheSearcher(t *testing.T) {
	openai := namedModule{name: "text2vec-openai", alt: "text2vec-old", kind: modulecapabilities.Text2Vec}
	for _, vectorizer := range []string{"", "none", VectorizerName, "text2vec-openai", "text2vec-old"} {
		class := passageClass(vectorizer)
		p := newProvider(t, schemaOf{"Passage": class}, openai)
		vector, err := p.VectorFromSearchParam(context.Background(), "Passage", "", "", graphql.ArgumentName, &graphql.Params{}, nil)
		if err != nil || len(vector) == 0 {
			t.Errorf("vectorizer %q: %v, %v", vectorizer, vector, err)
		}
	}
}

func TestUnknownTargetReachesTheSearcher(t *testing.T) {
	class := &models.Class{Class: "Named", VectorConfig: map[string]models.VectorConfig{"a": {Vectorizer: map[string]any{"none": map[string]any{}}}}}
	p := newProvider(t, schemaOf{"Named": class})
	ask := graphql.Extract(map[string]any{"question": "Who?", "targetVectors": []any{"z"}})
	targets, err := p.TargetsFromSearchParam("Named", ask)
	if err != nil || len(targets) != 1 || targets[0] != "z" {
		t.Fatalf("targets %v, %v", targets, err)
	}
	if _, err := p.VectorFromSearchParam(context.Background(), "Named", "z", "", graphql.ArgumentName, ask, nil); err != nil {
		t.Error(err)
	}
}

func TestMultiVectorTargetIsRefusedByName(t *testing.T) {
	colbert := namedModule{name: "text2multivec-jinaai", alt: "text2colbert-jinaai", kind: modulecapabilities.Text2Multivec}
	class := &models.Class{Class: "Named", VectorConfig: map[string]models.VectorConfig{
		"colors": {Vectorizer: map[string]any{"text2multivec-jinaai": map[string]any{}}},
	}}
	p := newProvider(t, schemaOf{"Named": class}, colbert)
	if multi, err := p.IsTargetVectorMultiVector("Named", "colors"); err != nil || !multi {
		t.Fatalf("multi is %v, %v", multi, err)
	}
	_, err := p.MultiVectorFromSearchParam(context.Background(), "Named", "colors", "", graphql.ArgumentName, &graphql.Params{}, nil)
	if err == nil || !strings.Contains(err.Error(), `latentAsk.targetVectors: vector "colors" of collection "Named"`) {
		t.Errorf("got %v", err)
	}
}

func TestVectorizerIsOnOnlyWhereNamed(t *testing.T) {
	logger, _ := test.NewNullLogger()
	t.Setenv(EnvBundle, t.TempDir()+"/nothing")
	for list, want := range map[string]bool{
		"": false, "text2vec-transformers": false, "text2vec-latent-more": false,
		VectorizerName: true, "a," + VectorizerName + " ,b": true,
	} {
		cfg := config.Config{EnableModules: list}
		p := modules.NewProvider(logger, cfg)
		if err := Register(p, cfg, logger); err != nil {
			t.Fatal(err)
		}
		if got := p.GetByName(VectorizerName) != nil; got != want {
			t.Errorf("ENABLE_MODULES=%q: vectorizer is on: %v", list, got)
		}
		if p.GetByName(OperatorName) == nil {
			t.Errorf("ENABLE_MODULES=%q: no operator", list)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRegisterRefusesAWrongSetting(t *testing.T) {
	t.Setenv(EnvThreads, "many")
	logger, _ := test.NewNullLogger()
	err := Register(modules.NewProvider(logger, config.Config{}), config.Config{}, logger)
	if err == nil || !strings.Contains(err.Error(), EnvThreads) {
		t.Errorf("got %v", err)
	}
}

func TestWrapSearcherFindsTheOperator(t *testing.T) {
	logger, _ := test.NewNullLogger()
	if s := WrapSearcher(nil, modules.NewProvider(logger, config.Config{})); s.asker != nil {
		t.Error("an operator that is not registered was found")
	}
	if s := WrapSearcher(nil, newProvider(t, nil)); s.asker == nil {
		t.Error("the operator was not found")
	}
}

func TestValidationThroughTheProvider(t *testing.T) {
	p := newProvider(t, schemaOf{"Passage": passageClass("none")})
	err := p.ValidateSearchParam(graphql.ArgumentName, graphql.Extract(map[string]any{"question": " "}), "Passage")
	var input *reasoner.InputError
	if !errors.As(err, &input) || input.Field != "latentAsk.question" {
		t.Errorf("got %v", err)
	}
}
