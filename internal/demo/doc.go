// Package demo is `latentask demo`: it starts a node, fills a collection with
// passages of Wikipedia, asks it multi-hop questions, and shows for each what
// every hop found and what one plain search of as many passages finds.
package demo
