// Package graphql is the operator's face in a Weaviate node's GraphQL API: the
// latentAsk argument of Get, and the latentAsk field of _additional.
//
//	{ Get { Passage(latentAsk: {question: "…"}, limit: 5) {
//	    title
//	    _additional { id distance latentAsk { answer { text } hops { n ids } } }
//	} } }
//
// [Arguments] reads the argument into [Params]; [Properties] declares the
// field; [Object] is the field's value for one object of a result. The package
// knows the reasoner's types and Weaviate's capability interfaces, and searches
// nothing itself.
package graphql
