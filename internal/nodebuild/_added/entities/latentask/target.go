// Package latentask says which vector of a collection is meant where a query or
// an object names none.
package latentask

import (
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"
)

// vectorizer is the module whose vectors stand beside a collection's own.
const vectorizer = "text2vec-latent"

// DefaultTarget is the vector that is meant in a collection of several named
// ones: the only one that is not of text2vec-latent, so that a collection with
// one named vector goes on as before when it is given a second one of that
// module. Vectors that were dropped do not count. It is false where there is no
// such vector or more than one, and where nothing has to be chosen.
func DefaultTarget(class *models.Class) (string, bool) {
	if class == nil || len(class.VectorConfig) < 2 || modelsext.ClassHasLegacyVectorIndex(class) {
		return "", false
	}
	found, ok := "", false
	for name, config := range class.VectorConfig {
		if modules, is := config.Vectorizer.(map[string]any); is {
			if _, ours := modules[vectorizer]; ours {
				continue
			}
		}
		if modelsext.IsVectorIndexDropped(config) {
			continue
		}
		if ok {
			return "", false
		}
		found, ok = name, true
	}
	return found, ok
}

// OrDefault is the vectors that were named, else the default one, else none.
func OrDefault(class *models.Class, named []string) []string {
	if len(named) > 0 {
		return named
	}
	if name, ok := DefaultTarget(class); ok {
		return []string{name}
	}
	return named
}
