package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// ErrNoAdoption: the node has no such job.
var ErrNoAdoption = errors.New("no such adoption")

// States of an adoption.
const (
	AdoptionRunning  = "running"
	AdoptionFinished = "finished"
	AdoptionFailed   = "failed"
	AdoptionStopped  = "stopped"
)

// States of a shard, beside those above but the last.
const (
	ShardPending = "pending"
	// ShardOffloaded: its tenant lies in cloud storage, where it is left.
	ShardOffloaded = "offloaded"
	// ShardGone: its tenant was deleted meanwhile.
	ShardGone = "gone"
)

// Adoption is a node's job that fills a vector of a collection's objects.
type Adoption struct {
	Collection string `json:"collection"`
	Vector     string `json:"vector"`
	// State is one of the constants above, Error why it failed.
	State string `json:"state"`
	Error string `json:"error,omitempty"`
	// Starter is whose rights the job goes on with after a restart, empty for an
	// anonymous user.
	Starter string `json:"starter"`
	// Rate is the most objects a second; 0: as the node's traffic allows.
	Rate int `json:"rate"`
	// Tenants are those that it is restricted to; empty is all.
	Tenants       []string `json:"tenants"`
	StartedUnixMs int64    `json:"startedUnixMs"`
	UpdatedUnixMs int64    `json:"updatedUnixMs"`
	// Node is the one that was asked, of which alone there are counts; Nodes tells
	// how far the others are.
	Node  string         `json:"node"`
	Nodes []AdoptionNode `json:"nodes"`
	// Total sums up the node's shards, of which Offloaded were left as their
	// tenants are offloaded.
	Total     AdoptionCounts `json:"total"`
	Offloaded int            `json:"offloaded"`
	// Shards are those of all nodes, but for LeftOut.
	Shards  []AdoptionShard `json:"shards"`
	LeftOut int             `json:"leftOut"`
	// Objects is how many the node has to look at, Done how many it has looked at.
	// Uncounted are shards of it of which Objects has a guess.
	Objects   int `json:"objects"`
	Done      int `json:"done"`
	Uncounted int `json:"uncounted"`
	// Waiting: the node waits for writers to end.
	Waiting     bool    `json:"waiting"`
	PerSecond   float64 `json:"perSecond"`
	SecondsLeft float64 `json:"secondsLeft"`
}

// AdoptionShard is a job's count of one shard's objects.
type AdoptionShard struct {
	Name string `json:"name"`
	// Tenant is empty in a collection without tenants.
	Tenant string `json:"tenant"`
	Node   string `json:"node"`
	State  string `json:"state"`
	AdoptionCounts
}

// AdoptionCounts are of objects.
type AdoptionCounts struct {
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

// AdoptionNode is how far one node is.
type AdoptionNode struct {
	Name  string `json:"name"`
	State string `json:"state"`
	// Progress is 0 to 1.
	Progress float64 `json:"progress"`
}

// Elsewhere are the other nodes that have a part in the job.
func (a *Adoption) Elsewhere() []AdoptionNode {
	return slices.DeleteFunc(slices.Clone(a.Nodes), func(n AdoptionNode) bool { return n.Name == a.Node })
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

// SpeedSample is how many texts a node measures its speed on at most.
const SpeedSample = 64

// SpeedRequest asks how fast a node embeds texts.
type SpeedRequest struct {
	// Collection is the one whose reader asks.
	Collection string `json:"collection"`
	// Vector is the one that they are for.
	Vector string   `json:"vector"`
	Texts  []string `json:"texts"`
}

// Speed is how fast a node embedded some texts.
type Speed struct {
	// Texts is how many it came to, which are fewer than it was given where it
	// takes long, and Seconds how long that took.
	Texts int `json:"texts"`
	// Cut is how many of all are longer than the retriever reads.
	Cut       int     `json:"cut"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"perSecond"`
	// JobSeconds is how long a job waits for writers, beside embedding.
	JobSeconds float64 `json:"jobSeconds"`
}

// Speed has the node embed at most SpeedSample texts and measure it. What the
// node refuses is a *StatusError; one that can't measure answers with 404.
func (c *Client) Speed(ctx context.Context, request SpeedRequest) (*Speed, error) {
	var speed Speed
	if err := c.rest(ctx, http.MethodPost, adoptionsPath+"/speed", request, &speed); err != nil {
		return nil, err
	}
	return &speed, nil
}
