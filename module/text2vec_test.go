package module

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/sirupsen/logrus/hooks/test"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/moduletools"
	"github.com/weaviate/weaviate/entities/vectorindex/hnsw"
	"github.com/weaviate/weaviate/usecases/modulecomponents/arguments/nearText"
	"github.com/weaviate/weaviate/usecases/modules"
)

func configOf(class *models.Class, target string) moduletools.ClassConfig {
	return modules.NewClassBasedModuleConfig(class, VectorizerName, "", target, nil)
}

func newTestText2Vec(t *testing.T) (*Text2Vec, *fakeEmbedder) {
	embed := &fakeEmbedder{}
	return newText2Vec(newTestService(t, &fakeEngine{}, embed)), embed
}

func TestObjectsTextIsWeaviates(t *testing.T) {
	object := &models.Object{Class: "BlogPost", Properties: map[string]any{
		"title": "Knox", "text": "He wrote.", "tags": []string{"scots", "reform"}, "year": 1558.0,
	}}
	setting := func(key string, value any) map[string]any {
		return map[string]any{VectorizerName: map[string]any{key: value}}
	}
	for name, tt := range map[string]struct {
		class models.Class
		want  string
	}{
		"defaults":           {models.Class{}, "Blog Post scots reform He wrote. Knox"},
		"no class name":      {models.Class{ModuleConfig: setting("vectorizeClassName", false)}, "scots reform He wrote. Knox"},
		"property name":      {models.Class{Properties: []*models.Property{{Name: "title", ModuleConfig: setting("vectorizePropertyName", true)}}}, "Blog Post scots reform He wrote. title Knox"},
		"skipped property":   {models.Class{Properties: []*models.Property{{Name: "text", ModuleConfig: setting("skip", true)}}}, "Blog Post scots reform Knox"},
		"properties setting": {models.Class{ModuleConfig: setting("properties", []any{"title", "year"})}, "Blog Post Knox 1558"},
	} {
		t.Run(name, func(t *testing.T) {
			m, embed := newTestText2Vec(t)
			vector, _, err := m.VectorizeObject(context.Background(), object, configOf(&tt.class, ""))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(embed.texts, []string{tt.want}) {
				t.Errorf("embedded %q, want %q", embed.texts, tt.want)
			}
			if !reflect.DeepEqual(vector, embed.vector(tt.want)) {
				t.Error("another vector came back")
			}
		})
	}
}

func TestNamedVectorsHaveTheirOwnSettings(t *testing.T) {
	m, embed := newTestText2Vec(t)
	class := &models.Class{Class: "Passage", VectorConfig: map[string]models.VectorConfig{
		"title": {Vectorizer: map[string]any{VectorizerName: map[string]any{"properties": []any{"title"}, "vectorizeClassName": false}}},
		"body":  {Vectorizer: map[string]any{VectorizerName: map[string]any{"properties": []any{"text"}, "vectorizeClassName": false}}},
	}}
	object := &models.Object{Class: "Passage", Properties: map[string]any{"title": "Knox", "text": "He wrote."}}
	for _, target := range []string{"title", "body"} {
		if _, _, err := m.VectorizeObject(context.Background(), object, configOf(class, target)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"Knox", "He wrote."}; !reflect.DeepEqual(embed.texts, want) {
		t.Errorf("embedded %q, want %q", embed.texts, want)
	}
}

func TestBatchIsOneCallAndKeepsPlaces(t *testing.T) {
	m, embed := newTestText2Vec(t)
	class := &models.Class{ModuleConfig: map[string]any{VectorizerName: map[string]any{"vectorizeClassName": false, "properties": []any{"text"}}}}
	object := func(text string) *models.Object {
		return &models.Object{Class: "Passage", Properties: map[string]any{"text": text}}
	}
	objects := []*models.Object{object("one"), object("two"), object(""), object("four")}
	vectors, _, errs := m.VectorizeBatch(context.Background(), objects, []bool{false, true, false, false}, configOf(class, ""))
	if len(errs) != 0 {
		t.Fatal(errs)
	}
	if want := []string{"one", "four"}; !reflect.DeepEqual(embed.texts, want) {
		t.Errorf("embedded %q, want %q", embed.texts, want)
	}
	want := [][]float32{embed.vector("one"), nil, nil, embed.vector("four")}
	if !reflect.DeepEqual(vectors, want) {
		t.Error("vectors are not in their objects' places")
	}
}

func TestFailureOfABatchIsEveryEmbeddedObjects(t *testing.T) {
	m, embed := newTestText2Vec(t)
	embed.err = errors.New("out of memory")
	objects := []*models.Object{{Class: "A"}, {Class: "B"}, {Class: "C"}}
	vectors, _, errs := m.VectorizeBatch(context.Background(), objects, []bool{false, true, false}, configOf(&models.Class{}, ""))
	if len(vectors) != 3 || len(errs) != 2 || !errors.Is(errs[0], embed.err) || !errors.Is(errs[2], embed.err) {
		t.Errorf("got %d vectors, errors %v", len(vectors), errs)
	}
}

func TestNearText(t *testing.T) {
	m, embed := newTestText2Vec(t)
	search := m.VectorSearches()["nearText"]
	got, err := search(context.Background(), &nearText.NearTextParams{Values: []string{"Knox"}}, "Passage", nil, configOf(passageClass(VectorizerName), ""))
	if err != nil || !reflect.DeepEqual(got, embed.vector("Knox")) {
		t.Errorf("got error %v", err)
	}
	got, err = search(context.Background(), &nearText.NearTextParams{Values: []string{"Knox", "Paris"}}, "Passage", nil, configOf(passageClass(VectorizerName), ""))
	if err != nil {
		t.Fatal(err)
	}
	a, b := embed.vector("Knox"), embed.vector("Paris")
	for i := range got {
		if got[i] != (a[i]+b[i])/2 {
			t.Fatal("several concepts are not their mean")
		}
	}
	if _, err := m.Texts(context.Background(), nil, nil); err == nil {
		t.Error("a vector of nothing")
	}
}

func TestText2VecWithoutABundle(t *testing.T) {
	s, _ := newHeldService()
	m := newText2Vec(s)
	_, _, err := m.VectorizeObject(context.Background(), &models.Object{Class: "A"}, configOf(&models.Class{}, ""))
	if !errors.Is(err, ErrNotReady) {
		t.Errorf("object: %v", err)
	}
	if _, err := m.VectorizeInput(context.Background(), "a", configOf(&models.Class{}, "")); !errors.Is(err, ErrNotReady) {
		t.Errorf("input: %v", err)
	}
	// Collections can be made before the bundle is there.
	if err := m.ValidateClass(context.Background(), passageClass(VectorizerName), configOf(passageClass(VectorizerName), "")); err != nil {
		t.Errorf("class: %v", err)
	}
	if meta, err := m.MetaInfo(); err != nil || meta["state"] != "loading" {
		t.Errorf("meta: %v, %v", meta, err)
	}
}

// TestClassDefaults: the defaults may not depend on the bundle, or an update of
// a collection could come to differ from it.
func TestClassDefaults(t *testing.T) {
	s, _ := newHeldService()
	m := newText2Vec(s)
	if got, want := m.ClassConfigDefaults(), map[string]any{"vectorizeClassName": true, "model": fakeRetriever}; !reflect.DeepEqual(got, want) {
		t.Errorf("class: %v, want %v", got, want)
	}
	if got, want := m.PropertyConfigDefaults(nil), map[string]any{"skip": false, "vectorizePropertyName": false}; !reflect.DeepEqual(got, want) {
		t.Errorf("property: %v, want %v", got, want)
	}
}

func TestValidateClass(t *testing.T) {
	multi := hnsw.NewDefaultUserConfig()
	multi.Multivector.Enabled = true
	setting := func(key string, value any) func(*models.Class) {
		return func(c *models.Class) {
			c.ModuleConfig = map[string]any{VectorizerName: map[string]any{key: value}}
		}
	}
	for name, tt := range map[string]struct {
		change func(*models.Class)
		says   string
	}{
		"as it is":           {func(*models.Class) {}, ""},
		"the bundle's model": {setting("model", fakeRetriever), ""},
		"another model":      {setting("model", "another"), `"another"`},
		"model not a string": {setting("model", 3), "must be a string"},
		"empty properties":   {setting("properties", []any{}), "at least 1 property"},
		"several vectors":    {func(c *models.Class) { c.VectorIndexConfig = multi }, "multiVector"},
		"nothing to vectorise": {func(c *models.Class) {
			setting("vectorizeClassName", false)(c)
			c.Properties = c.Properties[3:]
		}, "vectorizable"},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := newTestText2Vec(t)
			class := passageClass(VectorizerName)
			tt.change(class)
			err := m.ValidateClass(context.Background(), class, configOf(class, ""))
			if (err == nil) != (tt.says == "") || (err != nil && !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("got %v, want it to say %q", err, tt.says)
			}
		})
	}
}

func TestBundleOfAnotherRetrieverMixesNothingIn(t *testing.T) {
	m, embed := newTestText2Vec(t)
	class := passageClass(VectorizerName)
	class.ModuleConfig = map[string]any{VectorizerName: map[string]any{"model": "another"}}
	_, _, err := m.VectorizeObject(context.Background(), &models.Object{Class: "Passage"}, configOf(class, ""))
	if err == nil || !strings.Contains(err.Error(), EnvBundle) {
		t.Errorf("got %v", err)
	}
	if len(embed.texts) != 0 {
		t.Error("a vector was made")
	}
}

func TestExtensionTakesATransformer(t *testing.T) {
	logger, _ := test.NewNullLogger()
	s := newService(Settings{}, nil, logger)
	m := newText2Vec(s)
	if err := m.InitExtension(nil); err != nil || m.Arguments()["nearText"].ExtractFunction == nil {
		t.Errorf("nearText is not offered: %v", err)
	}
}
