package adopt

import (
	"context"

	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// beside compares objects of the collection with what was made of them in the
// other one, which does not follow what is written to the first by itself.
func (c *checker) beside(ctx context.Context, o Options, n int) error {
	if c.way == InPlace || n <= 0 {
		return nil
	}
	class, err := c.Client.Collection(ctx, c.original)
	if err != nil {
		return permitted(err, "read the schema of "+c.original, "read_collections on "+c.original)
	}
	p := &Plan{Way: c.way, Collection: c.original, Target: c.class.Class, class: class}
	if p.Properties, _, err = properties(class, o.Properties); err != nil {
		return err
	}
	compare := c.compareCopies
	if c.way == Passages {
		compare = c.comparePassages
	}
	return c.draw(ctx, c.original, n, func(tenant string, objects []*models.Object) error {
		return permitted(compare(ctx, p, tenant, objects), "compare objects of "+p.Collection+" and "+p.Target, "read_data on both")
	})
}

// compareCopies compares texts: what the copies' vectors are made of.
func (c *checker) compareCopies(ctx context.Context, p *Plan, tenant string, objects []*models.Object) error {
	ids := make([]string, len(objects))
	for i, o := range objects {
		ids[i] = string(o.ID)
	}
	text := client.TextProperties(p.class)
	copies, err := c.Client.Select(ctx, p.Target, tenant, "id", ids, text, len(ids))
	if err != nil {
		return err
	}
	for _, o := range objects {
		there, ok := copies[string(o.ID)]
		if !ok {
			c.problem("object %s is not in %s", o.ID, p.Target)
			continue
		}
		values, _ := o.Properties.(map[string]any)
		for _, name := range text {
			if !sameJSON(values[name], there[name]) {
				c.problem("object %s has another %s in %s; run this without --verify to bring that up to date", o.ID, name, p.Target)
				break
			}
		}
	}
	return nil
}

// comparePassages compares the passages that there are with those that the
// texts make now.
func (c *checker) comparePassages(ctx context.Context, p *Plan, tenant string, objects []*models.Object) error {
	have, err := c.existing(ctx, p, tenant, objects)
	if err != nil {
		return err
	}
	for _, o := range objects {
		stale := 0
		for _, passage := range passagesOf(p, o, tenant) {
			if !sameShown(passage, have[string(passage.ID)]) {
				stale++
			}
			delete(have, string(passage.ID))
		}
		if stale > 0 {
			c.problem("object %s: %d of its passages lack or are not those of its text; run this without --verify to bring them up to date", o.ID, stale)
		}
	}
	if len(have) > 0 {
		c.problem("%d passages of the objects compared are of text that they have no more", len(have))
	}
	return nil
}
