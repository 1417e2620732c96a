package adopt

import (
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"

	"github.com/latentask/latentask/internal/client"
)

// Kinds of quantisation that are offered; Weaviate has more.
const (
	quantNone = "none"
	quantRQ8  = "rq-8"
	quantRQ1  = "rq-1"
)

// rescore limits are Weaviate's own defaults for them.
var quantizers = map[string]map[string]any{
	quantRQ8: {"enabled": true, "bits": 8, "rescoreLimit": 20},
	quantRQ1: {"enabled": true, "bits": 1, "rescoreLimit": 512},
}

// Index types of Weaviate.
const (
	indexHNSW    = "hnsw"
	indexFlat    = "flat"
	indexDynamic = "dynamic"
)

// vectorConfig is the new vector's part of the schema. The type of index is the
// one that the collection's vectors have, since a collection of many small
// tenants has reasons for a flat one.
func vectorConfig(class *models.Class, text []string, retriever client.Retriever, quantization string) models.VectorConfig {
	// The collection's name is left out, so that an object without text has no
	// vector rather than that of the name.
	settings := map[string]any{"properties": text, "vectorizeClassName": false}
	if retriever.Name != "" {
		settings["model"] = retriever.Name
	}
	index := indexHNSW
	for _, config := range indexes(class) {
		if config.kind == indexFlat || config.kind == indexDynamic {
			index = config.kind
		}
	}
	config := map[string]any{"distance": "cosine"}
	if quantization == quantNone {
		config["skipDefaultQuantization"] = true
	}
	if q, ok := quantizers[quantization]; ok {
		switch index {
		case indexDynamic:
			config["hnsw"] = map[string]any{"distance": "cosine", "rq": q}
			config["flat"] = map[string]any{"distance": "cosine", "rq": q}
		default:
			config["rq"] = q
		}
	}
	return models.VectorConfig{
		Vectorizer:        map[string]any{client.Vectorizer: settings},
		VectorIndexType:   index,
		VectorIndexConfig: config,
	}
}

// An index is one of a collection's vector indexes.
type index struct {
	kind   string
	config map[string]any
}

// indexes are those of a collection's live vectors.
func indexes(class *models.Class) []index {
	var list []index
	if modelsext.ClassHasLegacyVectorIndex(class) {
		config, _ := class.VectorIndexConfig.(map[string]any)
		list = append(list, index{class.VectorIndexType, config})
	}
	for _, name := range named(class) {
		c := class.VectorConfig[name]
		config, _ := c.VectorIndexConfig.(map[string]any)
		list = append(list, index{c.VectorIndexType, config})
	}
	return list
}

// parts are where an index may be quantised: a dynamic one is two in turn.
func (i index) parts() []map[string]any {
	return []map[string]any{i.config, member(i.config, "hnsw"), member(i.config, "flat")}
}

// tracked tells whether the node's default was applied to a part of an index.
func tracked(part map[string]any) bool {
	b, _ := part["trackDefaultQuantization"].(bool)
	return b
}

// defaultQuantization is the node's default for new indexes as far as a
// collection shows it. Weaviate 1.39 applies DEFAULT_QUANTIZATION where a
// collection is made and marks the index; it does not where a vector is added
// to one, and tells nobody what the variable is.
//
// Its other kinds are not carried over. pq and sq are trained on the first
// objects, 100,000 by default, and until then nothing is quantised; bq keeps the
// signs of values that it does not rotate first, as rq does. rq of 4 bits is for
// hnsw alone: 8 take its place.
func defaultQuantization(class *models.Class) string {
	for _, i := range indexes(class) {
		for _, config := range i.parts() {
			if !tracked(config) {
				continue
			}
			rq := member(config, "rq")
			if enabled, _ := rq["enabled"].(bool); enabled {
				if bits, _ := rq["bits"].(float64); bits == 1 {
					return quantRQ1
				}
				return quantRQ8
			}
		}
	}
	return ""
}

// isQuantised tells whether one of a collection's indexes is, in whichever way;
// byDefault counts those that are so by the node's default.
func isQuantised(class *models.Class, byDefault bool) bool {
	for _, i := range indexes(class) {
		for _, part := range i.parts() {
			if tracked(part) && !byDefault {
				continue
			}
			for _, kind := range []string{"pq", "bq", "sq", "rq"} {
				if enabled, _ := member(part, kind)["enabled"].(bool); enabled {
					return true
				}
			}
		}
	}
	return false
}

func member(m map[string]any, name string) map[string]any {
	inner, _ := m[name].(map[string]any)
	return inner
}
