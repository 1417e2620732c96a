package module

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"time"
	"weak"

	"github.com/maypok86/otter/v2"
	"github.com/weaviate/weaviate/adapters/repos/db"
)

// verdict is what a check of a target found.
type verdict struct {
	// empty: there was no object to check.
	empty bool
	// layout is the way in which the text was laid out, of a target that
	// passed.
	layout string
	// foreign says why a target was refused.
	foreign string
}

// targetKey is what a verdict is of. A collection that changes its schema, or
// that is deleted and made anew, has another key.
type targetKey struct {
	index                 weak.Pointer[db.Index]
	class, vector, tenant string
	schema                [sha256.Size]byte
}

func verdictKey(c collection, t *target, tenant string) targetKey {
	k := targetKey{index: c.index, class: c.class.Class, vector: t.name, tenant: tenant}
	// A class comes from JSON, so it can be written as JSON.
	if text, err := json.Marshal(c.class); err == nil {
		k.schema = sha256.Sum256(text)
	}
	return k
}

// How long verdicts hold. Neither is for ever, since vectors can be written
// anew without a change of the schema.
const (
	passedHolds  = 10 * time.Minute
	refusedHolds = 30 * time.Second
	maxVerdicts  = 4096
	checkTime    = 30 * time.Second
)

// verdicts remembers checks. Questions that need the same check at the same
// time wait for one.
type verdicts struct {
	cache *otter.Cache[targetKey, verdict]
}

func newVerdicts() *verdicts {
	return &verdicts{otter.Must(&otter.Options[targetKey, verdict]{
		MaximumSize: maxVerdicts,
		ExpiryCalculator: otter.ExpiryCreatingFunc(func(e otter.Entry[targetKey, verdict]) time.Duration {
			if e.Value.foreign != "" {
				return refusedHolds
			}
			return passedHolds
		}),
	})}
}

// errEmpty keeps the verdict of an empty collection out of the cache: its first
// object changes it.
var errEmpty = errors.New("empty")

// get returns a verdict, checking where there is none. The check does not end
// with the request that began it, since others may wait for it.
func (v *verdicts) get(ctx context.Context, key targetKey, check func(context.Context) (verdict, error)) (verdict, error) {
	if found, ok := v.cache.GetIfPresent(key); ok {
		return found, nil
	}
	if err := ctx.Err(); err != nil {
		return verdict{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTime)
	defer cancel()
	found, err := v.cache.Get(ctx, key, otter.LoaderFunc[targetKey, verdict](
		func(ctx context.Context, _ targetKey) (verdict, error) {
			found, err := check(ctx)
			if err == nil && found.empty {
				err = errEmpty
			}
			return found, err
		}))
	if errors.Is(err, errEmpty) {
		return verdict{empty: true}, nil
	}
	return found, err
}
