// Package fit tells whether stored vectors are those of a bundle's retriever,
// and what a collection's texts and space are like.
//
// [Compare] embeds a sample of objects again, in the ways in which an object's
// values usually become a text ([Layouts]), whole and as the mean of their
// sentences, and takes the way that comes nearest to the stored vectors: a
// collection's configuration often does not say which model made its vectors,
// and models of 384 dimensions with cosine look alike. [SpaceOf] measures how
// far apart random objects lie, [LengthsOf] how long texts are.
//
// The package knows nothing of Weaviate but how its modules make an object's
// text ([WeaviateText]).
package fit
