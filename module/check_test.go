package module

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/models"
	objecttexts "github.com/weaviate/weaviate/usecases/modulecomponents/vectorizer"

	"github.com/latentask/latentask/internal/fit"
	"github.com/latentask/latentask/reasoner"
)

// embedAll gives every object the vector of a text made of it.
func (b *bench) embedAll(by reasoner.Embedder, text func(o *fakeObject) string) {
	for i := range b.repo.objects {
		o := &b.repo.objects[i]
		v, _ := by.Embed(context.Background(), []string{text(o)})
		o.vectors = map[string][]float32{"": v[0]}
	}
}

func newForeignBench(t *testing.T, vectorizer string) *bench {
	b := newBench(t)
	b.class = passageClass(vectorizer)
	b.engine.queries = []string{"Knox"}
	// More objects than the first look takes.
	for i := range 2 * fit.FirstSize {
		b.repo.objects = append(b.repo.objects, fakeObject{
			id: fmt.Sprint(i),
			properties: map[string]any{
				"title": fmt.Sprintf("Title%d", i),
				"text":  fmt.Sprintf("word%d other%d third%d", i, i*7, i*11),
				"tags":  []string{fmt.Sprintf("tag%d", i)},
			},
		})
	}
	return b
}

func value(o *fakeObject, name string) string {
	return strings.Join(fit.Strings(o.properties[name]), " ")
}

func TestCheckFindsTheLayout(t *testing.T) {
	for name, tt := range map[string]struct {
		vectorizer string
		text       func(o *fakeObject) string
	}{
		"Weaviate's default": {"text2vec-transformers", func(o *fakeObject) string {
			return "Passage " + value(o, "tags") + " " + value(o, "text") + " " + value(o, "title")
		}},
		"without the class name": {"text2vec-ollama", func(o *fakeObject) string {
			return value(o, "tags") + " " + value(o, "text") + " " + value(o, "title")
		}},
		"with property names": {"text2vec-huggingface", func(o *fakeObject) string {
			text := "Passage "
			for _, tag := range fit.Strings(o.properties["tags"]) {
				text += "tags " + tag + " "
			}
			return text + "text " + value(o, "text") + " title " + value(o, "title")
		}},
		"title. text":    {"none", func(o *fakeObject) string { return value(o, "title") + ". " + value(o, "text") }},
		"text alone":     {"none", func(o *fakeObject) string { return value(o, "text") }},
		"title alone":    {"text2vec-gpt4all", func(o *fakeObject) string { return value(o, "title") }},
		"text and title": {"none", func(o *fakeObject) string { return value(o, "text") + " " + value(o, "title") }},
	} {
		t.Run(name, func(t *testing.T) {
			b := newForeignBench(t, tt.vectorizer)
			b.embedAll(b.embed, tt.text)
			if _, err := b.ask(dto.GetParams{}, nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCheckFollowsTheConfiguration(t *testing.T) {
	b := newForeignBench(t, "text2vec-transformers")
	b.class.ModuleConfig = map[string]any{"text2vec-transformers": map[string]any{"vectorizeClassName": false}}
	b.class.Properties[1].ModuleConfig = map[string]any{"text2vec-transformers": map[string]any{"vectorizePropertyName": true}}
	b.class.Properties[2].ModuleConfig = map[string]any{"text2vec-transformers": map[string]any{"skip": true}}
	b.embedAll(b.embed, func(o *fakeObject) string {
		return "text " + value(o, "text") + " " + value(o, "title")
	})
	if _, err := b.ask(dto.GetParams{}, nil); err != nil {
		t.Error(err)
	}
}

func TestCheckKnowsTheMeanOfSentences(t *testing.T) {
	b := newForeignBench(t, "text2vec-transformers")
	for i := range b.repo.objects {
		o := &b.repo.objects[i]
		o.properties = map[string]any{
			"text": fmt.Sprintf("The first of word%d is long and says much. Then other%d came. Third%d.", i, i, i),
		}
		var sum []float32
		for _, s := range []string{fmt.Sprintf("Passage The first of word%d is long and says much.", i), fmt.Sprintf("Then other%d came.", i), fmt.Sprintf("Third%d.", i)} {
			v := b.embed.vector(s)
			if sum == nil {
				sum = make([]float32, len(v))
			}
			for k := range v {
				sum[k] += v[k] / 3
			}
		}
		o.vectors = map[string][]float32{"": sum}
	}
	if _, err := b.ask(dto.GetParams{}, nil); err != nil {
		t.Error(err)
	}
}

func TestCheckRefusesAnotherModel(t *testing.T) {
	for _, vectorizer := range fit.Comparable() {
		b := newForeignBench(t, vectorizer)
		b.embedAll(&fakeEmbedder{salt: "other"}, func(o *fakeObject) string { return value(o, "text") })
		_, err := b.ask(dto.GetParams{}, nil)
		var foreign *ForeignVectorsError
		if !errors.As(err, &foreign) {
			t.Fatalf("%s: got %v", vectorizer, err)
		}
		for _, part := range []string{
			`collection "Passage"`, vectorizer, fakeRetriever, "median cosine of at best 0.", "laid out",
			fmt.Sprint(fakeDimension), "text2vec-latent",
		} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error does not say %q: %v", vectorizer, part, err)
			}
		}
		if len(b.repo.searches) != 0 {
			t.Errorf("%s: a foreign collection was searched", vectorizer)
		}
	}
}

// TestCheckSaysWhenOnlyTheLayoutIsUnknown: the vectors of a collection that was
// copied from one of another name are the model's own, of a text that starts
// otherwise.
func TestCheckSaysWhenOnlyTheLayoutIsUnknown(t *testing.T) {
	b := newForeignBench(t, "none")
	b.embedAll(b.embed, func(o *fakeObject) string {
		return "Original " + strings.Repeat(value(o, "text")+" ", 2) + " " + value(o, "title") + " " + value(o, "tags")
	})
	_, err := b.ask(dto.GetParams{}, nil)
	if !errors.Is(err, ErrForeignVectors) || !strings.Contains(err.Error(), "laid out in a way that is not known") {
		t.Errorf("got %v", err)
	}
}

func TestCheckRefusesOtherDimensions(t *testing.T) {
	b := newForeignBench(t, "none")
	for i := range b.repo.objects {
		b.repo.objects[i].vectors = map[string][]float32{"": make([]float32, 768)}
	}
	_, err := b.ask(dto.GetParams{}, nil)
	if !errors.Is(err, ErrForeignVectors) || !strings.Contains(err.Error(), "768 dimensions") {
		t.Errorf("got %v", err)
	}
	if len(b.embed.texts) != 0 {
		t.Error("texts were embedded to compare vectors of other lengths")
	}
}

func TestCheckRefusesAVectorizerThatCannotBe(t *testing.T) {
	for _, vectorizer := range []string{"text2vec-openai", "text2vec-cohere", "multi2vec-clip", "ref2vec-centroid"} {
		b := newForeignBench(t, vectorizer)
		_, err := b.ask(dto.GetParams{}, nil)
		if !errors.Is(err, ErrForeignVectors) || !strings.Contains(err.Error(), vectorizer) {
			t.Errorf("got %v", err)
		}
		if len(b.repo.lists) != 0 {
			t.Errorf("%s: objects were read", vectorizer)
		}
	}
}

func TestCheckOfObjectsWithoutVectors(t *testing.T) {
	b := newForeignBench(t, "none")
	for i := range b.repo.objects {
		b.repo.objects[i].vectors = nil
	}
	_, err := b.ask(dto.GetParams{}, nil)
	if !errors.Is(err, ErrForeignVectors) || !strings.Contains(err.Error(), "none of 11 objects has both") {
		t.Errorf("got %v", err)
	}
}

func TestEmptyCollectionIsAnEmptyListUntilItHasObjects(t *testing.T) {
	b := newForeignBench(t, "none")
	objects := b.repo.objects
	b.repo.objects = nil
	if results, err := b.ask(dto.GetParams{}, nil); err != nil || len(results) != 0 {
		t.Fatalf("got %v, %v", results, err)
	}
	b.repo.objects = objects
	b.embedAll(&fakeEmbedder{salt: "other"}, func(o *fakeObject) string { return value(o, "text") })
	if _, err := b.ask(dto.GetParams{}, nil); !errors.Is(err, ErrForeignVectors) {
		t.Errorf("the first objects were not checked: %v", err)
	}
}

func TestOwnVectorizerIsNotCompared(t *testing.T) {
	b := newBench(t)
	b.engine.queries = []string{"Knox"}
	if _, err := b.ask(dto.GetParams{}, nil); err != nil {
		t.Fatal(err)
	}
	if len(b.repo.lists)+len(b.embed.texts) != 0 {
		t.Error("a text2vec-latent collection was compared")
	}
}

func TestOwnVectorizerOfAnotherRetrieverIsRefused(t *testing.T) {
	b := newBench(t)
	b.class.ModuleConfig = map[string]any{VectorizerName: map[string]any{"model": "another"}}
	_, err := b.ask(dto.GetParams{}, nil)
	if err == nil || !strings.Contains(err.Error(), `"another"`) || !strings.Contains(err.Error(), fakeRetriever) {
		t.Errorf("got %v", err)
	}
}

func TestVerdictIsKeptForAnUnchangedTarget(t *testing.T) {
	b := newForeignBench(t, "none")
	b.embedAll(b.embed, func(o *fakeObject) string { return value(o, "text") })
	mustAsk := func(params dto.GetParams) {
		t.Helper()
		if _, err := b.ask(params, nil); err != nil {
			t.Fatal(err)
		}
	}
	mustAsk(dto.GetParams{})
	mustAsk(dto.GetParams{})
	if len(b.repo.lists) != 1 {
		t.Fatalf("checked %d times", len(b.repo.lists))
	}
	// Another tenant has other objects.
	b.class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
	for i := range b.repo.objects {
		b.repo.objects[i].tenant = "acme"
	}
	mustAsk(dto.GetParams{Tenant: "acme"})
	if len(b.repo.lists) != 2 || b.repo.lists[1].Tenant != "acme" {
		t.Fatalf("another tenant: checked %d times", len(b.repo.lists))
	}
	// A changed schema may mean other vectors.
	b.class.Properties = append(b.class.Properties, &models.Property{Name: "more", DataType: []string{"text"}})
	mustAsk(dto.GetParams{Tenant: "acme"})
	if len(b.repo.lists) != 3 {
		t.Errorf("changed schema: checked %d times", len(b.repo.lists))
	}
}

func TestCheckReadsWithoutTheQuerysFilter(t *testing.T) {
	b := newForeignBench(t, "none")
	b.embedAll(b.embed, func(o *fakeObject) string { return value(o, "text") })
	if _, err := b.ask(dto.GetParams{}, nil); err != nil {
		t.Fatal(err)
	}
	list := b.repo.lists[0]
	if list.Filters != nil || list.ModuleParams != nil || list.Pagination.Limit != fit.Candidates || !list.AdditionalProperties.Vector {
		t.Errorf("read under %+v", list)
	}
}

func TestFailedCheckIsTriedAgain(t *testing.T) {
	b := newForeignBench(t, "none")
	b.embedAll(b.embed, func(o *fakeObject) string { return value(o, "text") })
	b.embed.err = errors.New("out of memory")
	if _, err := b.ask(dto.GetParams{}, nil); !errors.Is(err, b.embed.err) {
		t.Fatalf("got %v", err)
	}
	b.embed.err = nil
	if _, err := b.ask(dto.GetParams{}, nil); err != nil {
		t.Error(err)
	}
}

// TestLayoutsAreWeaviates: package fit makes texts as Weaviate's own code does.
func TestLayoutsAreWeaviates(t *testing.T) {
	values := []map[string]any{
		{"title": "A Title", "text": " Some text. ", "tags": []string{"one", "", "two"}, "longName": "x"},
		{"text": ""},
		{"title": "Ünïcödé", "tags": []string{}},
	}
	all := []string{"title", "text", "tags", "longName"}
	for _, class := range []string{"Passage", "MyPassages", "HTMLPage2", "ÄrgerNis", "A_b"} {
		for _, s := range []weaviateSettings{
			{className: true, indexed: all}, {className: true, indexed: []string{"text"}, named: []string{"text"}},
			{indexed: all, named: all}, {className: true, indexed: all, named: []string{"tags", "longName"}},
		} {
			for _, v := range values {
				want, _ := objecttexts.New().Texts(context.Background(), &models.Object{Class: class, Properties: v}, s)
				got := fit.WeaviateText{Collection: class, Name: s.className, Properties: s.indexed, Named: s.named}.Of(v)
				if got != want {
					t.Errorf("%+v of %v: got %q, want %q", s, v, got, want)
				}
			}
		}
	}
}

// weaviateSettings is a configuration of Weaviate's own text making.
type weaviateSettings struct {
	className      bool
	indexed, named []string
}

func (s weaviateSettings) PropertyIndexed(name string) bool { return slices.Contains(s.indexed, name) }
func (s weaviateSettings) VectorizePropertyName(name string) bool {
	return slices.Contains(s.named, name)
}
func (s weaviateSettings) VectorizeClassName() bool { return s.className }
func (s weaviateSettings) Properties() []string     { return nil }
func (s weaviateSettings) LowerCaseInput() bool     { return false }
