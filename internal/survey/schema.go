package survey

import (
	"slices"
	"sort"
	"strings"

	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/fit"
)

// none is how Weaviate names the vectorizer of vectors that come with their
// objects, and here also what is not quantised.
const none = "none"

// vectorsOf are a collection's vectors as configured: the unnamed one, then the
// named ones in order. One whose index was dropped is none.
func vectorsOf(class *models.Class) []Vector {
	var list []Vector
	if modelsext.ClassHasLegacyVectorIndex(class) {
		v := Vector{Vectorizer: class.Vectorizer}
		modules, _ := class.ModuleConfig.(map[string]any)
		v.configure(member(modules, class.Vectorizer), class.VectorIndexType, class.VectorIndexConfig)
		list = append(list, v)
	}
	for _, name := range sortedNames(class.VectorConfig) {
		config := class.VectorConfig[name]
		if modelsext.IsVectorIndexDropped(config) {
			continue
		}
		v := Vector{Name: name}
		var settings map[string]any
		modules, _ := config.Vectorizer.(map[string]any)
		for module := range modules {
			v.Vectorizer, settings = module, member(modules, module)
		}
		v.configure(settings, config.VectorIndexType, config.VectorIndexConfig)
		list = append(list, v)
	}
	return list
}

func sortedNames(m map[string]models.VectorConfig) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// configure reads a vectorizer's settings and an index' configuration.
func (v *Vector) configure(settings map[string]any, index string, config any) {
	if v.Vectorizer == "" {
		v.Vectorizer = none
	}
	v.Model = firstText(settings, "model", "passageModel", "modelId", "modelName", "deploymentId", "resourceName")
	v.Endpoint = firstText(settings, "baseURL", "baseUrl", "inferenceUrl", "passageInferenceUrl", "endpointURL", "endpoint", "apiEndpoint")
	v.Index = index
	c, _ := config.(map[string]any)
	v.Distance, _ = c["distance"].(string)
	if v.Distance == "" {
		v.Distance = "cosine"
	}
	v.Quantization = quantization(c)
	if v.Index == "dynamic" {
		flat, hnsw := quantization(member(c, "flat")), quantization(member(c, "hnsw"))
		if v.Quantization = flat; flat != hnsw {
			v.Quantization = "flat: " + flat + ", hnsw: " + hnsw
		}
	}
	v.Multi, _ = member(c, "multivector")["enabled"].(bool)
}

// quantization is the one that an index' configuration switches on.
func quantization(config map[string]any) string {
	for _, name := range []string{"pq", "bq", "sq"} {
		if on, _ := member(config, name)["enabled"].(bool); on {
			return name
		}
	}
	rq := member(config, "rq")
	if on, _ := rq["enabled"].(bool); !on {
		return none
	}
	switch bits, _ := rq["bits"].(float64); bits {
	case 1:
		return "rq-1"
	case 4:
		return "rq-4"
	default:
		return "rq-8"
	}
}

func member(m map[string]any, name string) map[string]any {
	inner, _ := m[name].(map[string]any)
	return inner
}

// firstText is the first of some members that is a text and not empty.
func firstText(m map[string]any, names ...string) string {
	for _, name := range names {
		if s, _ := m[name].(string); s != "" {
			return s
		}
	}
	return ""
}

// configured makes an object's text as a vector's vectorizer is set to, nil for
// vectors that users bring.
func configured(class *models.Class, v Vector) func(map[string]any) string {
	if v.Vectorizer == none {
		return nil
	}
	text := fit.WeaviateText{Collection: class.Class, Name: true}
	settings := member(modulesOf(class.ModuleConfig), v.Vectorizer)
	if v.Name != "" {
		modules, _ := class.VectorConfig[v.Name].Vectorizer.(map[string]any)
		settings = member(modules, v.Vectorizer)
	}
	if named, ok := settings["vectorizeClassName"].(bool); ok {
		text.Name = named
	}
	only, _ := settings["properties"].([]any)
	for _, p := range class.Properties {
		if !slices.Contains(client.TextProperties(class), p.Name) {
			continue
		}
		own := member(modulesOf(p.ModuleConfig), v.Vectorizer)
		if skip, _ := own["skip"].(bool); len(only) == 0 && skip || len(only) > 0 && !slices.Contains(only, any(p.Name)) {
			continue
		}
		text.Properties = append(text.Properties, p.Name)
		if named, _ := own["vectorizePropertyName"].(bool); named {
			text.Named = append(text.Named, p.Name)
		}
	}
	return text.Of
}

func modulesOf(config any) map[string]any {
	modules, _ := config.(map[string]any)
	return modules
}

// collectionOf is what the schema says of a collection.
func collectionOf(class *models.Class) Collection {
	c := Collection{Name: class.Class, Replicas: 1}
	if r := class.ReplicationConfig; r != nil && r.Factor > 1 {
		c.Replicas = int(r.Factor)
	}
	sharding, _ := class.ShardingConfig.(map[string]any)
	if n, ok := sharding["actualCount"].(float64); ok {
		c.Shards = int(n)
	}
	return c
}

// count sorts tenants by their activity.
func count(tenants []models.Tenant) *Tenants {
	t := &Tenants{}
	for _, tenant := range tenants {
		switch {
		case active(tenant):
			t.Active++
		case strings.Contains(tenant.ActivityStatus, "OFFLOAD") || strings.Contains(tenant.ActivityStatus, "ONLOAD") ||
			strings.Contains(tenant.ActivityStatus, "FROZEN") || strings.Contains(tenant.ActivityStatus, "FREEZING"):
			t.Offloaded++
		default:
			t.Inactive++
		}
	}
	return t
}

func active(t models.Tenant) bool {
	switch t.ActivityStatus {
	case "", models.TenantActivityStatusACTIVE, models.TenantActivityStatusHOT:
		return true
	default:
		return false
	}
}
