package module

import (
	"context"
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/weaviate/weaviate/entities/additional"
	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/filters"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/search"
	"github.com/weaviate/weaviate/entities/vectorindex/hnsw"

	"github.com/latentask/latentask/graphql"
	"github.com/latentask/latentask/internal/fit"
	"github.com/latentask/latentask/reasoner"
)

// trace is the latentAsk field of a result's first object.
func trace(t *testing.T, results []search.Result) map[string]any {
	t.Helper()
	if len(results) == 0 {
		t.Fatal("nothing was found")
	}
	return results[0].AdditionalProperties[graphql.ArgumentName].(map[string]any)
}

func hopOf(t *testing.T, results []search.Result, n int) map[string]any {
	t.Helper()
	return trace(t, results)["hops"].([]any)[n-1].(map[string]any)
}

func TestHybridHopFindsWhatTheVectorDoesNot(t *testing.T) {
	b := newBench(t)
	// A code's vector says nothing, its name stands in one object.
	b.repo.objects = append(b.repo.objects, fakeObject{
		id:         "d",
		properties: map[string]any{"title": "XK-77", "text": "assembled in Turku"},
		vectors:    map[string][]float32{"": b.embed.vector("nothing alike")},
	})
	b.engine.queries = []string{"wrote XK 77 Turku"}
	for search, want := range map[string]string{"VECTOR": "a", "HYBRID": "d", "AUTO": "d"} {
		results, err := b.ask(dto.GetParams{}, map[string]any{"search": search})
		if err != nil {
			t.Fatal(err)
		}
		if got := ids(results); got != want {
			t.Errorf("%s: found %q, want %q", search, got, want)
		}
	}
}

func TestHybridHopReportsItsSides(t *testing.T) {
	b := newBench(t)
	b.class.InvertedIndexConfig = &models.InvertedIndexConfig{Stopwords: &models.StopwordConfig{Preset: "en"}}
	b.engine.queries, b.engine.limit = []string{"the Blast, blast of Knox"}, 3
	b.engine.focus = []reasoner.Word{{Text: "seine", Weight: 0.8}, {Text: "pamphlet", Weight: 0.3}, {Text: "john", Weight: 0.1}}
	results, err := b.ask(dto.GetParams{}, map[string]any{"search": "HYBRID"})
	if err != nil {
		t.Fatal(err)
	}
	hop := hopOf(t, results, 1)
	if hop["search"] != "hybrid" {
		t.Errorf("search is %v", hop["search"])
	}
	// The question's words twice, the focus' at four times their gates; of, the
	// are stop words.
	var asked []string
	for _, k := range hop["keywords"].([]any) {
		k := k.(map[string]any)
		asked = append(asked, k["word"].(string)+"="+string(rune('0'+k["weight"].(int))))
	}
	if got, want := strings.Join(asked, " "), "blast=4 seine=3 knox=2 pamphlet=1"; got != want {
		t.Errorf("keywords %q, want %q", got, want)
	}
	sides := map[string][2]int{}
	for _, f := range hop["found"].([]any) {
		f := f.(map[string]any)
		sides[f["id"].(string)] = [2]int{f["vectorRank"].(int), f["keywordRank"].(int)}
	}
	if want := (map[string][2]int{"a": {1, 2}, "b": {2, 1}, "c": {3, 3}}); !reflect.DeepEqual(sides, want) {
		t.Errorf("sides %v, want %v", sides, want)
	}
	for i, r := range results {
		if i > 0 && r.Score > results[i-1].Score {
			t.Errorf("scores do not fall: %v after %v", r.Score, results[i-1].Score)
		}
		if !strings.Contains(r.ExplainScore, "keyword") {
			t.Errorf("score of %s is explained with %q", r.ID, r.ExplainScore)
		}
	}
	k := b.repo.keywords[0].KeywordRanking
	if k.Type != "bm25" || strings.Count(k.Query, "Blast, blast") != 2 || strings.Count(k.Query, "seine") != 3 || strings.Contains(k.Query, "john") {
		t.Errorf("asked %+v", k)
	}
	if want := []string{"title", "text", "tags"}; !reflect.DeepEqual(k.Properties, want) {
		t.Errorf("searched %v, want %v", k.Properties, want)
	}
	if v, k := b.repo.searches[0].Pagination.Limit, b.repo.keywords[0].Pagination.Limit; v != 100 || k != 100 {
		t.Errorf("fused the first %d and %d", v, k)
	}
}

func TestVectorHopReportsItself(t *testing.T) {
	b := newBench(t)
	b.engine.queries = []string{"Knox"}
	results, err := b.ask(dto.GetParams{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	hop := hopOf(t, results, 1)
	found := hop["found"].([]any)[0].(map[string]any)
	if hop["search"] != "vector" || len(hop["keywords"].([]any)) != 0 || found["vectorRank"] != 1 || found["keywordRank"] != 0 || found["score"] != 0.0 {
		t.Errorf("hop %v", hop)
	}
}

func TestBothSidesSearchUnderTheRequestsOwnParameters(t *testing.T) {
	b := newBench(t)
	b.engine.queries = []string{"Knox blast", "Paris blast"}
	b.class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
	for i, tenant := range []string{"acme", "acme", "other"} {
		b.repo.objects[i].tenant = tenant
	}
	where := &filters.LocalFilter{Root: &filters.Clause{}}
	page := &filters.Pagination{Limit: 10}
	results, err := b.ask(dto.GetParams{
		Filters: where, Tenant: "acme", Pagination: page,
		ReplicationProperties: &additional.ReplicationProperties{ConsistencyLevel: "ALL"},
		Properties:            search.SelectProperties{{Name: "year", IsPrimitive: true}},
	}, map[string]any{"search": "HYBRID"})
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(results); got != "a b" && got != "b a" {
		t.Errorf("tenant acme sees %q", got)
	}
	sides := append(b.repo.searches, b.repo.keywords...)
	if len(sides) != 4 {
		t.Fatalf("%d searches", len(sides))
	}
	for _, s := range sides {
		if s.Filters != where || s.Tenant != "acme" || s.ReplicationProperties.ConsistencyLevel != "ALL" || s.ModuleParams != nil {
			t.Errorf("searched under other parameters: %+v", s)
		}
		if want := []string{"year", "title", "text", "tags"}; !reflect.DeepEqual(s.Properties.GetPropertyNames(), want) {
			t.Errorf("reads %v", s.Properties.GetPropertyNames())
		}
	}
	if b.repo.searches[0].KeywordRanking != nil {
		t.Error("the vector side has keywords")
	}
	if page.Limit != 10 {
		t.Error("the request's page was changed")
	}
}

func TestKeywordsAloneGiveADistanceAndNoVectorThatWasNotAskedFor(t *testing.T) {
	for _, tt := range []struct {
		name   string
		params dto.GetParams
		vector []float32
		want   bool // that the vector comes back
	}{
		{name: "not asked for"},
		{name: "asked for", params: dto.GetParams{AdditionalProperties: additional.Properties{Vector: true}}, want: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.repo.maximum = 1 // the vector side sees one object
			b.engine.queries, b.engine.limit = []string{"Knox John wrote the blast", "pamphlet"}, 1
			tt.params.ClassName = "Passage"
			results, err := b.ask(tt.params, map[string]any{"search": "HYBRID"})
			if err != nil {
				t.Fatal(err)
			}
			if got := ids(results); got != "a b" {
				t.Fatalf("found %q", got)
			}
			want := 1 - fit.Cosine(b.embed.vector("pamphlet"), b.repo.byID("b").vectors[""])
			if got := float64(results[1].Dist); math.Abs(got-want) > 1e-6 {
				t.Errorf("distance %v, want %v", got, want)
			}
			if got := results[1].Vector != nil; got != tt.want {
				t.Errorf("the result has a vector: %v", got)
			}
		})
	}
}

func TestKeywordsAloneInANamedVector(t *testing.T) {
	b := newBench(t)
	named := func() models.VectorConfig {
		return models.VectorConfig{
			VectorIndexType: "hnsw", VectorIndexConfig: hnsw.NewDefaultUserConfig(),
			Vectorizer: map[string]any{VectorizerName: map[string]any(nil)},
		}
	}
	b.class.Vectorizer, b.class.VectorIndexConfig, b.class.VectorIndexType = "", nil, ""
	b.class.VectorConfig = map[string]models.VectorConfig{"body": named(), "head": named(), "tail": named()}
	for i := range b.repo.objects {
		v := b.repo.objects[i].vectors[""]
		b.repo.objects[i].vectors = map[string][]float32{"body": v, "head": v, "tail": v}
	}
	b.repo.maximum = 1
	b.engine.queries, b.engine.limit = []string{"Knox John wrote the blast", "pamphlet"}, 1
	asked := []string{"head"}
	results, err := b.ask(dto.GetParams{AdditionalProperties: additional.Properties{Vectors: asked[:1:1]}},
		map[string]any{"search": "HYBRID", "targetVectors": []any{"body"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(results); got != "a b" {
		t.Fatalf("found %q", got)
	}
	if got := b.repo.keywords[0].AdditionalProperties.Vectors; !reflect.DeepEqual(got, []string{"head", "body"}) {
		t.Errorf("the keyword side reads vectors %v", got)
	}
	if _, ok := results[1].Vectors["head"]; !ok || len(results[1].Vectors) != 1 {
		t.Errorf("the result has vectors of %v", slices.Collect(maps.Keys(results[1].Vectors)))
	}
	if d := results[1].Dist; d <= 0 || d >= 1 {
		t.Errorf("distance %v", d)
	}
}

func TestObjectWithoutAVectorHasNoDistance(t *testing.T) {
	b := newBench(t)
	h := newHopSearcher(b.repo, dto.GetParams{ClassName: "Passage"}, b.target(t), []string{"title", "text"},
		&keywordSide{properties: []string{"text"}, analyze: strings.Fields})
	b.repo.objects[2].vectors = nil
	h.repo = vectorless{b.repo}
	passages, err := h.Search(context.Background(), reasoner.Query{Vector: b.embed.vector("Knox"), Text: "Seine", Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if p := passages[0]; p.ID != "c" || p.VectorRank != 0 || p.KeywordRank != 1 || !math.IsNaN(float64(p.Distance)) {
		t.Errorf("found %+v", p)
	}
	if got := h.found["c"].Dist; got != noDistance {
		t.Errorf("distance %v, want one that JSON can write", got)
	}
}

// vectorless finds nothing by vector.
type vectorless struct{ *fakeRepo }

func (vectorless) VectorSearch(context.Context, dto.GetParams, []string, []models.Vector) ([]search.Result, error) {
	return nil, nil
}

func TestHowHopsSearch(t *testing.T) {
	off := false
	unsearchable := func(b *bench) {
		for _, p := range b.class.Properties {
			p.IndexSearchable = &off
		}
	}
	whole := func(b *bench) {
		for _, p := range b.class.Properties {
			p.Tokenization = models.PropertyTokenizationField
		}
	}
	some := func(b *bench) {
		b.class.Properties[0].IndexSearchable = &off
		b.class.Properties[2].Tokenization = models.PropertyTokenizationField
	}
	for _, tt := range []struct {
		name     string
		change   func(*bench)
		argument map[string]any
		hybrid   []string // the properties searched, nil for a vector search
	}{
		{"by default", nil, nil, []string{"title", "text", "tags"}},
		{"explicit hops", nil, map[string]any{"mode": "EXPLICIT"}, []string{"title", "text", "tags"}},
		{"rounds", nil, map[string]any{"mode": "ITERATIVE"}, []string{"title", "text", "tags"}},
		{"one search", nil, map[string]any{"mode": "SINGLE"}, nil},
		{"one search for a direct answer", nil, map[string]any{"mode": "DIRECT"}, nil},
		{"one hybrid search", nil, map[string]any{"mode": "SINGLE", "search": "HYBRID"}, []string{"title", "text", "tags"}},
		{"vectors wanted", nil, map[string]any{"search": "VECTOR"}, nil},
		{"properties named", nil, map[string]any{"properties": []any{"text"}}, []string{"text"}},
		{"searchable off", unsearchable, nil, nil},
		{"whole values alone", whole, nil, nil},
		{"some are searchable", some, nil, []string{"text"}},
		{"none of those read is", some, map[string]any{"properties": []any{"title", "tags"}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.engine.queries = []string{"Knox"}
			if tt.change != nil {
				tt.change(b)
			}
			argument := map[string]any{"search": nil}
			for k, v := range tt.argument {
				argument[k] = v
			}
			results, err := b.ask(dto.GetParams{}, argument)
			if err != nil {
				t.Fatal(err)
			}
			var searched []string
			if len(b.repo.keywords) > 0 {
				searched = b.repo.keywords[0].KeywordRanking.Properties
			}
			if !reflect.DeepEqual(searched, tt.hybrid) {
				t.Errorf("searched by keywords in %v, want %v", searched, tt.hybrid)
			}
			kind := graphql.KindVector
			if tt.hybrid != nil {
				kind = graphql.KindHybrid
			}
			if got := hopOf(t, results, 1)["search"]; got != kind {
				t.Errorf("reports %v", got)
			}
			if got := testutil.ToFloat64(b.asker.service.metrics.searches.WithLabelValues(kind)); got != 1 {
				t.Errorf("counted %v", got)
			}
		})
	}
}

func TestHybridWithoutSearchableTextIsRefused(t *testing.T) {
	b := newBench(t)
	for _, p := range b.class.Properties {
		p.Tokenization = models.PropertyTokenizationField
	}
	_, err := b.ask(dto.GetParams{}, map[string]any{"search": "HYBRID"})
	assertInput(t, err, "latentAsk.search", `collection "Passage" ("title", "text", "tags")`)
	if len(b.engine.asked) != 0 {
		t.Error("a refused question was worked on")
	}
}

func TestOnePlainHybridSearchIsWeaviates(t *testing.T) {
	k, err := newKeywordSide(graphql.SearchHybrid, reasoner.ModeSingle, passageClass("none"), []string{"text"}, newBench(t).asker.service.current.Load().model.search)
	if err != nil {
		t.Fatal(err)
	}
	if k.Alpha != 0.5 || k.query("who was Knox", nil) != "who was Knox" {
		t.Errorf("alpha %v, query %q", k.Alpha, k.query("who was Knox", nil))
	}
}

func TestErrorOfTheKeywordSide(t *testing.T) {
	b := newBench(t)
	b.engine.queries = []string{"Knox"}
	b.repo.keywordErr = errors.New("bucket lost")
	_, err := b.ask(dto.GetParams{}, map[string]any{"search": "HYBRID"})
	if !errors.Is(err, b.repo.keywordErr) || !strings.Contains(err.Error(), `collection "Passage"`) {
		t.Errorf("got %v", err)
	}
}

func TestReferencesAreLookedUpForWhatIsReturned(t *testing.T) {
	refs := search.SelectProperties{{Name: "author", Refs: []search.SelectClass{{ClassName: "Person"}}}}
	for _, kind := range []string{"VECTOR", "HYBRID"} {
		b := newBench(t)
		b.engine.queries, b.engine.limit = []string{"Knox"}, 3
		params := dto.GetParams{Properties: refs, Pagination: &filters.Pagination{Limit: 1}}
		results, err := b.ask(params, map[string]any{"search": kind})
		if err != nil {
			t.Fatal(err)
		}
		if len(results) != 1 || results[0].Schema.(map[string]any)["resolved"] != true {
			t.Errorf("%s: results %v", kind, results)
		}
		if len(b.repo.resolved) != 1 || len(b.repo.resolved[0]) != 1 || !b.repo.resolved[0].HasRefs() {
			t.Errorf("%s: resolved %v", kind, b.repo.resolved)
		}
		for _, s := range append(b.repo.searches, b.repo.keywords...) {
			if s.Properties.HasRefs() || s.Properties[0].Name != "author" {
				t.Errorf("%s: a hop asked for %+v", kind, s.Properties)
			}
		}
		if !params.Properties.HasRefs() {
			t.Errorf("%s: the request's properties were changed", kind)
		}
		b.repo.resolveErr = errors.New("class lost")
		if _, err := b.ask(params, map[string]any{"search": kind}); !errors.Is(err, b.repo.resolveErr) {
			t.Errorf("%s: got %v", kind, err)
		}
	}
}

func TestSourceIsThePlaceInTheObject(t *testing.T) {
	b := newBench(t)
	b.repo.objects[0].properties["text"] = "  Þórr wrote\nthe blast"
	b.engine.queries = []string{"Knox John"}
	text := "Knox. Þórr wrote\nthe blast"
	start := strings.Index(text, "wrote")
	b.engine.source = &reasoner.Source{ID: "a", Start: start, End: start + len("wrote\nthe")}
	results, err := b.ask(dto.GetParams{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if b.engine.texts[0] != text {
		t.Fatalf("the engine read %q", b.engine.texts[0])
	}
	got := trace(t, results)["answer"].(map[string]any)["source"]
	want := map[string]any{"id": "a", "property": "text", "start": 7, "end": 16}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("source %v, want %v", got, want)
	}
	b.engine.source = &reasoner.Source{ID: "a", Start: 2, End: 10} // over two properties
	if results, err = b.ask(dto.GetParams{}, nil); err != nil {
		t.Fatal(err)
	}
	if got, ok := trace(t, results)["answer"].(map[string]any)["source"]; ok {
		t.Errorf("source %v", got)
	}
}
