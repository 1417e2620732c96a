package adopt

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/go-openapi/strfmt"
	"github.com/weaviate/weaviate/entities/models"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

const (
	defaultPage = 64
	// writeWorkers is how many batches are under way at once: while one is
	// embedded, another is stored.
	writeWorkers = 2
	// writeBytes bounds the text of a batch, in bytes, for the sake of the
	// node's memory.
	writeBytes = 4 << 20
)

func (r *Runner) page() int {
	if r.Page > 0 {
		return r.Page
	}
	return defaultPage
}

// ErrRefused is what every RefusedError is.
var ErrRefused = errors.New("objects were refused")

// RefusedError tells which objects a node did not take.
type RefusedError struct {
	Objects int
	// Messages are what the node said against the first ones.
	Messages []string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the node refused %d objects: %s", e.Objects, strings.Join(e.Messages, "; "))
}

// Is makes errors.Is(err, ErrRefused) hold.
func (e *RefusedError) Is(target error) bool { return target == ErrRefused }

// writer stores objects in batches, as fast as a rate allows. It is used by one
// goroutine and must be closed.
type writer struct {
	runner *Runner
	group  *errgroup.Group
	ctx    context.Context
	limit  *rate.Limiter
	page   int
	// done is told how many more objects are stored. It may be nil.
	done   func(n int)
	target string
	batch  []*models.Object
	bytes  int
	links  []*models.BatchReference

	mu      sync.Mutex
	written int
	refused map[string]string // messages by id
	// dangling references are to objects that are not there; Weaviate takes
	// those only where there are no tenants.
	dangling int
}

// newWriter makes one that writes into the plan's target, at its rate.
func (r *Runner) newWriter(ctx context.Context, p *Plan) *writer {
	w := &writer{runner: r, page: r.page(), target: p.Target, refused: map[string]string{}}
	w.group, w.ctx = errgroup.WithContext(ctx)
	w.group.SetLimit(writeWorkers)
	w.limit = rate.NewLimiter(rate.Inf, w.page)
	if p.Rate > 0 {
		w.limit = rate.NewLimiter(rate.Limit(p.Rate), w.page)
	}
	return w
}

// put stores an object, now or with those that follow.
func (w *writer) put(o *models.Object) error {
	size := sizeOf(o)
	if len(w.batch) > 0 && w.bytes+size > writeBytes {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.batch, w.bytes = append(w.batch, o), w.bytes+size
	if len(w.batch) < w.page {
		return nil
	}
	return w.flush()
}

// sizeOf is about how many bytes an object's texts are.
func sizeOf(o *models.Object) int {
	n := 4 * len(o.Vector)
	values, _ := o.Properties.(map[string]any)
	for _, v := range values {
		if s, ok := v.(string); ok {
			n += len(s)
		}
	}
	return n
}

func (w *writer) flush() error {
	if len(w.batch) == 0 {
		return nil
	}
	if err := w.limit.WaitN(w.ctx, len(w.batch)); err != nil {
		return err
	}
	batch := w.batch
	w.batch, w.bytes = nil, 0
	w.group.Go(func() error {
		for len(batch) > 0 {
			n, err := w.store(batch)
			if err != nil {
				return err
			}
			batch = batch[n:]
		}
		return nil
	})
	return nil
}

// store stores the first objects of a batch and returns how many: all, or fewer
// where the node does not manage all in the time that it has for a request.
func (w *writer) store(batch []*models.Object) (int, error) {
	var refused map[int]string
	err := w.runner.patiently(w.ctx, func() error {
		var err error
		refused, err = w.runner.Client.Write(w.ctx, batch)
		if err != nil && len(batch) > 1 {
			batch = batch[:len(batch)/2]
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.written += len(batch) - len(refused)
	if w.done != nil {
		w.done(len(batch))
	}
	for i, message := range refused {
		w.refused[string(batch[i].ID)] = message
	}
	return len(batch), nil
}

// refer gives an object that is stored some references, by property.
func (w *writer) refer(id, tenant string, add map[string][]string) error {
	for property, beacons := range add {
		for _, to := range beacons {
			w.links = append(w.links, &models.BatchReference{
				From: strfmt.URI(beacon + w.target + "/" + id + "/" + property), To: strfmt.URI(to), Tenant: tenant,
			})
		}
	}
	if len(w.links) < w.page {
		return nil
	}
	w.flushLinks()
	return nil
}

func (w *writer) flushLinks() {
	if len(w.links) == 0 {
		return
	}
	links := w.links
	w.links = nil
	w.group.Go(func() error {
		var refused map[int]string
		err := w.runner.patiently(w.ctx, func() (err error) {
			refused, err = w.runner.Client.Refer(w.ctx, links)
			return err
		})
		if err != nil {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.written += len(links) - len(refused)
		w.dangling += len(refused)
		return nil
	})
}

// close stores what is left, waits for all, and returns how many objects were
// stored and how many refused.
func (w *writer) close() (written int, refused *RefusedError, err error) {
	flushErr := w.flush()
	w.flushLinks()
	if err := w.group.Wait(); err != nil {
		return w.written, nil, err
	}
	if flushErr != nil {
		return w.written, nil, flushErr
	}
	if len(w.refused) == 0 {
		return w.written, nil, nil
	}
	refused = &RefusedError{Objects: len(w.refused)}
	for id, message := range w.refused {
		if len(refused.Messages) == 3 {
			break
		}
		refused.Messages = append(refused.Messages, id+": "+message)
	}
	return w.written, refused, nil
}

// end closes the writer of a pass, adds what it stored to the outcome, and words
// the pass's failure.
func (w *writer) end(p *Plan, out *Outcome, err error) error {
	written, refused, closeErr := w.close()
	out.Written += written
	out.Dangling = w.dangling
	switch {
	case closeErr != nil:
		return permitted(closeErr, "write objects of "+p.Target, "create_data and update_data on "+p.Target)
	case err != nil:
		return permitted(err, "read objects of "+p.Collection+" and bring "+p.Target+" up to date",
			"read_data on "+p.Collection+", and read_data and delete_data on "+p.Target)
	case refused != nil:
		return refused
	}
	return nil
}
