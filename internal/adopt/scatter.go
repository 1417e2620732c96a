package adopt

import (
	"context"
	"math/rand/v2"

	"github.com/google/uuid"
	"github.com/weaviate/weaviate/entities/models"
)

// scattered reads objects behind random ids, and from the beginning where those
// are too few.
func (r *Runner) scattered(ctx context.Context, collection, tenant string, n int) ([]*models.Object, error) {
	const runs = 8
	seen := map[string]bool{}
	var list []*models.Object
	for i := range runs + 1 {
		after := uuid.UUID{}
		if i < runs {
			for k := range after {
				after[k] = byte(rand.Uint32())
			}
		}
		want := (n + runs - 1) / runs
		if i == runs {
			want = n
		}
		objects, err := r.Client.Page(ctx, collection, tenant, after.String(), want)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if !seen[string(o.ID)] && len(list) < n {
				seen[string(o.ID)] = true
				list = append(list, o)
			}
		}
		if len(list) == n {
			break
		}
	}
	return list, nil
}
