package adopt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/progress"
)

// Outcome counts what a copy or passages took.
type Outcome struct {
	// Objects is how many there are in the collection, Written how many were
	// stored, Deleted how many taken away again.
	Objects int `json:"objects"`
	Written int `json:"written"`
	Deleted int `json:"deleted"`
	// Dangling references are to objects that are not there, and were left out.
	Dangling int `json:"dangling,omitempty"`
	// Passes is how often the collection was gone through; the last one found
	// nothing to do, unless Unsettled.
	Passes int `json:"passes"`
	// Unsettled: the collection changed in every pass.
	Unsettled bool `json:"unsettled,omitempty"`
}

// maxPasses bounds how often a collection that is being written to is gone
// through.
const maxPasses = 6

// Copy makes the copy be what the collection is, and gives it the new vector.
func (r *Runner) Copy(ctx context.Context, p *Plan) (*Outcome, error) {
	if err := r.createCopy(ctx, p); err != nil {
		return nil, err
	}
	r.say("waiting for the node's bundle")
	if _, err := r.Client.WaitBundle(ctx); err != nil {
		return nil, err
	}
	return r.settle(ctx, p, "objects", r.copyPass)
}

// pass goes through a tenant once, and adds to the outcome what it did.
type pass func(ctx context.Context, p *Plan, tenant string, out *Outcome, step *progress.Step) error

// settle repeats a pass over each tenant until one finds nothing to do: what
// changed behind a pass is found by the next.
func (r *Runner) settle(ctx context.Context, p *Plan, what string, do pass) (*Outcome, error) {
	total := &Outcome{}
	err := r.eachTenant(ctx, p, func(ctx context.Context, tenant string) error {
		for n := 1; ; n++ {
			count, err := r.Client.TenantCount(ctx, p.Collection, tenant)
			if err != nil {
				return err
			}
			label := what
			if tenant != "" {
				label = tenant + ": " + label
			}
			if n > 1 {
				label += fmt.Sprintf(" (pass %d)", n)
			}
			step := progress.Start(r.Progress, label, count)
			var out Outcome
			err = do(ctx, p, tenant, &out, step)
			step.End()
			total.Written += out.Written
			total.Deleted += out.Deleted
			total.Passes = max(total.Passes, n)
			did := out.Written+out.Deleted > 0
			if err != nil && !(errors.Is(err, ErrRefused) && did && n < maxPasses) {
				return err
			}
			if did && n < maxPasses {
				continue
			}
			total.Objects += out.Objects
			total.Dangling += out.Dangling
			total.Unsettled = total.Unsettled || did
			return nil
		}
	})
	return total, err
}

// createCopy makes the target's schema where it lacks, and its vectors: a
// collection can't be made with an unnamed vector and named ones at once.
func (r *Runner) createCopy(ctx context.Context, p *Plan) error {
	class, err := copyOf(p)
	if err != nil {
		return err
	}
	vectors := class.VectorConfig
	if modelsext.ClassHasLegacyVectorIndex(class) {
		class.VectorConfig = nil
		forget(class, client.Vectorizer)
	}
	there, err := r.exists(ctx, p.Target)
	if err != nil {
		return err
	}
	if there == nil {
		r.say("making the collection %s", p.Target)
		if err := r.Client.CreateClass(ctx, class); err != nil {
			return permitted(err, "make the collection "+p.Target, "create_collections on "+p.Target)
		}
		if there, err = r.Client.Collection(ctx, p.Target); err != nil {
			return err
		}
	}
	lacking := false
	for name, config := range vectors {
		if _, ok := there.VectorConfig[name]; ok {
			continue
		}
		if there.VectorConfig == nil {
			there.VectorConfig = map[string]models.VectorConfig{}
		}
		there.VectorConfig[name] = config
		lacking = true
	}
	if !lacking {
		return nil
	}
	return permitted(r.Client.UpdateClass(ctx, there), "change the schema of "+p.Target, "update_collections on "+p.Target)
}

// forget takes a vectorizer's settings out of a collection's properties, unless
// the collection has a vector of it. Weaviate leaves them where a vector was
// dropped, and refuses to make a collection that has them.
func forget(class *models.Class, vectorizer string) {
	if class.Vectorizer == vectorizer {
		return
	}
	for _, property := range class.Properties {
		modules, _ := property.ModuleConfig.(map[string]any)
		if delete(modules, vectorizer); len(modules) == 0 {
			property.ModuleConfig = nil
		}
	}
}

// copyOf is the copy's schema.
func copyOf(p *Plan) (*models.Class, error) {
	data, err := json.Marshal(p.class)
	if err != nil {
		return nil, err
	}
	var class models.Class
	if err := json.Unmarshal(data, &class); err != nil {
		return nil, err
	}
	class.Class = p.Target
	class.Description = Mark{Of: p.Collection, Way: Copied}.On(class.Description)
	if class.MultiTenancyConfig != nil && class.MultiTenancyConfig.Enabled {
		// Weaviate gives back what it does not take.
		class.ShardingConfig = nil
	}
	for _, property := range class.Properties {
		for i, t := range property.DataType {
			if t == p.Collection {
				property.DataType[i] = p.Target
			}
		}
	}
	vectors := maps.Clone(class.VectorConfig)
	if vectors == nil {
		vectors = map[string]models.VectorConfig{}
	}
	maps.DeleteFunc(vectors, func(_ string, c models.VectorConfig) bool { return modelsext.IsVectorIndexDropped(c) })
	vectors[p.Vector] = p.Config
	class.VectorConfig = vectors
	return &class, nil
}

// copyPass walks through both collections side by side in the order of ids.
func (r *Runner) copyPass(ctx context.Context, p *Plan, tenant string, out *Outcome, step *progress.Step) error {
	w := r.newWriter(ctx, p)
	w.done = step.Add
	err := merge(
		r.scan(w.ctx, p.Collection, tenant),
		r.scan(w.ctx, p.Target, tenant),
		func(from, to *models.Object) error {
			if from == nil {
				out.Deleted++
				return r.remove(w.ctx, p.Target, tenant, string(to.ID))
			}
			out.Objects++
			want := carried(from, p.Target, tenant)
			if to == nil || !same(want, to, p.Vector) {
				return w.put(want)
			}
			add, ok := lacking(references(from, p.Collection, p.Target), references(to, "", ""))
			if !ok {
				return w.put(want)
			}
			step.Add(1)
			return w.refer(string(from.ID), tenant, add)
		})
	return w.end(p, out, err)
}
