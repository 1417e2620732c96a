package module

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/latentask/latentask/module/adoption"
)

// backgroundEncoder is the encoder of the jobs that run on a node, apart from
// that of its traffic: opened for the first of them, and closed behind the last,
// so that its memory is held only while one runs.
type backgroundEncoder struct {
	open func() (adoption.Background, error)

	mu      sync.Mutex
	encoder adoption.Background // nil without users
	users   int
	closed  bool
}

// errNoBackground: there is no encoder to be had any more.
var errNoBackground = errors.New("the node shuts down")

// acquire is the encoder for one more user, who closes it.
func (b *backgroundEncoder) acquire() (adoption.Background, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errNoBackground
	}
	if b.encoder == nil {
		encoder, err := b.open()
		if err != nil {
			return nil, err
		}
		b.encoder = encoder
	}
	b.users++
	return &backgroundUse{Background: b.encoder, owner: b}, nil
}

func (b *backgroundEncoder) release() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.users--; b.users > 0 || b.closed {
		return nil
	}
	encoder := b.encoder
	b.encoder = nil
	return encoder.Close()
}

// close closes the encoder, whoever still uses it, for good.
func (b *backgroundEncoder) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.encoder == nil {
		b.closed = true
		return nil
	}
	b.closed = true
	return b.encoder.Close()
}

// backgroundUse is one user's encoder.
type backgroundUse struct {
	adoption.Background
	owner *backgroundEncoder
	once  sync.Once
	err   error
}

// Close implements adoption.Background.
func (u *backgroundUse) Close() error {
	u.once.Do(func() { u.err = u.owner.release() })
	return u.err
}

// countingBackground counts the texts that a job embeds among the node's.
type countingBackground struct {
	adoption.Background
	metrics *metrics
}

// Embed implements adoption.Background.
func (c *countingBackground) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	vectors, err := c.Background.Embed(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", VectorizerName, err)
	}
	c.metrics.embedded(len(texts))
	return vectors, nil
}
