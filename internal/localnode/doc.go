// Package localnode runs a Weaviate node as a child process of this one: on a
// data folder of its own, with ports that nothing else on the machine holds,
// and with its output in a log file. Several can live on one machine.
package localnode
