// Package survey finds out what a collection is, for one who wants to ask it
// questions: how it is configured, what its texts and vectors are like, whether
// the vectors are those of a bundle's retriever, and so what to do and what
// that costs.
//
// [Take] asks a node through its public API, under the rights of the key that
// its client has, and embeds in this process, so that a plain Weaviate will do.
// It writes nothing. What the key may not see is reported as unknown where the
// rest can be told without it. A [Report] is one value, and [Report.WriteText]
// and [Report.WriteHTML] show it.
package survey
