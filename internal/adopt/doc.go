// Package adopt gives a collection that another model embedded what latentAsk
// needs, through a node's public API and under the rights of the key that the
// client has.
//
// There are three ways. In place, the collection gets a named vector of
// text2vec-latent, and a job inside the node fills it. A copy is a new
// collection with the objects of the old one and that vector. Passages are a
// new collection of pieces of the objects' texts.
//
// [Make] decides what will be done; it sees nothing but what [Gather] found
// out. Each way can be broken off anywhere and gone on with by doing it again:
// in place the node remembers, the other two compare what is there with what
// should be.
package adopt
