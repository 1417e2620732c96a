// Package client is what the command line tools say to a node: it makes and
// fills collections, asks latentAsk questions and plain searches, and turns
// what comes back into values and errors. It stands on Weaviate's own Go
// client, whose GraphQL builder has no place for arguments of other modules.
package client
