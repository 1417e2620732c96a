package adoption

import (
	"context"
	"fmt"
	"time"

	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/usecases/auth/authorization"
)

// maxSample is how many texts the speed is measured on at most: a job's batch.
const maxSample = batchSize

// SpeedRequest asks how fast the node embeds texts of a collection.
type SpeedRequest struct {
	Collection string `json:"collection"`
	// Texts are embedded and thrown away, at most 64.
	Texts []string `json:"texts"`
}

// Speed is how fast a node embeds, beside what else it does at the time. A job
// stores and indexes beside embedding, and yields to traffic: it is as fast at
// most.
type Speed struct {
	Texts int `json:"texts"`
	// Cut is how many are longer than is read of them.
	Cut       int     `json:"cut"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"perSecond"`
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
	if s.host.Schema.Class(collection) == nil {
		return nil, problemf(ErrNotFound, "there is no collection %q", r.Collection)
	}
	began := time.Now()
	vectors, err := s.model.Embed(ctx, r.Texts)
	took := time.Since(began).Seconds()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, problemf(ErrUnavailable, "%v", err)
	case len(vectors) != len(r.Texts):
		return nil, fmt.Errorf("%d vectors of %d texts", len(vectors), len(r.Texts))
	}
	speed := &Speed{Texts: len(r.Texts), Seconds: took}
	if took > 0 {
		speed.PerSecond = float64(len(r.Texts)) / took
	}
	for _, text := range r.Texts {
		if s.model.Cut(text) {
			speed.Cut++
		}
	}
	return speed, nil
}
