package adoption

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	enterrors "github.com/weaviate/weaviate/entities/errors"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/usecases/auth/authorization"
)

const (
	// maxSample is how many texts the speed is measured on at most: a job's batch.
	maxSample = batchSize
	// speedTime is how long it is measured at most, but for the texts that are
	// under way then; speedBatch how many of them are embedded at once.
	speedTime  = 5 * time.Second
	speedBatch = 16
)

// SpeedRequest asks how fast the node embeds texts of a collection.
type SpeedRequest struct {
	Collection string `json:"collection"`
	// Vector is the one that they are for, which the schema need not have yet.
	Vector string `json:"vector"`
	// Texts are embedded and thrown away, 64 at most, and fewer where a node takes
	// long for them.
	Texts []string `json:"texts"`
}

// Speed is how fast a node embeds, beside what else it does at the time. A job
// stores and indexes beside embedding, and yields to traffic: it is as fast at
// most.
type Speed struct {
	// Texts is how many were embedded, Seconds how long that took.
	Texts int `json:"texts"`
	// Cut is how many of all are longer than is read of them.
	Cut       int     `json:"cut"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"perSecond"`
	// JobSeconds is how long a job waits beside embedding, for writers to end: at
	// its beginning and before its last pass.
	JobSeconds float64 `json:"jobSeconds"`
}

// mayEmbed is what a nearText query of a collection would need: it costs the
// node as much.
func mayEmbed(ctx context.Context, r rights, p *models.Principal, collection string) error {
	if err := mayRead(ctx, r, p, collection); err != nil {
		return err
	}
	return r.Authorize(ctx, p, authorization.READ, authorization.CollectionsData(collection)...)
}

// Speed embeds some texts as a job would and measures it. Nothing is stored.
//
// Errors: ErrNotFound, ErrInvalid, ErrUnavailable where the model can't be used
// now, and those of Weaviate's Authorizer.
func (s *Service) Speed(ctx context.Context, p *models.Principal, r SpeedRequest) (*Speed, error) {
	if r.Collection == "" || len(r.Texts) == 0 || len(r.Texts) > maxSample {
		return nil, problemf(ErrInvalid, "collection must be named, and texts must be 1 to %d", maxSample)
	}
	collection, err := s.host.Resolve(p, r.Collection)
	if err != nil {
		return nil, problemf(ErrInvalid, "%v", err)
	}
	if err := mayEmbed(ctx, s.host.Rights, p, collection); err != nil {
		return nil, err
	}
	class := s.host.Schema.Class(collection)
	if class == nil {
		return nil, problemf(ErrNotFound, "there is no collection %q", r.Collection)
	}
	embedded, took, err := s.embed(ctx, r.Texts)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, problemf(ErrUnavailable, "%v", err)
	}
	speed := &Speed{Texts: embedded, Seconds: took.Seconds(), JobSeconds: 2 * s.settle.of(class, r.Vector).Seconds()}
	if took > 0 {
		speed.PerSecond = float64(embedded) / took.Seconds()
	}
	for _, text := range r.Texts {
		if s.model.Cut(text) {
			speed.Cut++
		}
	}
	return speed, nil
}

// embed embeds texts with an encoder as jobs have it, as many calls at a time as
// keep that busy, and returns how many it came to in how long.
func (s *Service) embed(ctx context.Context, texts []string) (n int, took time.Duration, err error) {
	encoder, err := s.model.Background()
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, encoder.Close()) }()
	batches := slices.Collect(slices.Chunk(texts, speedBatch))
	var next, embedded atomic.Int64
	group, ctx := enterrors.NewErrorGroupWithContextWrapper(s.logger, ctx)
	began := time.Now()
	for range encoder.Batches() {
		group.Go(func() error {
			for time.Since(began) < speedTime {
				at := int(next.Add(1)) - 1
				if at >= len(batches) {
					return nil
				}
				vectors, err := encoder.Embed(ctx, batches[at])
				if err == nil && len(vectors) != len(batches[at]) {
					err = fmt.Errorf("%d vectors of %d texts", len(vectors), len(batches[at]))
				}
				if err != nil {
					return err
				}
				embedded.Add(int64(len(vectors)))
			}
			return nil
		})
	}
	err = group.Wait()
	return int(embedded.Load()), time.Since(began), err
}
