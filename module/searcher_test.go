package module

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/weaviate/weaviate/entities/additional"
	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/filters"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/search"
	"github.com/weaviate/weaviate/entities/searchparams"
	"github.com/weaviate/weaviate/entities/vectorindex/common"
	"github.com/weaviate/weaviate/entities/vectorindex/hnsw"

	"github.com/latentask/latentask/graphql"
	"github.com/latentask/latentask/internal/fit"
	"github.com/latentask/latentask/reasoner"
)

func TestHopsFindNewObjectsAndKeepTheirOwnDistance(t *testing.T) {
	b := newBench(t)
	b.engine.queries = []string{"Knox John", "Knox blast pamphlet", "Seine town"}
	results, err := b.ask(dto.GetParams{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(results); got != "a b c" {
		t.Fatalf("found %q, want one new object a hop", got)
	}
	for i, query := range b.engine.queries {
		want := float32(1 - fit.Cosine(b.embed.vector(query), b.repo.objects[i].vectors[""]))
		if results[i].Dist != want {
			t.Errorf("object %d has distance %v, want %v of its own hop", i, results[i].Dist, want)
		}
		trace := results[i].AdditionalProperties[graphql.ArgumentName].(map[string]any)
		if trace["hop"] != i+1 || trace["rank"] != 1 {
			t.Errorf("object %d is of hop %v rank %v", i, trace["hop"], trace["rank"])
		}
		if len(trace["hops"].([]any)) != 3 || trace["answer"].(map[string]any)["text"] != "answer" {
			t.Errorf("object %d lacks the whole trace: %v", i, trace)
		}
		if got, want := b.repo.searches[i].Pagination.Limit, 1+i; got != want {
			t.Errorf("hop %d asked for %d objects, want its own and those already read, %d", i+1, got, want)
		}
	}
}

func TestHopsSearchUnderTheRequestsOwnParameters(t *testing.T) {
	b := newBench(t)
	b.engine.queries = []string{"Knox", "Paris"}
	for i := range b.repo.objects {
		b.repo.objects[i].tenant = "acme"
	}
	b.class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
	where := &filters.LocalFilter{Root: &filters.Clause{}}
	page := &filters.Pagination{Offset: 0, Limit: 10}
	selected := append(make(search.SelectProperties, 0, 8), search.SelectProperty{Name: "year", IsPrimitive: true})
	params := dto.GetParams{
		Filters:               where,
		Tenant:                "acme",
		Pagination:            page,
		Properties:            selected,
		ReplicationProperties: &additional.ReplicationProperties{ConsistencyLevel: "ALL"},
		AdditionalProperties:  additional.Properties{Vector: true, Distance: true, NoProps: true},
	}
	results, err := b.ask(params, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.repo.searches) != 2 {
		t.Fatalf("%d searches", len(b.repo.searches))
	}
	for i, s := range b.repo.searches {
		if s.Filters != where || s.Tenant != "acme" || s.ReplicationProperties.ConsistencyLevel != "ALL" || !s.AdditionalProperties.Distance {
			t.Errorf("hop %d searched under other parameters: %+v", i+1, s)
		}
		if s.ModuleParams != nil || s.AdditionalProperties.NoProps {
			t.Errorf("hop %d kept what is not a search's: %+v", i+1, s)
		}
		var names []string
		for _, p := range s.Properties {
			names = append(names, p.Name)
		}
		if want := []string{"year", "title", "text", "tags"}; !reflect.DeepEqual(names, want) {
			t.Errorf("hop %d reads %v, want %v", i+1, names, want)
		}
		if !reflect.DeepEqual(b.repo.targets[i], []string{""}) {
			t.Errorf("hop %d searched vectors %v", i+1, b.repo.targets[i])
		}
	}
	if results[0].Vector == nil {
		t.Error("a vector that was asked for is missing")
	}
	// Weaviate goes on with the same parameters after the search.
	if page.Limit != 10 || len(selected[:cap(selected)][1].Name) != 0 || params.Properties[0].Name != "year" {
		t.Error("the request's own parameters were changed")
	}
}

func TestTenantsNeverMix(t *testing.T) {
	b := newBench(t)
	b.engine.queries, b.engine.limit = []string{"Knox", "Paris", "blast"}, 3
	b.class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
	for i, tenant := range []string{"acme", "acme", "other"} {
		b.repo.objects[i].tenant = tenant
	}
	results, err := b.ask(dto.GetParams{Tenant: "acme"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(results); got != "a b" {
		t.Errorf("tenant acme sees %q", got)
	}
}

func TestPageIsCutFromTheEvidence(t *testing.T) {
	for _, tt := range []struct {
		name string
		page *filters.Pagination
		want string
	}{
		{"none", nil, "a b c"},
		{"limit", &filters.Pagination{Limit: 2}, "a b"},
		{"limit above", &filters.Pagination{Limit: 100}, "a b c"},
		{"limit of nothing", &filters.Pagination{Limit: 0}, ""},
		{"offset alone", &filters.Pagination{Offset: 1, Limit: filters.LimitFlagNotSet}, "b c"},
		{"offset and limit", &filters.Pagination{Offset: 1, Limit: 1}, "b"},
		{"offset above", &filters.Pagination{Offset: 9, Limit: 1}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.engine.queries = []string{"Knox John", "blast", "Seine town"}
			results, err := b.ask(dto.GetParams{Pagination: tt.page}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := ids(results); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if len(b.repo.searches) != 3 {
				t.Errorf("a page changed the number of searches to %d", len(b.repo.searches))
			}
		})
	}
}

func TestOtherSearchesPassThrough(t *testing.T) {
	b := newBench(t)
	params := dto.GetParams{
		ClassName:    "Passage",
		Pagination:   &filters.Pagination{Limit: 2, Autocut: 1},
		Sort:         []filters.Sort{{Path: []string{"title"}}},
		ModuleParams: map[string]any{"nearText": "something"},
	}
	results, err := b.VectorSearch(context.Background(), params, []string{""}, []models.Vector{b.embed.vector("Seine town")})
	if err != nil {
		t.Fatal(err)
	}
	if ids(results) != "c a" && ids(results) != "c b" {
		t.Errorf("found %q", ids(results))
	}
	if !reflect.DeepEqual(b.repo.searches[0], params) {
		t.Errorf("parameters were changed to %+v", b.repo.searches[0])
	}
	if len(b.engine.asked) != 0 || results[0].AdditionalProperties != nil {
		t.Error("the operator had a part in it")
	}
}

func TestNamedVectors(t *testing.T) {
	b := newBench(t)
	b.engine.queries = []string{"Knox"}
	index := hnsw.NewDefaultUserConfig()
	multi := hnsw.NewDefaultUserConfig()
	multi.Multivector.Enabled = true
	manhattan := hnsw.NewDefaultUserConfig()
	manhattan.Distance = common.DistanceManhattan
	named := func(index hnsw.UserConfig, settings map[string]any) models.VectorConfig {
		return models.VectorConfig{
			VectorIndexType: "hnsw", VectorIndexConfig: index,
			Vectorizer: map[string]any{VectorizerName: settings},
		}
	}
	b.class.Vectorizer, b.class.VectorIndexConfig, b.class.VectorIndexType = "", nil, ""
	b.class.VectorConfig = map[string]models.VectorConfig{
		"body":   named(index, map[string]any{"properties": []any{"text"}}),
		"colors": named(multi, nil),
		"far":    named(manhattan, nil),
	}
	for i := range b.repo.objects {
		o := &b.repo.objects[i]
		o.vectors = map[string][]float32{"body": b.embed.vector(o.properties["text"].(string))}
	}
	results, err := b.ask(dto.GetParams{}, map[string]any{"targetVectors": []any{"body"}})
	if err != nil {
		t.Fatal(err)
	}
	if ids(results) != "a" || !reflect.DeepEqual(b.repo.targets, [][]string{{"body"}}) {
		t.Errorf("found %q in %v", ids(results), b.repo.targets)
	}
	var read []string
	for _, p := range b.repo.searches[0].Properties {
		read = append(read, p.Name)
	}
	if !reflect.DeepEqual(read, []string{"text"}) {
		t.Errorf("reads %v, want what the vector was made of", read)
	}
	for target, says := range map[string]string{
		"tail":   `no vector "tail"; it has "body", "colors", "far"`,
		"colors": "multi-vector",
		"far":    "compared by manhattan",
	} {
		_, err := b.ask(dto.GetParams{}, map[string]any{"targetVectors": []any{target}})
		assertInput(t, err, "latentAsk.targetVectors", says)
	}
}

func TestRefusals(t *testing.T) {
	multiTenant := func(b *bench) { b.class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true} }
	for _, tt := range []struct {
		name     string
		change   func(*bench)
		params   dto.GetParams
		argument map[string]any
		field    string
		says     string
	}{
		{"sort", nil, dto.GetParams{Sort: []filters.Sort{{}}}, nil, "sort", "beside latentAsk"},
		{"group", nil, dto.GetParams{Group: &dto.GroupParams{}}, nil, "group", "beside latentAsk"},
		{"groupBy", nil, dto.GetParams{GroupBy: &searchparams.GroupBy{}}, nil, "groupBy", "beside latentAsk"},
		{"hybrid", nil, dto.GetParams{HybridSearch: &searchparams.HybridSearch{}}, nil, "hybrid", "beside latentAsk"},
		{"selection", nil, dto.GetParams{Selection: &searchparams.Selection{}}, nil, "selection", "beside latentAsk"},
		{"autocut", nil, dto.GetParams{Pagination: &filters.Pagination{Autocut: 1}}, nil, "autocut", "beside latentAsk"},
		{"empty question", nil, dto.GetParams{}, map[string]any{"question": ""}, "latentAsk.question", "empty"},
		{"no tenant", multiTenant, dto.GetParams{}, nil, "tenant", "name the tenant"},
		{"unknown property", nil, dto.GetParams{}, map[string]any{"properties": []any{"titel"}}, "latentAsk.properties", `no property "titel"; its text properties are "title", "text", "tags"`},
		{"property not text", nil, dto.GetParams{}, map[string]any{"properties": []any{"year"}}, "latentAsk.properties", `"year" of collection "Passage" is int, must be text`},
		{"nothing to read", func(b *bench) { b.class.Properties = b.class.Properties[3:] }, dto.GetParams{}, nil, "latentAsk.properties", "no vectorised text property"},
		{"engine's limits", func(b *bench) { b.engine.invalid = &reasoner.InputError{Field: "maxHops", Problem: "too many"} }, dto.GetParams{}, nil, "latentAsk.maxHops", "too many"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.engine.queries = []string{"Knox"}
			if tt.change != nil {
				tt.change(b)
			}
			_, err := b.ask(tt.params, tt.argument)
			assertInput(t, err, tt.field, tt.says)
			if len(b.repo.searches)+len(b.engine.asked) != 0 {
				t.Error("a refused question was worked on")
			}
		})
	}
}

func TestErrorsOfTheEngineKeepTheirKind(t *testing.T) {
	lost := errors.New("shard lost")
	for _, tt := range []struct {
		err  error
		says string
	}{
		{reasoner.ErrOverloaded, "latentAsk: the node is overloaded"},
		{reasoner.ErrClosed, "shutting down"},
		{reasoner.ErrExplicitUnavailable, "latentAsk.mode: "},
		{reasoner.ErrPointerUnavailable, "latentAsk.answerBy: "},
		{context.Canceled, "request ended"},
		{lost, "latentAsk: shard lost"},
	} {
		b := newBench(t)
		b.engine.err = tt.err
		_, err := b.ask(dto.GetParams{}, nil)
		if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("got %v, want %v saying %q", err, tt.err, tt.says)
		}
	}
}

func TestErrorOfASearchNamesTheCollection(t *testing.T) {
	b := newBench(t)
	b.engine.queries = []string{"Knox"}
	b.repo.err = errors.New("shard lost")
	_, err := b.ask(dto.GetParams{}, nil)
	if !errors.Is(err, b.repo.err) || !strings.Contains(err.Error(), `collection "Passage"`) {
		t.Errorf("got %v", err)
	}
}

func TestQuestionWithoutAHitIsAnEmptyList(t *testing.T) {
	b := newBench(t)
	b.engine.queries = []string{"Knox"}
	b.repo.objects = nil
	results, err := b.ask(dto.GetParams{}, nil)
	if err != nil || len(results) != 0 {
		t.Errorf("got %v, %v", results, err)
	}
}

func assertInput(t *testing.T, err error, field, says string) {
	t.Helper()
	var input *reasoner.InputError
	if !errors.As(err, &input) {
		t.Fatalf("got %v, want an InputError of %s", err, field)
	}
	if input.Field != field || !strings.Contains(input.Problem, says) {
		t.Errorf("got %q, want %s saying %q", input.Error(), field, says)
	}
}

func TestObjectFoundAgainKeepsItsFirstDistance(t *testing.T) {
	b := newBench(t)
	h := newHopSearcher(b.repo, dto.GetParams{ClassName: "Passage"}, b.target(t), []string{"text"}, nil)
	first, err := h.Search(context.Background(), reasoner.Query{Vector: b.embed.vector("Knox John"), Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Search(context.Background(), reasoner.Query{Vector: b.embed.vector("Knox"), Limit: 1}); err != nil {
		t.Fatal(err)
	}
	if got := h.found[first[0].ID].Dist; got != first[0].Distance {
		t.Errorf("distance %v, want %v of the first hop", got, first[0].Distance)
	}
}
