// Package module is latentask inside a Weaviate node: two modules and a wrapper
// of the node's searcher.
//
//   - text2vec-latent makes vectors of objects and of nearText queries with the
//     bundle's retriever. It is on where ENABLE_MODULES names it.
//   - qna-latent brings the latentAsk operator. It is always on, and does
//     nothing until a query asks.
//   - [Searcher] stands between Weaviate's Explorer and its database. A search
//     that carries a latentAsk argument becomes a run of the reasoning loop, in
//     which every hop is a search of the database under the request's own
//     tenant, filter and consistency level; every other call passes through.
//
// A hop searches the vector index (hops.go), or that and the inverted index
// (keywords.go), put together by Weaviate's own fusion (fusion.go). What it
// finds is read as one text an object, and an answer's place in that text is
// told as a place in the stored property (passage.go).
//
// A node calls [Register] when it builds its modules and [WrapSearcher] when it
// builds its Explorer, and nothing else. The bundle is opened in the
// background: until it is ready, and on a node that has none, what needs it is
// refused with a [NotReadyError] and everything else works.
package module
