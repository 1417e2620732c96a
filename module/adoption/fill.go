package adoption

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
	enterrors "github.com/weaviate/weaviate/entities/errors"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/storobj"
)

// batchSize is how many objects are embedded together: enough for the encoder to
// put texts of a length together, and little enough for a killed node to have
// little to do again.
const batchSize = 64

// storeSize is how many objects are stored before the node's traffic is looked
// at again. No lock is held for more than one of them.
const storeSize = 8

// attempts is how many times an object is embedded in one pass whose text
// changes again and again. After that it is left to the next pass.
const attempts = 3

// Embedder makes vectors as the collection's writers have them made.
type Embedder interface {
	// Embed returns a vector a text.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
	// Cut tells whether a text is longer than is read of it.
	Cut(text string) bool
}

// Background is an encoder of a job's own: it gives way to what else the node
// does.
type Background interface {
	// Embed returns a vector a text.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
	// Batches is how many calls of Embed keep it busy.
	Batches() int
	// Yields tells whether the kernel lets everything else of the node go first.
	Yields() bool
	// Close gives it back.
	Close() error
}

// TextFunc is what is embedded of an object, "" where there is nothing, and
// whether any of it is the object's own.
type TextFunc func(object *models.Object) (text string, own bool)

// filling is one node's work in one shard.
type filling struct {
	storage storage
	encoder Background
	cut     func(text string) bool
	text    TextFunc
	pace    *pace
	metrics *Metrics
	logger  logrus.FieldLogger

	class, shard, vector string
	state                *state
	place                int // of the shard in state
	// doubtful is how many objects with the vector are looked for in its index yet,
	// from the place on where a pass was interrupted.
	doubtful int
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
}

// work is a batch between reading and storing.
type work struct {
	// last is the id that the batch ends with.
	last []byte
	// seen counts what needs no vector, and the batch's objects.
	seen Counts
	// ids, texts and vectors belong together. embedded is closed when the vectors
	// are there.
	ids      [][]byte
	texts    []string
	vectors  [][]float32
	embedded chan struct{}
	// lost are objects that have the vector and whose index has it not.
	lost []document
}

// document is a stored object, and which version of it.
type document struct {
	id    []byte
	docID uint64
	// value is the vector of one in doubt, by which it is looked for in the index.
	value []float32
}

// passes goes through the shard until a pass finds nothing to do, and tells
// when that one began.
func (f *filling) passes(ctx context.Context) (time.Time, error) {
	for {
		if err := f.pass(ctx); err != nil {
			return time.Time{}, err
		}
		done := f.state.shard(f.place)
		began := time.UnixMilli(done.Began)
		if err := f.state.change(f.place, func(s *shardState) {
			s.Pass++
			s.Cursor, s.Began = "", 0
			s.Objects, s.WithoutText = s.Seen.Objects, s.Seen.WithoutText
			// What was filled, and lost its vector to a writer, was filled twice.
			s.Filled = min(s.Filled, s.Objects)
			// What the pass came upon has what earlier passes filled among it.
			s.Present = max(0, s.Seen.Present+s.Left-s.Filled)
			s.Seen, s.Left = Counts{}, 0
		}); err != nil {
			return time.Time{}, err
		}
		if done.Left == 0 {
			return began, f.storage.flush(ctx, f.class, f.shard)
		}
	}
}

// pass goes through the shard once, from where the last one was interrupted.
// Reading and embedding the next batches go on beside storing the one before.
func (f *filling) pass(ctx context.Context) error {
	start := f.state.shard(f.place)
	after, err := parseCursor(start.Cursor)
	if err != nil {
		return err
	}
	// What was being stored when a node was killed, and is to be read again.
	f.doubtful = 0
	if start.Cursor != "" {
		f.doubtful = 2 * batchSize
	}
	if start.Began == 0 {
		objects, err := f.storage.count(ctx, f.class, f.shard)
		if err != nil {
			return err
		}
		if err := f.state.change(f.place, func(s *shardState) {
			s.State, s.Began = StateRunning, f.now().UnixMilli()
			if s.Pass == 0 {
				s.Objects, s.Counted = objects, true
			}
		}); err != nil {
			return err
		}
	}

	f.state.begin(f.now())
	group, ctx := enterrors.NewErrorGroupWithContextWrapper(f.logger, ctx)
	// As many batches are embedded at once as keep the encoder busy; they are
	// stored in their order, so that the place in the shard says what is done.
	ready := make(chan *work, f.encoder.Batches())
	group.Go(func() error {
		defer close(ready)
		return f.read(ctx, after, func(w *work) error {
			select {
			case ready <- w:
			case <-ctx.Done():
				return ctx.Err()
			}
			group.Go(func() (err error) {
				if w.vectors, err = f.embed(ctx, w.texts); err == nil {
					close(w.embedded)
				}
				return err
			})
			return nil
		})
	})
	group.Go(func() error {
		for w := range ready {
			select {
			case <-w.embedded:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := f.finish(ctx, w); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	return group.Wait()
}

// read goes through the shard behind an id and gives what it finds in batches.
func (f *filling) read(ctx context.Context, after []byte, give func(*work) error) error {
	for {
		page, more, err := f.storage.scan(ctx, f.class, f.shard, after)
		if err != nil {
			return err
		}
		batches, err := f.sort(ctx, page)
		if err != nil {
			return err
		}
		for _, w := range batches {
			if err := give(w); err != nil {
				return err
			}
		}
		if !more || len(page) == 0 {
			return nil
		}
		after = page[len(page)-1].id
	}
}

// sort finds out what a page's objects lack. A batch ends with as many texts as
// may be embedded at once, and with the page.
func (f *filling) sort(ctx context.Context, page []record) ([]*work, error) {
	var batches []*work
	var w *work
	for _, r := range page {
		if w == nil || len(w.ids) == f.pace.batch() {
			w = &work{embedded: make(chan struct{})}
			batches = append(batches, w)
		}
		w.last = r.id
		w.seen.Objects++
		text, own := f.text(&r.object.Object)
		if !own {
			w.seen.WithoutText++
		}
		switch {
		case len(r.object.Vectors[f.vector]) > 0:
			w.seen.Present++
			d := document{id: r.id, docID: r.object.DocID}
			if f.inDoubt(r) {
				d.value = r.object.Vectors[f.vector]
			}
			lost, err := f.lost(ctx, d)
			if err != nil {
				return nil, err
			}
			if lost {
				w.lost = append(w.lost, d)
			}
		case text != "":
			w.ids, w.texts = append(w.ids, r.id), append(w.texts, text)
		}
	}
	return batches, nil
}

// inDoubt tells whether an object may have been in the middle of being indexed
// when a node was killed. Weaviate flushes the log of an index for one writer
// while another is at work: what that has written by then is a document without
// links, which the index holds and no search comes upon.
func (f *filling) inDoubt(r record) bool {
	if f.doubtful > 0 {
		f.doubtful--
		return true
	}
	return f.state.inDoubt(r.object.LastUpdateTimeUnix())
}

// lost tells whether the index has lost a document: it does not hold it, or does
// not find one in doubt.
func (f *filling) lost(ctx context.Context, d document) (bool, error) {
	held, pending, err := f.storage.indexed(ctx, f.class, f.shard, f.vector, d.docID)
	if err != nil || pending {
		return false, err
	}
	if held && d.value != nil {
		held, err = f.storage.found(ctx, f.class, f.shard, f.vector, d.docID, d.value)
	}
	return !held, err
}

func (f *filling) embed(ctx context.Context, texts []string) ([][]float32, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	if err := f.pace.embed(ctx, len(texts)); err != nil {
		return nil, err
	}
	vectors, err := f.encoder.Embed(ctx, texts)
	if err == nil && len(vectors) != len(texts) {
		err = fmt.Errorf("%d vectors of %d texts", len(vectors), len(texts))
	}
	return vectors, err
}

// finish stores a batch and writes down how far the shard is.
func (f *filling) finish(ctx context.Context, w *work) error {
	var counts Counts
	left := 0
	for try := 1; len(w.ids) > 0; try++ {
		changed, err := f.store(ctx, w, &counts)
		if err != nil {
			return err
		}
		if try == attempts {
			left += len(changed.ids)
			break
		}
		if changed.vectors, err = f.embed(ctx, changed.texts); err != nil {
			return err
		}
		changed.last, changed.lost, changed.seen = w.last, w.lost, w.seen
		w = changed
	}
	if err := f.index(ctx, w.lost); err != nil {
		return err
	}

	f.metrics.dealtWith(counts)
	return f.state.change(f.place, func(s *shardState) {
		s.Filled += counts.Filled
		if counts.Filled > 0 {
			s.FilledUnixMs = f.now().UnixMilli()
		}
		s.Cut += counts.Cut
		s.Skipped += counts.Skipped
		s.Seen.add(w.seen)
		s.Left += counts.Filled + left
		if s.Pass == 0 {
			s.Present += w.seen.Present
			s.WithoutText += w.seen.WithoutText
		}
		s.Cursor = hex.EncodeToString(w.last)
		f.state.speed.add(f.now(), w.seen.Objects)
	})
}

// store stores the vectors of objects whose text is still the one embedded, and
// returns those with another.
func (f *filling) store(ctx context.Context, w *work, counts *Counts) (*work, error) {
	changed := &work{}
	for from := 0; from < len(w.ids); from += storeSize {
		if err := f.pace.store(ctx); err != nil {
			return nil, err
		}
		to := min(from+storeSize, len(w.ids))
		// What a text's length is takes as long as its length is, so not under the
		// lock of an object.
		cut := make([]bool, to-from)
		for i := range cut {
			cut[i] = f.cut(w.texts[from+i])
		}
		// choose may have been called for some of the objects when an error ends it:
		// they are counted when they are stored again, or found in place.
		var now Counts
		err := f.storage.FillNamedVector(ctx, f.class, f.shard, f.vector, w.ids[from:to],
			func(i int, current *storobj.Object) []float32 {
				vector := f.choose(w, from+i, current, changed, &now)
				if vector != nil && cut[i] {
					now.Cut++
				}
				return vector
			})
		if err != nil {
			return nil, err
		}
		counts.add(now)
	}
	return changed, nil
}

// choose is the vector for the i-th of a batch's objects as it is stored now;
// one whose text is another is added to changed.
func (f *filling) choose(w *work, i int, current *storobj.Object, changed *work, counts *Counts) []float32 {
	if current == nil || len(current.Vectors[f.vector]) > 0 {
		counts.Skipped++
		return nil
	}
	text, _ := f.text(&current.Object)
	switch {
	case text == "":
		counts.Skipped++
		return nil
	case text != w.texts[i]:
		changed.ids, changed.texts = append(changed.ids, w.ids[i]), append(changed.texts, text)
		return nil
	}
	counts.Filled++
	return w.vectors[i]
}

// lostAfter is how long a writer has to index what it stored before its object
// is taken for one that a killed node did not come to index.
const lostAfter = 2 * time.Second

// index puts objects into the vector's index that lost them: a node that is
// killed may have stored an object and not indexed it.
func (f *filling) index(ctx context.Context, lost []document) error {
	if len(lost) == 0 {
		return nil
	}
	if err := f.sleep(ctx, lostAfter); err != nil {
		return err
	}
	ids := make([][]byte, 0, len(lost))
	kept := make([]document, 0, len(lost))
	for _, d := range lost {
		still, err := f.lost(ctx, d)
		if err != nil {
			return err
		}
		if still {
			ids, kept = append(ids, d.id), append(kept, d)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	f.logger.WithField("shard", f.shard).WithField("objects", len(ids)).
		Info("latentask: objects whose vector was stored and not indexed are indexed")
	return f.storage.FillNamedVector(ctx, f.class, f.shard, f.vector, ids,
		func(i int, current *storobj.Object) []float32 {
			// Another document id is another writer's, who indexes it.
			if current == nil || current.DocID != kept[i].docID {
				return nil
			}
			return current.Vectors[f.vector]
		})
}

func (c *Counts) add(o Counts) {
	c.Objects += o.Objects
	c.Filled += o.Filled
	c.Present += o.Present
	c.WithoutText += o.WithoutText
	c.Cut += o.Cut
	c.Skipped += o.Skipped
}
