package module

import (
	"fmt"
	"slices"
	"strings"
	"weak"

	"github.com/weaviate/weaviate/adapters/repos/db"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"
	"github.com/weaviate/weaviate/entities/schema"
	schemaconfig "github.com/weaviate/weaviate/entities/schema/config"
	"github.com/weaviate/weaviate/entities/vectorindex/common"
	"github.com/weaviate/weaviate/usecases/modules"

	"github.com/latentask/latentask/internal/fit"
)

// vectorizerNone is how Weaviate names the vectorizer of a collection whose
// vectors come with its objects.
const vectorizerNone = "none"

// collection is what the schema says of a collection, and which index of the
// database stands for it: a collection that was deleted and made anew has
// another index under the same name.
type collection struct {
	class *models.Class
	index weak.Pointer[db.Index]
}

// lookup finds a collection by name; its class is nil where there is none.
type lookup func(class string) collection

func lookupIn(repo *db.DB) lookup {
	return func(class string) collection {
		getter := repo.GetSchemaGetter()
		if getter == nil {
			return collection{}
		}
		c := collection{class: getter.ReadOnlyClass(class)}
		if index := repo.GetIndex(schema.ClassName(class)); index != nil {
			c.index = weak.Make(index)
		}
		return c
	}
}

// target is one vector of a collection, and how it is made.
type target struct {
	class *models.Class
	// name is the vector's, "" for a collection's only unnamed one.
	name string
	// vectorizer is the module's name, vectorizerNone for vectors that come
	// with the objects.
	vectorizer string
	// distance is how its index compares, "" for Weaviate's default.
	distance string
	settings *classSettings
}

// newTarget finds the vector that a search of a collection is for, and refuses
// one that a query vector of the bundle's can't be compared with at all.
func newTarget(class *models.Class, names []string, tenant string) (*target, error) {
	if len(names) != 1 {
		return nil, invalid("targetVectors", fmt.Sprintf("names %d vectors, latentAsk searches one", len(names)))
	}
	t := &target{class: class, name: names[0]}
	config, ok := modelsext.ClassGetVectorConfig(class, t.name)
	if !ok {
		return nil, invalid("targetVectors", fmt.Sprintf("collection %q has no vector %q; it has %s",
			class.Class, t.name, quoted(vectorNames(class))))
	}
	t.vectorizer = vectorizerOf(config)
	t.settings = newClassSettings(modules.NewClassBasedModuleConfig(class, t.vectorizer, tenant, t.name, nil))
	if index, ok := config.VectorIndexConfig.(schemaconfig.VectorIndexConfig); ok {
		if index.IsMultiVector() {
			return nil, multiVectorError(class.Class, t.name)
		}
		switch t.distance = index.DistanceName(); t.distance {
		case common.DistanceCosine, common.DistanceDot, common.DistanceL2Squared, "":
		default:
			return nil, invalid("targetVectors", fmt.Sprintf("vector %q of collection %q is compared by %s, which latentAsk can't search; it needs cosine, dot or l2-squared",
				t.name, class.Class, t.distance))
		}
	}
	return t, nil
}

func vectorizerOf(config models.VectorConfig) string {
	switch v := config.Vectorizer.(type) {
	case string:
		if v != "" {
			return v
		}
	case map[string]any:
		for name := range v {
			return name
		}
	}
	return vectorizerNone
}

func vectorNames(class *models.Class) []string {
	names := make([]string, 0, len(class.VectorConfig))
	for name := range class.VectorConfig {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// textProperties are the names of a collection's text and text[] properties, in
// schema order.
func textProperties(class *models.Class) []string {
	var names []string
	for _, p := range class.Properties {
		if isText(p) {
			names = append(names, p.Name)
		}
	}
	return names
}

func isText(p *models.Property) bool {
	if len(p.DataType) != 1 {
		return false
	}
	switch schema.DataType(p.DataType[0]) {
	case schema.DataTypeText, schema.DataTypeTextArray, schema.DataTypeString, schema.DataTypeStringArray:
		return true
	default:
		return false
	}
}

// readProperties are the properties that make a passage, in the order in which
// they are read: the wanted ones, or all text properties that the target's
// vectorizer does not skip, headings first.
func (t *target) readProperties(wanted []string) ([]string, error) {
	all := textProperties(t.class)
	if len(wanted) == 0 {
		vectorised := slices.DeleteFunc(slices.Clone(all), func(name string) bool {
			return !t.settings.PropertyIndexed(name)
		})
		if len(vectorised) == 0 {
			return nil, invalid("properties", fmt.Sprintf("collection %q has no vectorised text property to read; name one", t.class.Class))
		}
		return fit.ReadingOrder(vectorised), nil
	}
	for _, name := range wanted {
		if slices.Contains(all, name) {
			continue
		}
		for _, p := range t.class.Properties {
			if p.Name == name {
				return nil, invalid("properties", fmt.Sprintf("property %q of collection %q is %s, must be text or text[]",
					name, t.class.Class, strings.Join(p.DataType, ", ")))
			}
		}
		return nil, invalid("properties", fmt.Sprintf("collection %q has no property %q; its text properties are %s",
			t.class.Class, name, quoted(all)))
	}
	return wanted, nil
}

// quoted lists names for an error.
func quoted(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(parts, ", ")
}
