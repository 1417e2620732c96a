// Command serve runs an inference container for text2vec-transformers with
// all-MiniLM-L6-v2, sentences averaged as by default, from a bundle.
//
//	go run ./test/inference/serve -bundle .latentask/bundle -listen 127.0.0.1:8090
package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/ort"
	"github.com/latentask/latentask/test/inference"
	"github.com/latentask/latentask/vectorizer"
)

func main() {
	dir := flag.String("bundle", ".latentask/bundle", "the bundle's folder")
	listen := flag.String("listen", "127.0.0.1:8090", "address to serve at")
	flag.Parse()
	if err := serve(*dir, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func serve(dir, listen string) (err error) {
	b, err := bundle.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	rt, err := ort.Open(ort.Config{Device: "cpu"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	encoder, err := vectorizer.Open(rt, b, vectorizer.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, encoder.Close()) }()
	server := &http.Server{
		Addr: listen, Handler: &inference.Container{Encoder: encoder, Averaged: true},
		ReadHeaderTimeout: 10 * time.Second,
	}
	return server.ListenAndServe()
}
