package module

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/closers"
	"github.com/latentask/latentask/internal/ort"
	"github.com/latentask/latentask/module/adoption"
	"github.com/latentask/latentask/reasoner"
	"github.com/latentask/latentask/vectorizer"
)

// openModel opens the bundle at settings.Bundle and everything that runs it.
// What it opened before an error is closed again.
func openModel(ctx context.Context, settings Settings) (m *model, err error) {
	if !bundleExists(settings.Bundle) {
		return nil, fmt.Errorf("%w at %s", errNoBundle, settings.Bundle)
	}
	var opened closers.Stack
	defer opened.OnError(&err)

	b, err := bundle.Open(settings.Bundle)
	if err != nil {
		return nil, err
	}
	opened.Push(b.Close)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rt, err := ort.Open(ort.Config{Device: settings.Device, Threads: settings.Threads})
	if err != nil {
		return nil, err
	}
	opened.Push(rt.Close)
	encoder, err := vectorizer.Open(rt, b, vectorizer.Options{})
	if err != nil {
		return nil, err
	}
	opened.Push(encoder.Close)
	background := &backgroundEncoder{open: func() (adoption.Background, error) {
		return vectorizer.Open(rt, b, vectorizer.Options{Background: true})
	}}
	opened.Push(background.close)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e, err := reasoner.Open(rt, b, encoder, reasoner.Options{Queue: settings.Queue})
	if err != nil {
		return nil, err
	}
	opened.Push(e.Close)

	manifest, device := b.Manifest(), rt.Device()
	return &model{
		engine:     e,
		embedder:   encoder,
		retriever:  manifest.Retriever.Name,
		dimension:  encoder.Dimension(),
		background: background.acquire,
		cut:        func(text string) bool { return encoder.Tokens(text) > manifest.Retriever.MaxTokens },
		search:     manifest.Search,
		warning:    device.Warning,
		info: map[string]any{
			"bundle": map[string]any{
				"name":      manifest.Name,
				"version":   manifest.Version,
				"format":    manifest.Format,
				"precision": manifest.Precision,
				"backbone":  manifest.Backbone.Name,
				"retriever": manifest.Retriever.Name,
				"dimension": encoder.Dimension(),
				"training":  manifest.Training.Run,
			},
			"device": map[string]any{
				"used":      device.String(),
				"requested": device.Requested,
				"warning":   device.Warning,
				"threads":   rt.Threads(),
			},
			"onnxruntime": rt.Version(),
		},
		close: opened.Close,
	}, nil
}

// bundleExists tells a bundle's place where there is nothing from one where
// there is something, be it broken.
func bundleExists(dir string) bool {
	_, err := os.Stat(dir)
	return !errors.Is(err, os.ErrNotExist)
}
