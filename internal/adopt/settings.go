package adopt

import (
	"context"
	"slices"

	"github.com/weaviate/weaviate/entities/models"
	objecttexts "github.com/weaviate/weaviate/usecases/modulecomponents/vectorizer"

	"github.com/latentask/latentask/internal/client"
)

// settings are those of text2vec-latent in a collection, as far as they decide
// which text an object's vector is made of.
type settings struct {
	class     *models.Class
	className bool
	only      []string
}

// settingsOf reads those of a named vector, or of the unnamed one.
func settingsOf(class *models.Class, vector string) settings {
	var config map[string]any
	if vector == "" {
		modules, _ := class.ModuleConfig.(map[string]any)
		config = member(modules, client.Vectorizer)
	} else {
		_, config = vectorizerOf(class.VectorConfig[vector])
	}
	return settings{class: class, className: classNameOf(config), only: textsOf(config["properties"])}
}

// classNameOf tells whether settings of a module put the collection's name before
// the text, as Weaviate does by default.
func classNameOf(config map[string]any) bool {
	b, ok := config["vectorizeClassName"].(bool)
	return b || !ok
}

// text is what the vector of an object is made of; it is empty where no property
// has text.
func (s settings) text(o *models.Object) (text string, empty bool) {
	values, _ := o.Properties.(map[string]any)
	copied := make(map[string]any, len(values))
	for name, value := range values {
		// The node sees lists of texts as such.
		if list, ok := value.([]any); ok {
			value = texts(list)
		}
		copied[name] = value
	}
	return objecttexts.New().Texts(context.Background(), &models.Object{Class: s.class.Class, Properties: copied}, s)
}

func (s settings) PropertyIndexed(name string) bool {
	if len(s.only) > 0 {
		return slices.Contains(s.only, name)
	}
	return !skipped(s.class, name, client.Vectorizer)
}

func (s settings) VectorizePropertyName(name string) bool {
	for _, p := range s.class.Properties {
		if p.Name == name {
			modules, _ := p.ModuleConfig.(map[string]any)
			b, _ := member(modules, client.Vectorizer)["vectorizePropertyName"].(bool)
			return b
		}
	}
	return false
}

func (s settings) VectorizeClassName() bool { return s.className }
func (s settings) Properties() []string     { return s.only }
func (s settings) LowerCaseInput() bool     { return false }
