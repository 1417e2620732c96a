package adopt

import (
	"context"
	"iter"

	"github.com/weaviate/weaviate/entities/models"
)

// pageOf reads a page of objects, through a restart of the node.
func (r *Runner) pageOf(ctx context.Context, collection, tenant, after string, limit int) (page []*models.Object, err error) {
	err = r.patiently(ctx, func() (err error) {
		page, err = r.Client.Page(ctx, collection, tenant, after, limit)
		return err
	})
	return page, err
}

// scan is all objects of a collection or tenant with their vectors in the order
// of their ids. An object that is written meanwhile may be there or not.
func (r *Runner) scan(ctx context.Context, collection, tenant string) iter.Seq2[*models.Object, error] {
	return func(yield func(*models.Object, error) bool) {
		limit := r.page()
		for after := ""; ; {
			objects, err := r.pageOf(ctx, collection, tenant, after, limit)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, o := range objects {
				if !yield(o, nil) {
					return
				}
			}
			if len(objects) < limit {
				return
			}
			after = string(objects[len(objects)-1].ID)
		}
	}
}

// remove deletes an object, through a restart of the node.
func (r *Runner) remove(ctx context.Context, collection, tenant, id string) error {
	return r.patiently(ctx, func() error { return r.Client.Delete(ctx, collection, tenant, id) })
}

// merge walks through two sequences in the order of ids: an object with the one
// of the same id, or with nil.
func merge(a, b iter.Seq2[*models.Object, error], visit func(a, b *models.Object) error) error {
	nextA, stopA := iter.Pull2(a)
	defer stopA()
	nextB, stopB := iter.Pull2(b)
	defer stopB()
	x, err := pull(nextA)
	if err != nil {
		return err
	}
	y, err := pull(nextB)
	if err != nil {
		return err
	}
	for x != nil || y != nil {
		var left, right *models.Object
		if x != nil && (y == nil || x.ID <= y.ID) {
			left = x
		}
		if y != nil && (x == nil || y.ID <= x.ID) {
			right = y
		}
		if err := visit(left, right); err != nil {
			return err
		}
		if left != nil {
			if x, err = pull(nextA); err != nil {
				return err
			}
		}
		if right != nil {
			if y, err = pull(nextB); err != nil {
				return err
			}
		}
	}
	return nil
}

func pull(next func() (*models.Object, error, bool)) (*models.Object, error) {
	o, err, ok := next()
	if !ok {
		return nil, nil
	}
	return o, err
}
