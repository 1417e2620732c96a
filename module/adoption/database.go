package adoption

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weaviate/weaviate/adapters/repos/db"
	"github.com/weaviate/weaviate/adapters/repos/db/helpers"
	"github.com/weaviate/weaviate/adapters/repos/db/lsmkv"
	"github.com/weaviate/weaviate/adapters/repos/db/vector/common"
	"github.com/weaviate/weaviate/entities/schema"
	"github.com/weaviate/weaviate/entities/storobj"
)

// Filler stores a named vector of objects that lack it, each under the lock of
// the object's writers. internal/nodebuild adds the method to *db.DB.
type Filler interface {
	FillNamedVector(ctx context.Context, class, shard, vector string, ids [][]byte,
		choose func(i int, current *storobj.Object) []float32) error
}

// errNoShard: the shard is not loaded here, as when its tenant is inactive.
var errNoShard = errors.New("the shard is not active on this node")

// record is one stored object.
type record struct {
	id     []byte // 16 bytes
	object *storobj.Object
}

// storage is a node's own shards of all collections.
type storage interface {
	Filler
	// scan reads some objects of a shard in the order of their ids, from the first
	// one behind after, and tells whether there are more.
	scan(ctx context.Context, class, shard string, after []byte) (page []record, more bool, err error)
	// count is about how many objects a shard has.
	count(ctx context.Context, class, shard string) (int, error)
	// guess is about how many a tenant has without loading it, 0 where that can't
	// be told: what was written lately is not counted.
	guess(ctx context.Context, class, tenant string) (int, error)
	// indexed tells whether the vector's index holds a document, and pending
	// whether it has documents waiting to be indexed.
	indexed(ctx context.Context, class, shard, vector string, docID uint64) (held, pending bool, err error)
	// found tells whether a search of the index for a document's own vector comes
	// upon it.
	found(ctx context.Context, class, shard, vector string, docID uint64, value []float32) (bool, error)
	// flush puts what was written of a shard's objects into a segment on disk.
	// Until then Weaviate counts an object that was written again twice, as its
	// memory does not know what is on disk, and the number of objects weighs the
	// terms of a keyword search: equally good objects might change places.
	flush(ctx context.Context, class, shard string) error
}

// database is the storage of a node.
type database struct {
	repo   *db.DB
	filler Filler
}

// newDatabase is false for a node that was built without Filler.
func newDatabase(repo *db.DB) (*database, bool) {
	filler, ok := any(repo).(Filler)
	return &database{repo: repo, filler: filler}, ok
}

func (d *database) FillNamedVector(ctx context.Context, class, shard, vector string, ids [][]byte,
	choose func(i int, current *storobj.Object) []float32,
) error {
	return d.filler.FillNamedVector(ctx, class, shard, vector, ids, choose)
}

// with calls f with a shard that can't be closed meanwhile.
func (d *database) with(ctx context.Context, class, name string, f func(db.ShardLike) error) error {
	index := d.repo.GetIndex(schema.ClassName(class))
	if index == nil {
		return fmt.Errorf("%w: collection %q", errNoShard, class)
	}
	shard, release, err := index.GetShard(ctx, name)
	defer release()
	if err != nil {
		return fmt.Errorf("%w: %w", errNoShard, err)
	}
	if shard == nil {
		return fmt.Errorf("%w: %q", errNoShard, name)
	}
	return f(shard)
}

// A page is what is read at once: as many objects as make a cursor worth its
// while, which copies the tree of all that is not yet on disk with writers
// locked out, and of a size that fits any memory.
const (
	pageObjects = 1024
	pageBytes   = 8 << 20
)

func (d *database) scan(ctx context.Context, class, shard string, after []byte) (page []record, more bool, err error) {
	err = d.with(ctx, class, shard, func(s db.ShardLike) error {
		bucket := s.Store().Bucket(helpers.ObjectsBucketLSM)
		if bucket == nil {
			return fmt.Errorf("%w: %q", errNoShard, shard)
		}
		page, more, err = readPage(ctx, bucket, class, after)
		return err
	})
	return page, more, err
}

// readPage opens a cursor for one page alone: an open one keeps segments that
// were merged since, and its memory, and would see nothing that is newer.
func readPage(ctx context.Context, bucket *lsmkv.Bucket, class string, after []byte) (page []record, more bool, err error) {
	cursor := bucket.Cursor()
	defer cursor.Close()
	var key, value []byte
	if after == nil {
		key, value = cursor.First()
	} else {
		key, value = cursor.Seek(after)
		if string(key) == string(after) {
			key, value = cursor.Next()
		}
	}
	for size := 0; key != nil; key, value = cursor.Next() {
		if len(page) == pageObjects || size >= pageBytes {
			return page, true, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		object, err := storobj.FromBinaryDisk(value, class)
		if err != nil {
			return nil, false, fmt.Errorf("read object %x: %w", key, err)
		}
		page = append(page, record{id: append([]byte(nil), key...), object: object})
		size += len(value)
	}
	return page, false, nil
}

func (d *database) count(ctx context.Context, class, shard string) (n int, err error) {
	err = d.with(ctx, class, shard, func(s db.ShardLike) error {
		n, err = s.ObjectCount(ctx)
		return err
	})
	return n, err
}

func (d *database) guess(ctx context.Context, class, tenant string) (n int, err error) {
	err = d.with(ctx, class, tenant, func(s db.ShardLike) error {
		objects, err := s.ObjectCountAsync(ctx)
		n = int(objects)
		return err
	})
	if errors.Is(err, errNoShard) {
		return 0, nil
	}
	return n, err
}

func (d *database) flush(ctx context.Context, class, shard string) error {
	return d.with(ctx, class, shard, func(s db.ShardLike) error {
		bucket := s.Store().Bucket(helpers.ObjectsBucketLSM)
		if bucket == nil {
			return fmt.Errorf("%w: %q", errNoShard, shard)
		}
		return bucket.FlushAndSwitch()
	})
}

func (d *database) indexed(ctx context.Context, class, shard, vector string, docID uint64) (held, pending bool, err error) {
	err = d.with(ctx, class, shard, func(s db.ShardLike) error {
		index, err := indexOf(s, vector)
		if err != nil {
			return err
		}
		// An index that is switched off (skip) holds nothing and never will.
		held = index.Type() == common.IndexTypeNoop || index.ContainsDoc(docID)
		if queue, ok := s.GetVectorIndexQueue(vector); ok && !held {
			pending = queue.Size() > 0
		}
		return nil
	})
	return held, pending, err
}

func indexOf(s db.ShardLike, vector string) (db.VectorIndex, error) {
	index, ok := s.GetVectorIndex(vector)
	if !ok {
		return nil, fmt.Errorf("shard %q has no index of vector %q", s.Name(), vector)
	}
	return index, nil
}

const (
	// twins is how many documents a search for one of them is for: more that have
	// the same vector are not told apart.
	twins = 16
	// alike is how far their distances may differ.
	alike = 1e-5
)

func (d *database) found(ctx context.Context, class, shard, vector string, docID uint64, value []float32) (found bool, err error) {
	err = d.with(ctx, class, shard, func(s db.ShardLike) error {
		index, err := indexOf(s, vector)
		if err != nil {
			return err
		}
		if index.Type() == common.IndexTypeNoop {
			found = true
			return nil
		}
		ids, distances, err := index.SearchByVector(ctx, value, twins, nil)
		if err != nil {
			return err
		}
		found = slices.Contains(ids, docID) || (len(ids) == twins && distances[twins-1]-distances[0] < alike)
		return nil
	})
	return found, err
}
