// Package nodebuild builds a Weaviate node with latentask's modules compiled in.
//
// Weaviate's modules are listed in its own source and there is no registry to
// add one to, so a node with further modules is a build of Weaviate with a few
// lines changed. Builder takes Weaviate's module as the Go module cache has it,
// copies it, makes the edits of Edits, lays the files of _added beside what is
// there, and builds cmd/weaviate against the copy through a go.mod of its own with a replace directive. Nothing in the cache
// and nothing in the project's own tree is touched.
//
// Each edit names an anchor that must occur exactly once in its file. A Weaviate
// version whose start-up code has moved on therefore fails here, with the file
// and the anchor, instead of giving a node that quietly lacks a hook.
package nodebuild
