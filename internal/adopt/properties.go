package adopt

import (
	"slices"
	"sort"
	"strings"

	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"

	"github.com/latentask/latentask/internal/client"
)

// none is Weaviate's name for vectors that users bring.
const none = "none"

// vectorizerOf is the module of a named vector and its settings.
func vectorizerOf(config models.VectorConfig) (string, map[string]any) {
	modules, _ := config.Vectorizer.(map[string]any)
	for name, settings := range modules {
		m, _ := settings.(map[string]any)
		return name, m
	}
	return none, nil
}

// named are a collection's live named vectors, in order.
func named(class *models.Class) []string {
	var names []string
	for name, config := range class.VectorConfig {
		if !modelsext.IsVectorIndexDropped(config) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// properties chooses the text properties that the new vector is made of, and
// says why those.
func properties(class *models.Class, wanted []string) ([]string, string, error) {
	text := client.TextProperties(class)
	if len(wanted) > 0 {
		for _, name := range wanted {
			if !slices.Contains(text, name) {
				return nil, "", refuse(ErrProperty, "its text properties are "+strings.Join(text, ", "),
					"collection %s has no text property %q", class.Class, name)
			}
		}
		return slices.Compact(slices.Sorted(slices.Values(wanted))), "as named", nil
	}
	if len(text) == 0 {
		return nil, "", refuse(ErrNoText, "only properties of the types text and text[] can be read",
			"collection %s has no text property", class.Class)
	}
	if module, only, ok := embedded(class); ok {
		chosen := unskipped(class, module)
		if only != nil {
			chosen = slices.DeleteFunc(chosen, func(name string) bool { return !slices.Contains(only, name) })
		}
		if len(chosen) > 0 {
			return chosen, "those that its " + module + " vector is made of", nil
		}
	}
	// Nothing tells what its vectors are made of. Exact values are ids and links
	// rather than text to read.
	var chosen []string
	for _, p := range class.Properties {
		if slices.Contains(text, p.Name) && p.Tokenization != "field" {
			chosen = append(chosen, p.Name)
		}
	}
	if len(chosen) == 0 {
		chosen = text
	}
	sort.Strings(chosen)
	why := "its text properties"
	if len(chosen) < len(text) {
		why += " but those of the tokenization field"
	}
	return chosen, why, nil
}

// embedded is the text vectorizer of the collection's vector and the properties
// that it is restricted to (nil: all that it does not skip). It is false where
// users bring their vectors.
func embedded(class *models.Class) (module string, only []string, ok bool) {
	if class.Vectorizer != "" && class.Vectorizer != none {
		return class.Vectorizer, nil, true
	}
	for _, name := range named(class) {
		module, settings := vectorizerOf(class.VectorConfig[name])
		if module == none || module == client.Vectorizer {
			continue
		}
		if list, ok := settings["properties"].([]any); ok && len(list) > 0 {
			only = []string{}
			for _, p := range list {
				if s, ok := p.(string); ok {
					only = append(only, s)
				}
			}
		}
		return module, only, true
	}
	return "", nil, false
}

// unskipped are the text properties that a vectorizer reads where it is not
// restricted to some, in order.
func unskipped(class *models.Class, module string) []string {
	names := slices.DeleteFunc(client.TextProperties(class), func(name string) bool { return skipped(class, name, module) })
	sort.Strings(names)
	return names
}

// skipped tells whether a vectorizer leaves a property out.
func skipped(class *models.Class, property, module string) bool {
	for _, p := range class.Properties {
		if p.Name != property {
			continue
		}
		modules, _ := p.ModuleConfig.(map[string]any)
		settings, _ := modules[module].(map[string]any)
		skip, _ := settings["skip"].(bool)
		return skip
	}
	return false
}
