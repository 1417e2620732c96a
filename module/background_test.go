package module

import (
	"context"
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/latentask/latentask/module/adoption"
)

// fakeBackground is an encoder that is open until it is closed.
type fakeBackground struct {
	fakeEmbedder
	open bool
}

func (f *fakeBackground) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if !f.open {
		return nil, errors.New("closed")
	}
	return f.fakeEmbedder.Embed(ctx, texts)
}

func (f *fakeBackground) Batches() int { return 3 }

func (f *fakeBackground) Yields() bool { return true }

func (f *fakeBackground) Close() error {
	f.open = false
	return nil
}

// newBackground is one whose encoders can be looked at.
func newBackground() (*backgroundEncoder, *[]*fakeBackground) {
	opened := &[]*fakeBackground{}
	return &backgroundEncoder{open: func() (adoption.Background, error) {
		f := &fakeBackground{open: true}
		*opened = append(*opened, f)
		return f, nil
	}}, opened
}

func TestBackgroundIsOpenWhileJobsRun(t *testing.T) {
	b, opened := newBackground()
	acquire := func() adoption.Background {
		t.Helper()
		use, err := b.acquire()
		if err != nil {
			t.Fatal(err)
		}
		return use
	}
	closed := func(use adoption.Background) {
		t.Helper()
		if err := use.Close(); err != nil {
			t.Error(err)
		}
	}
	first, second := acquire(), acquire()
	if len(*opened) != 1 || first.Batches() != 3 {
		t.Fatalf("%d were opened for two jobs", len(*opened))
	}
	closed(first)
	closed(first) // gives back nothing of the other job's
	if _, err := second.Embed(t.Context(), []string{"a"}); err != nil {
		t.Errorf("it was closed under a job: %v", err)
	}
	closed(second)
	if (*opened)[0].open {
		t.Error("it is open without a job")
	}
	third := acquire()
	if len(*opened) != 2 {
		t.Error("a later job got none of its own")
	}
	if err := b.close(); err != nil {
		t.Error(err)
	}
	if _, err := third.Embed(t.Context(), []string{"a"}); err == nil {
		t.Error("it embeds after the bundle was closed")
	}
	closed(third)
	if _, err := b.acquire(); !errors.Is(err, errNoBackground) {
		t.Errorf("after the bundle was closed: %v", err)
	}
	if err := b.close(); err != nil {
		t.Error(err)
	}
}

func TestBackgroundThatCannotBeOpened(t *testing.T) {
	fault := errors.New("out of memory")
	b := &backgroundEncoder{open: func() (adoption.Background, error) { return nil, fault }}
	for range 2 {
		if _, err := b.acquire(); !errors.Is(err, fault) {
			t.Errorf("got %v", err)
		}
	}
	if err := b.close(); err != nil {
		t.Error(err)
	}
}

// A job embeds with an encoder of its own, and the node's traffic with another.
func TestJobsHaveAnEncoderOfTheirOwn(t *testing.T) {
	ordinary := &fakeEmbedder{}
	s := newTestService(t, &fakeEngine{}, ordinary)
	b, opened := newBackground()
	s.current.Load().model.background = b.acquire
	encoder, err := (&adoptionModel{s}).Background()
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	if _, err := encoder.Embed(t.Context(), []string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	if len(ordinary.texts) != 0 || len((*opened)[0].texts) != 2 {
		t.Errorf("the node's own encoder embedded %d texts, the job's %d", len(ordinary.texts), len((*opened)[0].texts))
	}
	if got := testutil.ToFloat64(s.metrics.texts); got != 2 {
		t.Errorf("%v texts are counted", got)
	}
}
