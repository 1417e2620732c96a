// Package adoption fills a vector of text2vec-latent for objects that a
// collection holds already: those that were written before the vector was added
// to its schema, which Weaviate leaves without one.
//
// A job is a task of Weaviate's own framework for them (cluster/distributedtask),
// with one unit a node: the cluster's log says which jobs there are and how far
// each node is, every node works on the shards that it holds, and a node that
// was killed goes on when it is back. How far a node is within its shards lies
// on its own disk (store.go), where it can be written after every batch.
//
// A shard is gone through in the order of its objects' ids, in passes (fill.go).
// The text of each object that lacks the vector is embedded, and the vector is
// stored under the lock of the object's writers only if its text is still that
// one: a condition on the text itself, since update times can be equal, can run
// backwards between nodes, and don't tell that a deleted object is gone. What
// changed meanwhile is embedded again. Passes are made until one finds nothing
// to do that began long enough after the job for every write to have ended that
// did not know of the vector yet. So the place in a shard need not be exact,
// and being killed anywhere costs no more than what was done since it was last
// written down.
//
// A job gives way to what else the node does. It embeds with an encoder of its
// own, in the background (Background), several batches at once; storing, which
// takes locks, goes on beside it at ordinary priority, a few objects at a time
// (pace.go).
//
// Storing needs a function inside Weaviate's package db, which a node built by
// latentask has and the module in the Go module cache has not (internal/nodebuild);
// Filler says what it must do.
package adoption
