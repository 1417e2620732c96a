package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// ErrNoAdoption: the node has no such job.
var ErrNoAdoption = errors.New("no such adoption")

// States of an adoption and of its shards.
const (
	AdoptionRunning  = "running"
	AdoptionFinished = "finished"
	AdoptionFailed   = "failed"
	AdoptionStopped  = "stopped"
)

// Adoption is a node's job that fills a vector of a collection's objects.
type Adoption struct {
	Collection string `json:"collection"`
	Vector     string `json:"vector"`
	// State is one of the constants above, Error why it failed.
	State string `json:"state"`
	Error string `json:"error,omitempty"`
	// Starter is whose rights the job goes on with after a restart.
	Starter string `json:"starter,omitempty"`
	// Rate is the most objects a second; 0: as the node's traffic allows.
	Rate          int             `json:"rate"`
	StartedUnixMs int64           `json:"startedUnixMs"`
	UpdatedUnixMs int64           `json:"updatedUnixMs"`
	Shards        []AdoptionShard `json:"shards"`
	// Objects is how many there were when the job began, Done how many of them
	// it has looked at.
	Objects     int     `json:"objects"`
	Done        int     `json:"done"`
	PerSecond   float64 `json:"perSecond"`
	SecondsLeft float64 `json:"secondsLeft"`
}

// AdoptionShard is a job's count of one shard's objects.
type AdoptionShard struct {
	Name   string `json:"name"`
	Tenant string `json:"tenant,omitempty"`
	Node   string `json:"node,omitempty"`
	State  string `json:"state"`
	// Objects is how many there were.
	Objects int `json:"objects"`
	// Filled got a vector by the job, Present had one.
	Filled  int `json:"filled"`
	Present int `json:"present"`
	// WithoutText have nothing to make a vector of.
	WithoutText int `json:"withoutText"`
	// Cut have a text longer than the retriever reads. They are filled too.
	Cut int `json:"cut"`
	// Skipped changed or vanished meanwhile; who wrote them had the vector made.
	Skipped int `json:"skipped"`
}

// Sum adds the shards' counts up.
func (a *Adoption) Sum() AdoptionShard {
	var sum AdoptionShard
	for _, s := range a.Shards {
		sum.Objects += s.Objects
		sum.Filled += s.Filled
		sum.Present += s.Present
		sum.WithoutText += s.WithoutText
		sum.Cut += s.Cut
		sum.Skipped += s.Skipped
	}
	return sum
}

// AdoptionRequest starts a job.
type AdoptionRequest struct {
	Collection string `json:"collection"`
	// Vector is in the schema already.
	Vector string `json:"vector"`
	Rate   int    `json:"rate"`
	// Tenants restricts the job to some; empty: all.
	Tenants []string `json:"tenants"`
}

const adoptionsPath = "/v1/modules/qna-latent/adoptions"

func adoptionPath(collection, vector string) string {
	return adoptionsPath + "/" + url.PathEscape(collection) + "/" + url.PathEscape(vector)
}

// StartAdoption starts a job, or returns the one that runs. What the node
// refuses is a *StatusError.
func (c *Client) StartAdoption(ctx context.Context, request AdoptionRequest) (*Adoption, error) {
	if request.Tenants == nil {
		request.Tenants = []string{}
	}
	var job Adoption
	if err := c.rest(ctx, http.MethodPost, adoptionsPath, request, &job); err != nil {
		return nil, err
	}
	return &job, nil
}

// Adoption is how far a job is; its error is ErrNoAdoption where there is none.
func (c *Client) Adoption(ctx context.Context, collection, vector string) (*Adoption, error) {
	var job Adoption
	err := c.rest(ctx, http.MethodGet, adoptionPath(collection, vector), nil, &job)
	if Status(err) == http.StatusNotFound {
		return nil, fmt.Errorf("%w: collection %q, vector %q at %s", ErrNoAdoption, collection, vector, c.url)
	}
	if err != nil {
		return nil, err
	}
	return &job, nil
}

// Adopts tells whether the node can adopt collections: a plain Weaviate and a
// latentask before 0.3 can't.
func (c *Client) Adopts(ctx context.Context) (bool, error) {
	err := c.rest(ctx, http.MethodGet, adoptionsPath, nil, nil)
	switch Status(err) {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return false, nil
	}
	return err == nil, err
}

// StopAdoption ends a job; what it filled stays. Where there is none nothing
// happens.
func (c *Client) StopAdoption(ctx context.Context, collection, vector string) error {
	err := c.rest(ctx, http.MethodDelete, adoptionPath(collection, vector), nil, nil)
	if Status(err) == http.StatusNotFound {
		return nil
	}
	return err
}
