package graphql

import (
	"context"
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/tailor-platform/graphql"

	"github.com/latentask/latentask/reasoner"
)

func exampleResult() *reasoner.Result {
	return &reasoner.Result{
		Answer: reasoner.Answer{
			Text: "Knox", Confidence: 0.5, StoppedBy: reasoner.StoppedByAction,
			By: reasoner.AnswerBySpan, Source: &reasoner.Source{ID: "a", Start: 8, End: 12},
		},
		Hops: []reasoner.Hop{
			{
				N: 1, Action: reasoner.ActionQuery, IDs: []string{"a", "b"}, Distances: []float32{0.25, 0.5},
				Found:  []reasoner.Found{{ID: "a", Distance: 0.25, VectorRank: 1, Support: 0.75}, {ID: "b", Distance: 0.5, VectorRank: 2}},
				Vector: []float32{1, 0}, Model: 2 * time.Millisecond, Search: 1500 * time.Microsecond,
			},
			{
				N: 2, Action: reasoner.ActionQuery, IDs: []string{"c"}, Distances: []float32{0.125},
				Found:  []reasoner.Found{{ID: "c", Distance: 0.125, Score: 0.75, VectorRank: 7, KeywordRank: 1}},
				Vector: []float32{0, 1}, Focus: []reasoner.Word{{Text: "knox", Weight: 0.75}},
				Thought: "the author", Subquery: "author of the blast",
				Lens: []reasoner.LensToken{
					{Kind: reasoner.LensThink, N: 1, Words: []reasoner.Word{{Text: "author", Weight: 0.5}}},
					{Kind: reasoner.LensQuery, N: 1, Words: []reasoner.Word{{Text: "Knox", Weight: 0.25}}, Focus: []string{"knox"}},
				},
			},
			{N: 3, Action: reasoner.ActionAnswer},
		},
		Evidence: []reasoner.Evidence{
			{ID: "c", Hop: 2, Rank: 1, Distance: 0.125},
			{ID: "a", Hop: 1, Rank: 1, Distance: 0.25},
		},
		Timings: reasoner.Timings{Total: 10 * time.Millisecond, Model: 6 * time.Millisecond},
		Usage:   reasoner.Usage{Passes: 5, TokensIn: 300, TokensOut: 4},
	}
}

func exampleDetails() Details {
	return Details{
		Hops: []HopSearch{
			{Kind: KindVector},
			{Kind: KindHybrid, Keywords: []Keyword{{"knox", 4}, {"wrote", 2}}},
		},
		Source: &Source{ID: "a", Property: "text", Index: -1, Start: 2, End: 6},
	}
}

// TestFieldRendersAResult runs a real GraphQL query over the field's type, so
// that names, types and values agree.
func TestFieldRendersAResult(t *testing.T) {
	result := exampleResult()
	f := Properties()[ArgumentName].GraphQLFieldFunction("Passage")
	f.Resolve = func(graphql.ResolveParams) (any, error) {
		return NewTrace(result, exampleDetails()).Object(result.Evidence[0]), nil
	}
	schema, err := graphql.NewSchema(graphql.SchemaConfig{Query: graphql.NewObject(graphql.ObjectConfig{
		Name: "Query", Fields: graphql.Fields{ArgumentName: f},
	})})
	if err != nil {
		t.Fatal(err)
	}
	response := graphql.Do(graphql.Params{
		Schema:  schema,
		Context: context.Background(),
		RequestString: `{ latentAsk { hop rank
			answer { text confidence abstained partial stoppedBy by source { id property index start end } }
			hops { n action search keywords { word weight } ids distances
				found { id distance score vectorRank keywordRank support }
				vector focus { word weight } thought subquery
				lens { kind n words { text weight } focus }
				ms { model search decode } }
			timings { totalMs modelMs searchMs queueMs }
			usage { passes tokensIn tokensOut } } }`,
	})
	if response.HasErrors() {
		t.Fatal(response.Errors)
	}
	got, err := json.Marshal(response.Data)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"latentAsk":{
		"hop":2,"rank":1,
		"answer":{"text":"Knox","confidence":0.5,"abstained":false,"partial":false,"stoppedBy":"action","by":"SPAN",
			"source":{"id":"a","property":"text","index":null,"start":2,"end":6}},
		"hops":[
			{"n":1,"action":"query","search":"vector","keywords":[],"ids":["a","b"],"distances":[0.25,0.5],
				"found":[{"id":"a","distance":0.25,"score":0,"vectorRank":1,"keywordRank":0,"support":0.75},
					{"id":"b","distance":0.5,"score":0,"vectorRank":2,"keywordRank":0,"support":0}],
				"vector":[1,0],"focus":[],"thought":null,"subquery":null,"lens":null,"ms":{"model":2,"search":1.5,"decode":0}},
			{"n":2,"action":"query","search":"hybrid","keywords":[{"word":"knox","weight":4},{"word":"wrote","weight":2}],
				"ids":["c"],"distances":[0.125],
				"found":[{"id":"c","distance":0.125,"score":0.75,"vectorRank":7,"keywordRank":1,"support":0}],
				"vector":[0,1],"focus":[{"word":"knox","weight":0.75}],"thought":"the author","subquery":"author of the blast",
				"lens":[{"kind":"think","n":1,"words":[{"text":"author","weight":0.5}],"focus":[]},
					{"kind":"query","n":1,"words":[{"text":"Knox","weight":0.25}],"focus":["knox"]}],
				"ms":{"model":0,"search":0,"decode":0}},
			{"n":3,"action":"answer","search":null,"keywords":null,"ids":[],"distances":[],"found":[],"vector":null,"focus":[],
				"thought":null,"subquery":null,"lens":null,"ms":{"model":0,"search":0,"decode":0}}],
		"timings":{"totalMs":10,"modelMs":6,"searchMs":0,"queueMs":0},
		"usage":{"passes":5,"tokensIn":300,"tokensOut":4}}}`
	assertSameJSON(t, got, []byte(want))
}

func TestSourceInAListNamesTheValue(t *testing.T) {
	source := NewTrace(&reasoner.Result{}, Details{Source: &Source{Property: "tags", Index: 0}}).answer["source"]
	if got := source.(map[string]any)["index"]; got != 0 {
		t.Errorf("index %v", got)
	}
}

func TestAnswerWithoutASourceHasNone(t *testing.T) {
	answer := NewTrace(&reasoner.Result{}, Details{}).answer
	for _, field := range []string{"source", "by"} {
		if v, ok := answer[field]; ok {
			t.Errorf("%s is %v", field, v)
		}
	}
}

func TestNumbersThatJSONCannotWriteAreNull(t *testing.T) {
	nan := float32(math.NaN())
	result := &reasoner.Result{
		Answer: reasoner.Answer{Confidence: nan},
		Hops: []reasoner.Hop{{
			Distances: []float32{float32(math.Inf(1))}, Vector: []float32{nan}, Focus: []reasoner.Word{{Weight: nan}},
			Found: []reasoner.Found{{Distance: nan, Score: nan}},
			Lens:  []reasoner.LensToken{{Words: []reasoner.Word{{Weight: nan}}}},
		}},
	}
	if _, err := json.Marshal(NewTrace(result, Details{}).Object(reasoner.Evidence{})); err != nil {
		t.Error(err)
	}
}

func TestQueryWithoutTheArgumentIsLeftAlone(t *testing.T) {
	p := Properties()[ArgumentName]
	if p.GraphQLExtractFunction(nil, nil) == nil {
		t.Error("a nil marker makes Weaviate refuse the query")
	}
	for name, fn := range map[string]any{"get": p.SearchFunctions.ExploreGet, "list": p.SearchFunctions.ExploreList} {
		if reflect.ValueOf(fn).IsNil() {
			t.Errorf("%s: not served", name)
		}
	}
	out, err := p.SearchFunctions.ExploreList(context.Background(), nil, asked{}, nil, nil, nil)
	if err != nil || out != nil {
		t.Errorf("got %v, %v", out, err)
	}
}

// TestTypesOfTwoCollectionsStandInOneSchema guards the names: GraphQL refuses a
// schema in which two types share one.
func TestTypesOfTwoCollectionsStandInOneSchema(t *testing.T) {
	fields := graphql.Fields{}
	for _, class := range []string{"Passage", "Page"} {
		fields[class] = &graphql.Field{
			Type: graphql.NewObject(graphql.ObjectConfig{Name: class, Fields: graphql.Fields{
				ArgumentName: Properties()[ArgumentName].GraphQLFieldFunction(class),
			}}),
			Args: graphql.FieldConfigArgument{
				ArgumentName: Arguments()[ArgumentName].GetArgumentsFunction(class),
			},
		}
	}
	if _, err := graphql.NewSchema(graphql.SchemaConfig{
		Query: graphql.NewObject(graphql.ObjectConfig{Name: "Query", Fields: fields}),
	}); err != nil {
		t.Error(err)
	}
}

func assertSameJSON(t *testing.T, got, want []byte) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
