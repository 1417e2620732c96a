package eval

import (
	"iter"
	"strings"

	"github.com/weaviate/weaviate/entities/models"
)

// objects yields passages as the properties of objects. An empty title is none,
// as in a collection without titles.
func objects(passages []Passage) iter.Seq2[map[string]any, error] {
	return func(yield func(map[string]any, error) bool) {
		for _, p := range passages {
			object := map[string]any{IDProperty: p.PID}
			if p.Title != "" {
				object["title"] = p.Title
			}
			if p.Text != "" {
				object["text"] = p.Text
			}
			if !yield(object, nil) {
				return
			}
		}
	}
}

// passageOf is the reverse of objects.
func passageOf(object map[string]any) Passage {
	property := func(name string) string {
		s, _ := object[name].(string)
		return s
	}
	return Passage{PID: property(IDProperty), Title: property("title"), Text: property("text")}
}

// embedded is the text that Weaviate makes a passage's vector of, with its
// defaults: the collection's name, then the properties in the order of their
// names.
func (p Passage) embedded() string {
	parts := []string{Collection}
	for _, value := range []string{p.Text, p.Title} {
		if value != "" {
			parts = append(parts, value)
		}
	}
	return strings.Join(parts, " ")
}

// keep keeps the vectors of objects that were stored.
func keep(vectors *Vectors, stored []*models.Object) error {
	fresh := make(map[string][]float32, len(stored))
	for _, o := range stored {
		properties, _ := o.Properties.(map[string]any)
		text := passageOf(properties).embedded()
		known, err := vectors.Get(text)
		if err != nil {
			return err
		}
		if known == nil && len(o.Vector) > 0 {
			fresh[text] = o.Vector
		}
	}
	return vectors.Put(fresh)
}
