package adopt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"

	"github.com/latentask/latentask/internal/client"
)

// DropSwitch is the variable that lets Weaviate drop a vector.
const DropSwitch = "ENABLE_EXPERIMENTAL_ALTER_SCHEMA_DROP_VECTOR_INDEX_ENDPOINT"

// ErrDropDisabled: the node does not drop vectors.
var ErrDropDisabled = errors.New("the node has dropping a vector switched off")

// Undo takes back what the options' way made: the vector, or the collection.
// ErrNotOurs in a *Refusal says that this tool did not make it.
func (r *Runner) Undo(ctx context.Context, o Options) (string, error) {
	if err := o.check(); err != nil {
		return "", err
	}
	class, err := r.Client.Collection(ctx, o.Collection)
	if errors.Is(err, client.ErrNoCollection) && o.Way() != InPlace {
		// The collection may be gone by now, what was made of it is not.
		class, err = &models.Class{Class: o.Collection}, nil
	}
	if err != nil {
		return "", permitted(err, "read the schema of "+o.Collection, "read_collections on "+o.Collection)
	}
	if o.Way() == InPlace {
		return r.undoVector(ctx, class, o.VectorName())
	}
	return r.undoCollection(ctx, class.Class, o.target(class.Class), o.Way())
}

func (r *Runner) undoCollection(ctx context.Context, of, target string, way Way) (string, error) {
	class, err := r.exists(ctx, target)
	if err != nil {
		return "", err
	}
	if class == nil {
		return fmt.Sprintf("there is no collection %s", target), nil
	}
	if !made(class, of, way) {
		return "", refuse(ErrNotOurs, "delete it yourself if that is meant", "collection %s does not say that it is the %s of %s", target, way, of)
	}
	mark, _ := ReadMark(class.Description)
	if mark.Woken != "" {
		if err := r.activity(ctx, of, mark.Woken, mark.WokenFrom); err != nil {
			return "", err
		}
	}
	err = r.Client.DeleteCollection(ctx, target)
	if err != nil {
		return "", permitted(err, "delete the collection "+target, "delete_collections on "+target)
	}
	return fmt.Sprintf("collection %s is deleted; %s is as it was", target, of), nil
}

// undoVector ends the job and drops the vector, and waits until its name is
// free.
func (r *Runner) undoVector(ctx context.Context, class *models.Class, vector string) (string, error) {
	config, ok := class.VectorConfig[vector]
	if !ok {
		return fmt.Sprintf("collection %s has no vector %q", class.Class, vector), nil
	}
	if !modelsext.IsVectorIndexDropped(config) {
		if module, _ := vectorizerOf(config); module != client.Vectorizer {
			return "", refuse(ErrNotOurs, "", "vector %q of collection %s is of %s", vector, class.Class, module)
		}
		if len(named(class)) == 1 && !modelsext.ClassHasLegacyVectorIndex(class) {
			return "", refuse(ErrNotOurs, "", "vector %q is the only one of collection %s", vector, class.Class)
		}
		if err := r.Client.StopAdoption(ctx, class.Class, vector); err != nil {
			return "", permitted(err, "stop the job", "update_data on "+class.Class)
		}
		err := r.Client.DropVector(ctx, class.Class, vector)
		if err != nil && strings.Contains(err.Error(), DropSwitch) {
			return "", fmt.Errorf("%w: restart it with %s=true and run this again", ErrDropDisabled, DropSwitch)
		}
		if err != nil {
			return "", permitted(err, "drop a vector of "+class.Class, "update_collections and update_data on "+class.Class)
		}
	}
	if t := class.MultiTenancyConfig; t != nil && t.Enabled {
		tenants, err := r.Client.Tenants(ctx, class.Class)
		if err != nil {
			return "", permitted(err, "read the tenants of "+class.Class, "read_tenants on "+class.Class)
		}
		if inactive := len(slices.DeleteFunc(tenants, active)); inactive > 0 {
			// Weaviate waits for them, however long that is.
			return fmt.Sprintf("vector %q can't be searched any more; the node takes it out of the objects of each tenant of %s while that is active, and %s tenants are not: its name is free when all have been",
				vector, class.Class, grouped(inactive)), nil
		}
	}
	r.say("the node takes the vector out of every object")
	return r.dropped(ctx, class.Class, vector)
}

// dropped waits until a vector has left the schema.
func (r *Runner) dropped(ctx context.Context, collection, vector string) (string, error) {
	tick := time.NewTicker(r.poll())
	defer tick.Stop()
	for {
		class, err := r.Client.Collection(ctx, collection)
		if err != nil && ctx.Err() == nil {
			return "", err
		}
		if err == nil {
			if _, ok := class.VectorConfig[vector]; !ok {
				return fmt.Sprintf("vector %q is gone; %s is as it was", vector, collection), nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Sprintf("vector %q can't be searched any more; the node goes on taking it out of the objects of %s", vector, collection), nil
		case <-tick.C:
		}
	}
}
