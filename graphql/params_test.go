package graphql

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/weaviate/weaviate/entities/modulecapabilities"

	"github.com/latentask/latentask/reasoner"
)

func TestExtractReadsEveryField(t *testing.T) {
	got := Extract(map[string]any{
		"question":       "Who?",
		"mode":           "SINGLE",
		"search":         "HYBRID",
		"answerBy":       "POINTER",
		"lens":           true,
		"maxHops":        3,
		"passagesPerHop": 5,
		"properties":     []any{"title", "text"},
		"decode":         true,
		"budgetMs":       1500,
		"targetVectors":  []any{"body"},
	})
	want := &Params{
		Request: reasoner.Request{
			Question: "Who?", Mode: reasoner.ModeSingle, MaxHops: 3, PassagesPerHop: 5,
			AnswerBy: reasoner.AnswerByPointer, Decode: true, Lens: true, Budget: 1500 * time.Millisecond,
		},
		Search:        SearchHybrid,
		Properties:    []string{"title", "text"},
		TargetVectors: []string{"body"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := got.Validate(); err != nil {
		t.Errorf("valid argument refused: %v", err)
	}
}

func TestExtractLeavesDefaultsToTheEngine(t *testing.T) {
	got := Extract(map[string]any{"question": "Who?", "mode": nil, "properties": nil})
	if want := (&Params{Request: reasoner.Request{Question: "Who?"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestValidateNamesTheFieldAndTheLimit(t *testing.T) {
	many := make([]any, MaxProperties+1)
	for i := range many {
		many[i] = strings.Repeat("p", i+1)
	}
	tests := []struct {
		name   string
		change map[string]any
		field  string
		says   string
	}{
		{"missing question", map[string]any{"question": nil}, "question", "empty"},
		{"empty question", map[string]any{"question": ""}, "question", "empty"},
		{"blank question", map[string]any{"question": " \n\t"}, "question", "empty"},
		{"long question", map[string]any{"question": strings.Repeat("é", MaxQuestionChars+1)}, "question", "limit is 4000"},
		{"question of bad bytes", map[string]any{"question": "a\xff"}, "question", "UTF-8"},
		{"question not a string", map[string]any{"question": 3}, "question", "string"},
		{"no hops", map[string]any{"maxHops": 0}, "maxHops", "at least 1"},
		{"negative hops", map[string]any{"maxHops": -2}, "maxHops", "at least 1"},
		{"hops not a number", map[string]any{"maxHops": "2"}, "maxHops", "whole number"},
		{"no passages", map[string]any{"passagesPerHop": 0}, "passagesPerHop", "at least 1"},
		{"many passages", map[string]any{"passagesPerHop": 51}, "passagesPerHop", "1 to 50"},
		{"no budget", map[string]any{"budgetMs": 0}, "budgetMs", "at least 1"},
		{"long budget", map[string]any{"budgetMs": 600_001}, "budgetMs", "1 to 600000"},
		{"unknown mode", map[string]any{"mode": "FAST"}, "mode", `is "FAST", must be LATENT, EXPLICIT, ITERATIVE, SINGLE or DIRECT`},
		{"mode not a string", map[string]any{"mode": 1}, "mode", "string"},
		{"unknown search", map[string]any{"search": "BM25"}, "search", `is "BM25", must be AUTO, VECTOR or HYBRID`},
		{"unknown way of answering", map[string]any{"answerBy": "span"}, "answerBy", `is "span", must be AUTO, FREE, SPAN or POINTER`},
		{"lens not a boolean", map[string]any{"lens": 1}, "lens", "true or false"},
		{"decode not a boolean", map[string]any{"decode": "yes"}, "decode", "true or false"},
		{"empty property", map[string]any{"properties": []any{""}}, "properties", "empty name"},
		{"property twice", map[string]any{"properties": []any{"text", "text"}}, "properties", `"text" twice`},
		{"many properties", map[string]any{"properties": many}, "properties", "limit is 32"},
		{"property not a string", map[string]any{"properties": []any{1}}, "properties", "strings alone"},
		{"null property", map[string]any{"properties": []any{nil}}, "properties", "strings alone"},
		{"two targets", map[string]any{"targetVectors": []any{"a", "b"}}, "targetVectors", "searches one"},
		{"empty target", map[string]any{"targetVectors": []any{""}}, "targetVectors", "empty name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source := map[string]any{"question": "Who?"}
			for k, v := range tt.change {
				source[k] = v
			}
			err := Extract(source).Validate()
			var input *reasoner.InputError
			if !errors.As(err, &input) {
				t.Fatalf("got %v, want an InputError", err)
			}
			if want := "latentAsk." + tt.field; input.Field != want {
				t.Errorf("field is %q, want %q", input.Field, want)
			}
			if !strings.Contains(input.Problem, tt.says) {
				t.Errorf("problem is %q, want it to say %q", input.Problem, tt.says)
			}
		})
	}
}

func TestValidateTakesTheLimitsThemselves(t *testing.T) {
	err := Extract(map[string]any{
		"question":       strings.Repeat("é", MaxQuestionChars),
		"maxHops":        1,
		"passagesPerHop": reasoner.MaxPassagesPerHop,
		"budgetMs":       int(MaxBudget / time.Millisecond),
		"properties":     []string{"a", "b"},
	}).Validate()
	if err != nil {
		t.Error(err)
	}
}

func TestArgumentNeverFailsToExtract(t *testing.T) {
	// Weaviate drops an argument whose extraction fails, and would answer the
	// query as if it had none.
	argument := Arguments()[ArgumentName]
	extracted, combination, err := argument.ExtractFunction(map[string]any{"question": 1, "maxHops": "x"})
	if err != nil || combination != nil {
		t.Fatalf("got combination %v, error %v", combination, err)
	}
	if err := argument.ValidateFunction(extracted); err == nil {
		t.Error("a faulty argument was taken as valid")
	}
	if err := argument.ValidateFunction("something else"); err == nil {
		t.Error("a parameter of another type was taken as valid")
	}
}

func TestParamsNameTheTargetAndNoThreshold(t *testing.T) {
	var near modulecapabilities.NearParam = Extract(map[string]any{"question": "Who?", "targetVectors": []any{"body"}})
	if near.SimilarityMetricProvided() || near.GetCertainty() != 0 || near.GetDistance() != 0 {
		t.Error("latentAsk sets a threshold")
	}
	if got := near.GetTargetVectors(); !reflect.DeepEqual(got, []string{"body"}) {
		t.Errorf("target vectors %v", got)
	}
}

func TestFromModuleParams(t *testing.T) {
	p := &Params{}
	if got, ok := FromModuleParams(map[string]any{ArgumentName: p}); !ok || got != p {
		t.Error("the argument was not found")
	}
	for name, params := range map[string]map[string]any{
		"nil map":      nil,
		"another":      {"nearText": p},
		"another type": {ArgumentName: "text"},
		"nil pointer":  {ArgumentName: (*Params)(nil)},
	} {
		if _, ok := FromModuleParams(params); ok {
			t.Errorf("%s: found an argument", name)
		}
	}
}

// FuzzExtract feeds values of every kind that GraphQL's parser knows, and wants
// a validated argument to keep every limit.
func FuzzExtract(f *testing.F) {
	f.Add("Who?", "ITERATIVE", 2, 3, 100, "title", uint8(0))
	f.Add("", "latent", 0, -1, 1<<40, "", uint8(255))
	f.Add("a\x00b", "", 1, 10, 600_000, "p", uint8(7))
	f.Fuzz(func(t *testing.T, question, mode string, hops, passages, budget int, name string, kinds uint8) {
		// Each bit of kinds gives one field a value of another type.
		pick := func(bit int, value, other any) any {
			if kinds&(1<<bit) != 0 {
				return other
			}
			return value
		}
		source := map[string]any{
			"question":       pick(0, question, hops),
			"mode":           pick(1, mode, []any{mode}),
			"maxHops":        pick(2, hops, float64(hops)),
			"passagesPerHop": pick(3, passages, name),
			"budgetMs":       pick(4, budget, nil),
			"properties":     pick(5, []any{name, question}, name),
			"decode":         pick(6, true, name),
			"lens":           pick(6, true, name),
			"search":         pick(1, mode, budget),
			"answerBy":       pick(1, mode, budget),
			"targetVectors":  pick(7, []any{name}, []any{name, hops}),
		}
		p := Extract(source)
		if p.Validate() != nil {
			return
		}
		r := p.Request
		if strings.TrimSpace(r.Question) == "" || len([]rune(r.Question)) > MaxQuestionChars {
			t.Errorf("question %q passed", r.Question)
		}
		if r.MaxHops < 0 || r.PassagesPerHop < 0 || r.PassagesPerHop > reasoner.MaxPassagesPerHop {
			t.Errorf("hops %d, passages %d passed", r.MaxHops, r.PassagesPerHop)
		}
		if r.Budget < 0 || r.Budget > MaxBudget {
			t.Errorf("budget %v passed", r.Budget)
		}
		if len(p.TargetVectors) > 1 || len(p.Properties) > MaxProperties {
			t.Errorf("%d targets, %d properties passed", len(p.TargetVectors), len(p.Properties))
		}
	})
}
