package client

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/go-openapi/strfmt"
	"github.com/google/uuid"
	"github.com/weaviate/weaviate/entities/models"
	"golang.org/x/sync/errgroup"
)

// Import says where objects go, and how.
type Import struct {
	Collection, Tenant string
	// IDField is a field that identifies an object. The object's id is made of
	// its value, so that a second import of the same object replaces it, and it
	// becomes no property unless KeepID says so. Empty: ids are random.
	IDField string
	KeepID  bool
	// Batch is how many objects go in a request, 64 where 0; Workers is how
	// many requests are under way at once, 2 where 0: while one is embedded,
	// another is stored.
	Batch, Workers int
	// Vector gives an object's vector where it is known; nil leaves it to the
	// node. It may be nil.
	Vector func(object map[string]any) ([]float32, error)
	// Stored is given the objects of a request as the node stored them, with
	// the vectors that it made. It may be nil, and is called from one goroutine
	// at a time; its error ends the import.
	Stored func(objects []*models.Object) error
	// Progress is told how many more objects were stored. It may be nil, and is
	// called from one goroutine at a time.
	Progress func(stored int)
}

// maxMessages bounds the messages that an ImportError keeps.
const maxMessages = 3

// Load imports objects, each a map of properties, and returns how many were
// stored. An error of the sequence or of a request ends the import; objects
// that the node refuses do not, and are told of in an *ImportError at the end.
func (c *Client) Load(ctx context.Context, objects iter.Seq2[map[string]any, error], to Import) (int, error) {
	if to.Batch <= 0 {
		to.Batch = 64
	}
	if to.Workers <= 0 {
		to.Workers = 2
	}
	l := &load{client: c, to: to}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(to.Workers)
	batch := make([]*models.Object, 0, to.Batch)
	send := func() {
		full := batch
		batch = make([]*models.Object, 0, to.Batch)
		group.Go(func() error { return l.send(groupCtx, full) })
	}
	var readErr error
	for properties, err := range objects {
		if err == nil {
			err = groupCtx.Err()
		}
		if err != nil {
			readErr = err
			break
		}
		o, err := to.object(properties)
		if err != nil {
			readErr = err
			break
		}
		if batch = append(batch, o); len(batch) == to.Batch {
			send()
		}
	}
	if readErr == nil && len(batch) > 0 {
		send()
	}
	// A failed request cancels groupCtx, so its error comes first.
	if err := group.Wait(); err != nil {
		return l.stored, err
	}
	if readErr != nil {
		return l.stored, readErr
	}
	if l.refused.Failed > 0 {
		return l.stored, &l.refused
	}
	return l.stored, nil
}

// object makes an object of its properties.
func (to *Import) object(properties map[string]any) (*models.Object, error) {
	o := &models.Object{Class: to.Collection, Tenant: to.Tenant}
	if to.Vector != nil {
		vector, err := to.Vector(properties)
		if err != nil {
			return nil, err
		}
		o.Vector = vector
	}
	if to.IDField == "" {
		o.ID = strfmt.UUID(uuid.NewString())
		o.Properties = properties
		return o, nil
	}
	id, ok := properties[to.IDField]
	if !ok || id == nil || id == "" {
		return nil, fmt.Errorf("an object has no field %q to make its id of", to.IDField)
	}
	rest := make(map[string]any, len(properties))
	for name, value := range properties {
		if name != to.IDField || to.KeepID {
			rest[name] = value
		}
	}
	o.ID = strfmt.UUID(ObjectID(to.Collection, fmt.Sprint(id)))
	o.Properties = rest
	return o, nil
}

// ObjectID is the id of the object that a field's value identifies in a
// collection.
func ObjectID(collection, value string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("latentask:"+collection+"/"+value)).String()
}

// load is one import under way.
type load struct {
	client *Client
	to     Import

	mu      sync.Mutex
	stored  int
	refused ImportError
}

func (l *load) send(ctx context.Context, batch []*models.Object) error {
	results, err := l.client.weaviate.Batch().ObjectsBatcher().WithObjects(batch...).Do(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return l.client.unreachable(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	stored := make([]*models.Object, 0, len(results))
	for i := range results {
		r := &results[i]
		if r.Result == nil || r.Result.Errors == nil || len(r.Result.Errors.Error) == 0 {
			stored = append(stored, &r.Object)
			continue
		}
		l.refused.Failed++
		if len(l.refused.Messages) < maxMessages {
			l.refused.Messages = append(l.refused.Messages, fmt.Sprintf("%s: %s", r.ID, r.Result.Errors.Error[0].Message))
		}
	}
	l.stored += len(stored)
	if l.to.Progress != nil {
		l.to.Progress(len(stored))
	}
	if l.to.Stored != nil {
		return l.to.Stored(stored)
	}
	return nil
}
