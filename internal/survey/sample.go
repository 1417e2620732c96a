package survey

import (
	"context"
	"math/rand/v2"

	"github.com/google/uuid"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/fit"
)

const (
	// sampleSize is how many objects are looked at.
	sampleSize = fit.Candidates
	// drawSize is how many neighbours by id are read at once: ids are random
	// where nobody chose them.
	drawSize = 10
	// sampledTenants bounds the tenants that a sample is of.
	sampledTenants = 5
)

// draw reads some random objects of a collection or tenant, fewer than size
// where there are no more.
func draw(ctx context.Context, s Source, collection, tenant string, size int) ([]*models.Object, error) {
	first, err := s.Page(ctx, collection, tenant, "", size)
	if err != nil || len(first) < size {
		return first, err
	}
	var objects []*models.Object
	seen := map[string]bool{}
	add := func(list []*models.Object) {
		for _, o := range list {
			if id := string(o.ID); len(objects) < size && !seen[id] {
				seen[id] = true
				objects = append(objects, o)
			}
		}
	}
	for range size / drawSize {
		page, err := s.Page(ctx, collection, tenant, uuid.NewString(), drawSize)
		if err != nil {
			return nil, err
		}
		add(page)
	}
	// Where ids were chosen they may be all on one side of the random ones.
	add(first)
	return objects, nil
}

// choose picks active tenants to look at: the wanted one, or some at random.
func choose(tenants []models.Tenant, wanted string) []string {
	if wanted != "" {
		return []string{wanted}
	}
	var names []string
	for _, t := range tenants {
		if active(t) {
			names = append(names, t.Name)
		}
	}
	rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names[:min(sampledTenants, len(names))]
}

// sampled is an object of the sample.
type sampled struct {
	id string
	// values are its text, by property.
	values  map[string]any
	vectors map[string][]float32
}

// sampledOf reads text and vectors of objects. The unnamed vector's name is
// empty.
func sampledOf(class *models.Class, objects []*models.Object) []sampled {
	text := client.TextProperties(class)
	list := make([]sampled, len(objects))
	for i, o := range objects {
		s := sampled{id: string(o.ID), values: map[string]any{}, vectors: map[string][]float32{}}
		properties, _ := o.Properties.(map[string]any)
		for _, name := range text {
			if v, ok := properties[name]; ok {
				s.values[name] = v
			}
		}
		for name, v := range o.Vectors {
			if vector, ok := v.([]float32); ok {
				s.vectors[name] = vector
			}
		}
		if len(o.Vector) > 0 && modelsext.ClassHasLegacyVectorIndex(class) {
			s.vectors[""] = o.Vector
		}
		list[i] = s
	}
	return list
}
