package graphql

import (
	"strings"
	"testing"

	"github.com/tailor-platform/graphql"

	"github.com/latentask/latentask/reasoner"
)

// ask parses a query with the real GraphQL library and hands the argument over
// as Weaviate does.
func ask(t *testing.T, argument string) (*Params, error) {
	t.Helper()
	var got *Params
	schema, err := graphql.NewSchema(graphql.SchemaConfig{Query: graphql.NewObject(graphql.ObjectConfig{
		Name: "Query",
		Fields: graphql.Fields{"Passage": &graphql.Field{
			Type: graphql.String,
			Args: graphql.FieldConfigArgument{ArgumentName: Arguments()[ArgumentName].GetArgumentsFunction("Passage")},
			Resolve: func(p graphql.ResolveParams) (any, error) {
				extracted, _, err := Arguments()[ArgumentName].ExtractFunction(p.Args[ArgumentName].(map[string]any))
				if err != nil {
					return nil, err
				}
				got = extracted.(*Params)
				return "", Arguments()[ArgumentName].ValidateFunction(got)
			},
		}},
	})})
	if err != nil {
		t.Fatal(err)
	}
	response := graphql.Do(graphql.Params{Schema: schema, RequestString: "{ Passage(latentAsk: " + argument + ") }"})
	if response.HasErrors() {
		return got, response.Errors[0]
	}
	return got, nil
}

func TestArgumentThroughGraphQL(t *testing.T) {
	got, err := ask(t, `{question: "Who?", mode: ITERATIVE, search: HYBRID, answerBy: SPAN, lens: true, maxHops: 2, properties: ["title"], decode: true, budgetMs: 50, targetVectors: "body"}`)
	if err != nil {
		t.Fatal(err)
	}
	if got.Request.AnswerBy != reasoner.AnswerBySpan || got.Search != SearchHybrid || !got.Request.Lens {
		t.Errorf("got %+v", got)
	}
	if got.Request.Mode != reasoner.ModeIterative || got.Request.MaxHops != 2 || len(got.TargetVectors) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestGraphQLRefuses(t *testing.T) {
	for argument, says := range map[string]string{
		`{}`:                            "question",
		`{question: 3}`:                 "question",
		`{question: "", maxHops: 2}`:    "latentAsk.question: must not be empty",
		`{question: "a", maxHops: 0}`:   "latentAsk.maxHops: is 0, must be at least 1",
		`{question: "a", mode: FAST}`:   "mode",
		`{question: "a", search: BM25}`: "search",
		`{question: "a", answerBy: BY}`: "answerBy",
		`{question: "a", nonsense: 1}`:  "nonsense",
		`{question: "a", maxHops: 1.5}`: "maxHops",
	} {
		_, err := ask(t, argument)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want it to say %q", argument, err, says)
		}
	}
}
