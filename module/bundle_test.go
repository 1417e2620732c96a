package module

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/sirupsen/logrus/hooks/test"
	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/filters"

	"github.com/latentask/latentask/graphql"
	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/bundle/bundletest"
)

// TestBrokenBundleIsNamedAndHarmless: whatever is wrong with a bundle, the state
// says which file, and nothing is left open.
func TestBrokenBundleIsNamedAndHarmless(t *testing.T) {
	for name, tt := range map[string]struct {
		damage func(t *testing.T, dir string)
		file   string
	}{
		"one byte changed": {func(t *testing.T, dir string) {
			path := filepath.Join(dir, bundle.LMFile)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data[0] ^= 1
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}, bundle.LMFile},
		"half copied": {func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, bundle.EncoderFile), 10); err != nil {
				t.Fatal(err)
			}
		}, bundle.EncoderFile},
		"file missing": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, bundle.HeadFile)); err != nil {
				t.Fatal(err)
			}
		}, bundle.HeadFile},
		"newer format": {func(t *testing.T, dir string) {
			path := filepath.Join(dir, bundle.ManifestFile)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			newer := strings.Replace(string(data), `"format": 1`, `"format": 2`, 1)
			if err := os.WriteFile(path, []byte(newer), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "format"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := bundletest.Small(t).Write(t)
			tt.damage(t, dir)
			logger, _ := test.NewNullLogger()
			s := newService(Settings{Bundle: dir}, openModel, logger)
			s.start()
			<-s.done
			_, err := s.ready()
			var notReady *NotReadyError
			if !errors.As(err, &notReady) || notReady.State != StateFailed {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), tt.file) || !strings.Contains(err.Error(), EnvBundle) {
				t.Errorf("the error does not name %s: %v", tt.file, err)
			}
			if err := s.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// towns are the objects of the tests that run a real bundle.
var towns = []struct{ title, text string }{
	{"John Knox", "John Knox was a Scottish minister who was born in Haddington."},
	{"The First Blast", "The First Blast of the Trumpet is a polemical work by John Knox."},
	{"Haddington", "Haddington is a town in East Lothian."},
	{"Paris", "Paris is the capital of France."},
	{"Seine", "The Seine is a river that flows through Paris."},
	{"Rome", "Rome is the capital of Italy."},
	{"Ada Lovelace", "Ada Lovelace wrote the first program for the Analytical Engine."},
	{"Charles Babbage", "Charles Babbage designed the Analytical Engine."},
}

// newRealBench is a bench over the real bundle. The objects have no vectors yet.
func newRealBench(t *testing.T, vectorizer string) (*bench, *model) {
	t.Helper()
	dir := bundletest.Real(t).Dir()
	logger, _ := test.NewNullLogger()
	s := newService(Settings{Bundle: dir, Device: "cpu", MaxAsks: 4}, openModel, logger)
	s.start()
	<-s.done
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	m, err := s.ready()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{repo: &fakeRepo{}, class: passageClass(vectorizer)}
	b.Searcher = &Searcher{inner: b.repo, asker: newAsker(s, b.repo, func(string) collection { return collection{class: b.class} })}
	for i, o := range towns {
		b.repo.objects = append(b.repo.objects, fakeObject{
			id: fmt.Sprint(i), properties: map[string]any{"title": o.title, "text": o.text},
		})
	}
	return b, m
}

func TestQuestionOnARealBundle(t *testing.T) {
	b, m := newRealBench(t, VectorizerName)
	b.embedAll(m.embedder, func(o *fakeObject) string { return "Passage " + value(o, "text") + " " + value(o, "title") })
	ask := func() []string {
		t.Helper()
		results, err := b.ask(dto.GetParams{Pagination: &filters.Pagination{Limit: 6}}, map[string]any{
			"question": "Where was the author of The First Blast of the Trumpet born?", "maxHops": 2, "passagesPerHop": 3,
		})
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, r := range results {
			trace := r.AdditionalProperties[graphql.ArgumentName].(map[string]any)
			out = append(out, fmt.Sprint(r.ID, r.Dist, trace["hop"], trace["rank"], trace["answer"]))
		}
		return out
	}
	first := ask()
	if len(first) < 3 {
		t.Fatalf("found %v", first)
	}
	if second := ask(); !reflect.DeepEqual(first, second) {
		t.Errorf("the same question gives\n%v, then\n%v", first, second)
	}
}

// TestCheckWithTheRealRetriever: the threshold holds for the layouts that it was
// set for, and lies above what a text of other words reaches.
func TestCheckWithTheRealRetriever(t *testing.T) {
	b, m := newRealBench(t, vectorizerNone)
	for name, tt := range map[string]struct {
		text func(o *fakeObject) string
		ok   bool
	}{
		"Weaviate's default": {func(o *fakeObject) string { return "Passage " + value(o, "text") + " " + value(o, "title") }, true},
		"title. text":        {func(o *fakeObject) string { return value(o, "title") + ". " + value(o, "text") }, true},
		"text alone":         {func(o *fakeObject) string { return value(o, "text") }, true},
		"text in lower case": {func(o *fakeObject) string { return strings.ToLower(value(o, "text")) }, true},
		"text of others":     {func(*fakeObject) string { return "Berlin lies on the Spree." }, false},
	} {
		t.Run(name, func(t *testing.T) {
			b.asker.verdicts = newVerdicts()
			b.embedAll(m.embedder, tt.text)
			_, err := b.asker.check(context.Background(), m, collection{class: b.class}, mustTarget(t, b), dto.GetParams{ClassName: "Passage"})
			if (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func mustTarget(t *testing.T, b *bench) *target {
	t.Helper()
	target, err := newTarget(b.class, []string{""}, "")
	if err != nil {
		t.Fatal(err)
	}
	return target
}
