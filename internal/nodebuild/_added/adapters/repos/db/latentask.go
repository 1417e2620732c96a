package db

import (
	"context"
	"fmt"

	"github.com/weaviate/weaviate/adapters/repos/db/helpers"
	"github.com/weaviate/weaviate/adapters/repos/db/vector/common"
	"github.com/weaviate/weaviate/entities/schema"
	"github.com/weaviate/weaviate/entities/storobj"
)

// FillNamedVector gives objects of a local shard a named vector that they lack,
// and changes nothing else of them: update times, document ids, inverted
// indexes and the indexes of their other vectors stay as they are.
//
// For each id, a UUID's 16 bytes, choose is called with the id's place in ids
// and the object as it is stored at that moment, nil where there is none. The
// vector that it returns is stored and indexed; none leaves the object alone.
// The call is made under the lock under which every write of the object is
// made, and the vector is stored and indexed before that lock is given back. So
// no write is overtaken: one that came before is what choose sees, one that
// comes after finds the object filled. choose must be quick and must not write.
//
// An object that has the vector already may be given the same again, which then
// is only indexed, for an index that lost it in a crash. After an error some
// objects may be filled. Everything that was filled is in the files of the
// process's memory-mapped and buffered logs when it returns, so that it is still
// there after the process is killed.
func (db *DB) FillNamedVector(ctx context.Context, class, shardName, vector string, ids [][]byte,
	choose func(i int, current *storobj.Object) []float32,
) error {
	index := db.GetIndex(schema.ClassName(class))
	if index == nil {
		return fmt.Errorf("collection %q not found", class)
	}
	like, release, err := index.GetShard(ctx, shardName)
	defer release()
	if err != nil {
		return err
	}
	if like == nil {
		return fmt.Errorf("shard %q not found locally", shardName)
	}
	if lazy, ok := like.(*LazyLoadShard); ok {
		if err := lazy.Load(ctx); err != nil {
			return err
		}
		like = lazy.shard
	}
	s, ok := like.(*Shard)
	if !ok {
		return fmt.Errorf("shard %q is a %T", shardName, like)
	}
	s.activityTrackerWrite.Add(1)
	queue, ok := s.GetVectorIndexQueue(vector)
	if !ok || isDroppedVectorIndex(index.getClass(), vector) {
		return errDroppedVectorIndex(vector)
	}
	// Outside the locks, as all writes do it; see putObjectLSM.
	if err := s.waitForMinimalHashTreeInitialization(ctx); err != nil {
		return err
	}

	for i, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.fillNamedVector(ctx, vector, queue, id, func(current *storobj.Object) []float32 {
			return choose(i, current)
		}); err != nil {
			return err
		}
	}
	if err := s.store.WriteWALs(); err != nil {
		return fmt.Errorf("flush all buffered WALs: %w", err)
	}
	if err := queue.Flush(); err != nil {
		return fmt.Errorf("flush the vector index's buffered logs: %w", err)
	}
	return nil
}

func (s *Shard) fillNamedVector(ctx context.Context, vector string, queue *VectorIndexQueue, id []byte,
	choose func(*storobj.Object) []float32,
) error {
	s.asyncReplicationRWMux.RLock()
	defer s.asyncReplicationRWMux.RUnlock()
	lock := &s.docIdLock[s.uuidToIdLockPoolId(id)]
	lock.Lock()
	defer lock.Unlock()

	if err := s.isReadOnly(); err != nil {
		return err
	}
	bucket := s.store.Bucket(helpers.ObjectsBucketLSM)
	object, err := fetchObject(bucket, id)
	if err != nil {
		return err
	}
	value := choose(object)
	if object == nil || len(value) == 0 {
		return nil
	}
	if index, ok := s.GetVectorIndex(vector); ok {
		if err := index.ValidateBeforeInsert(value); err != nil {
			return err
		}
	}

	if len(object.Vectors[vector]) == 0 {
		if object.Vectors == nil {
			object.Vectors = map[string][]float32{}
		}
		object.Vectors[vector] = value
		data, err := object.MarshalBinaryDisk(s.index.Config.SkipWriteClassNameOnDisk)
		if err != nil {
			return err
		}
		if err := s.upsertObjectDataLSM(bucket, id, data, object.DocID); err != nil {
			return err
		}
		// A replica that is being copied takes it from here. The tree of hashes
		// that replicas compare holds ids and update times, and neither changed.
		s.AppendChangeLogPut(id, object.LastUpdateTimeUnix(), data)
		if s.index.Config.TrackVectorDimensions {
			if err := s.extendDimensionTrackerLSM(len(value), object.DocID, vector); err != nil {
				return err
			}
		}
	}
	return queue.Insert(ctx, &common.Vector[[]float32]{ID: object.DocID, Vector: value})
}
