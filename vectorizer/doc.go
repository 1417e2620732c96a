// Package vectorizer embeds texts with a bundle's retriever.
//
// An [Encoder] takes any number of texts at once, sorts them by length and runs
// them in batches that are bounded by their padded tokens and never more than a
// tenth padding: ONNX Runtime's working memory grows with the largest batch, and
// padding is work for nothing. A text's vector does not depend on what it was
// batched with.
//
// An Encoder in the background ([Options]) is for work that has no end in sight:
// it uses a whole machine that is idle, and gives way to everything else of the
// process. It has a session of its own, with a copy of the weights.
//
// The package knows nothing of Weaviate; package module makes a vectorizer module
// of it.
package vectorizer
