package fit

import (
	"maps"
	"slices"
	"strings"

	"github.com/fatih/camelcase"
)

// WeaviateText makes an object's text as the vectorizer modules of Weaviate do
// from 1.27 on: the collection's name, then the values by property name, joined
// by spaces. Values that are not text are left out, as they are there unless a
// named vector lists them.
type WeaviateText struct {
	Collection string
	// Name puts the collection's name, split at capitals, before the values.
	Name bool
	// Properties are those whose values are part of the text, in any order.
	Properties []string
	// Named are those whose name, split at capitals, stands before each value.
	Named []string
}

// Of is the text of an object's values.
func (t WeaviateText) Of(values map[string]any) string {
	var parts []string
	if t.Name {
		parts = append(parts, spaced(t.Collection))
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(t.Properties, name) {
			continue
		}
		for _, value := range Strings(values[name]) {
			if slices.Contains(t.Named, name) {
				value = spaced(name) + " " + value
			}
			parts = append(parts, value)
		}
	}
	return strings.Join(parts, " ")
}

// spaced is a name split at its capitals.
func spaced(name string) string {
	words := slices.DeleteFunc(camelcase.Split(name), func(w string) bool { return w == " " })
	return strings.Join(words, " ")
}
