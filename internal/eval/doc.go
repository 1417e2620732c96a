// Package eval asks a node a set of questions in several ways and compares
// what they find and answer: the latent loop, its twin that writes its queries
// as text, one search, one hybrid search, iterated retrieval, and no reading at
// all.
//
// ReadQuestions and ReadCorpus read the files, Host is a node of its own with
// the corpus in it, Run asks, and NewReport makes the figures. Everything that
// a figure is made of stands in a Record, one for each question and mode, which
// is also a line of the trace: figures can be made again from a trace alone,
// and a run that was broken off goes on from one.
package eval
