package adopt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// ErrDetached: the tool was told to end while the node works. The job goes on.
var ErrDetached = errors.New("the job goes on in the node")

// Runner does what a plan says.
type Runner struct {
	Client *client.Client
	// Progress takes what happens meanwhile.
	Progress io.Writer
	// Poll is the time between two looks at a job, a second where 0; Patience is
	// how long a node that does not answer is waited for, ten minutes where 0: a
	// job survives a restart.
	Poll, Patience time.Duration
	// Page is how many objects are read and written at once, 128 where 0.
	Page int
}

func (r *Runner) say(format string, args ...any) {
	fmt.Fprintf(r.Progress, "==> "+format+"\n", args...)
}

// InPlace adds the vector to the schema where it lacks, starts the node's job
// and watches it to its end. Its error is ErrDetached when ctx ends while the
// job runs.
func (r *Runner) InPlace(ctx context.Context, p *Plan) (*client.Adoption, error) {
	// From the moment that the vector is in the schema, writing an object takes a
	// bundle.
	r.say("waiting for the node's bundle")
	if err := r.patiently(ctx, func() error {
		_, err := r.Client.WaitBundle(ctx)
		return err
	}); err != nil {
		return nil, err
	}
	if err := r.patiently(ctx, func() error { return r.addVector(ctx, p.Collection, p.Vector, p.Config) }); err != nil {
		return nil, err
	}
	request := client.AdoptionRequest{Collection: p.Collection, Vector: p.Vector, Rate: p.Rate}
	if p.restricted {
		for _, t := range p.Tenants {
			request.Tenants = append(request.Tenants, t.Name)
		}
	}
	var job *client.Adoption
	err := r.patiently(ctx, func() (err error) {
		job, err = r.Client.StartAdoption(ctx, request)
		return err
	})
	if err != nil {
		return nil, permitted(err, "fill vectors of "+p.Collection, "update_data on "+p.Collection)
	}
	r.say("the node fills %q of %s; interrupting this tool does not stop it", p.Vector, p.Collection)
	return r.watch(ctx, job)
}

// addVector adds a named vector to a collection's schema as it is now, unless it
// is there.
func (r *Runner) addVector(ctx context.Context, collection, vector string, config models.VectorConfig) error {
	class, err := r.Client.Collection(ctx, collection)
	if err != nil {
		return permitted(err, "read the schema of "+collection, "read_collections on "+collection)
	}
	if _, ok := class.VectorConfig[vector]; ok {
		return nil
	}
	if class.VectorConfig == nil {
		class.VectorConfig = map[string]models.VectorConfig{}
	}
	class.VectorConfig[vector] = config
	r.say("adding the vector %q to the schema of %s", vector, collection)
	return permitted(r.Client.UpdateClass(ctx, class), "change the schema of "+collection, "update_collections on "+collection)
}

// watch shows a job until it ends.
func (r *Runner) watch(ctx context.Context, job *client.Adoption) (*client.Adoption, error) {
	display := newDisplay(r.Progress)
	defer display.end()
	collection, vector := job.Collection, job.Vector
	tick := time.NewTicker(r.poll())
	defer tick.Stop()
	answered := time.Now()
	for {
		display.show(job)
		switch job.State {
		case client.AdoptionFinished:
			return job, nil
		case client.AdoptionStopped:
			return job, fmt.Errorf("the job was stopped after %d of %d objects; the same command goes on with it", job.Done, job.Objects)
		case client.AdoptionFailed:
			return job, fmt.Errorf("the job failed after %d of %d objects: %s; the same command goes on with it", job.Done, job.Objects, job.Error)
		}
		select {
		case <-ctx.Done():
			return job, ErrDetached
		case <-tick.C:
		}
		next, err := r.Client.Adoption(ctx, collection, vector)
		switch {
		case err == nil:
			job, answered = next, time.Now()
		case ctx.Err() != nil:
			return job, ErrDetached
		case passing(err) && time.Since(answered) < r.patience():
			display.say("the node does not answer; waiting for it to come back")
		default:
			return job, permitted(err, "watch the job", "read_collections on "+collection)
		}
	}
}
