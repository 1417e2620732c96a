package graphql

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tailor-platform/graphql"
	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/modulecapabilities"

	"github.com/latentask/latentask/reasoner"
)

// ArgumentName is the name of the argument of Get and of the field of
// _additional.
const ArgumentName = "latentAsk"

// Arguments declares the argument for Get. Aggregate and Explore have no place
// for an answer, so it is not offered there.
func Arguments() map[string]modulecapabilities.GraphQLArgument {
	return map[string]modulecapabilities.GraphQLArgument{
		ArgumentName: {
			GetArgumentsFunction: argument,
			ExtractFunction:      extract,
			ValidateFunction:     validate,
		},
	}
}

// argument is the argument's type for one collection. GraphQL wants every type
// name once in a schema, so the collection's name is part of it.
func argument(class string) *graphql.ArgumentConfig {
	prefix := "LatentAskGetObjects" + class
	enum := func(name string, values map[string]string) *graphql.Enum {
		config := graphql.EnumConfig{Name: prefix + name + "Enum", Values: graphql.EnumValueConfigMap{}}
		for value, description := range values {
			config.Values[value] = &graphql.EnumValueConfig{Value: value, Description: description}
		}
		return graphql.NewEnum(config)
	}
	mode := enum("Mode", map[string]string{
		string(reasoner.ModeLatent):    "Search several times with vectors that the language model makes, then answer",
		string(reasoner.ModeExplicit):  "Search several times with subqueries written as text, then answer",
		string(reasoner.ModeIterative): "Search several times with the question and the answer so far, answer after each",
		string(reasoner.ModeSingle):    "Search once with the question, then answer",
		string(reasoner.ModeDirect):    "Answer without reading; the objects are those of one search with the question",
	})
	search := enum("Search", map[string]string{
		string(SearchAuto):   "HYBRID where the properties read can be searched by keywords, else VECTOR; VECTOR in modes SINGLE and DIRECT",
		string(SearchVector): "By vector alone",
		string(SearchHybrid): "By vector and by keywords, fused",
	})
	answerBy := enum("AnswerBy", map[string]string{
		string(reasoner.AnswerByAuto):    "The most confident of the ways that the bundle names",
		string(reasoner.AnswerByFree):    "Written freely",
		string(reasoner.AnswerBySpan):    "Written, but only what stands in a passage read or in the question, or yes, no, unknown",
		string(reasoner.AnswerByPointer): "Pointed at in a passage read, without a pass of the model",
	})
	return &graphql.ArgumentConfig{
		Description: "Answer a question by searching this collection in several hops",
		Type: graphql.NewInputObject(graphql.InputObjectConfig{
			Name:        prefix + "InpObj",
			Description: "Answer a question by searching this collection in several hops",
			Fields: graphql.InputObjectConfigFieldMap{
				"question": {
					Description: "The question to answer",
					Type:        graphql.NewNonNull(graphql.String),
				},
				"mode": {
					Description: "How to answer, LATENT by default",
					Type:        mode,
				},
				"search": {
					Description: "How each hop searches, AUTO by default",
					Type:        search,
				},
				"answerBy": {
					Description: "How the answer's text is made, AUTO by default",
					Type:        answerBy,
				},
				"maxHops": {
					Description: "The most searches to make, by default as many as the bundle allows",
					Type:        graphql.Int,
				},
				"passagesPerHop": {
					Description: "How many new passages each search brings in",
					Type:        graphql.Int,
				},
				"properties": {
					Description: "Text properties to read as a passage, by default those that are vectorised",
					Type:        graphql.NewList(graphql.String),
				},
				"decode": {
					Description: "Put each hop's thought and subquery into words",
					Type:        graphql.Boolean,
				},
				"lens": {
					Description: "Show the likeliest words of the model's head on each latent",
					Type:        graphql.Boolean,
				},
				"budgetMs": {
					Description: "Milliseconds after which to answer with what was found",
					Type:        graphql.Int,
				},
				"targetVectors": {
					Description: "The named vector to search",
					Type:        graphql.NewList(graphql.String),
				},
			},
		}),
	}
}

func extract(source map[string]any) (any, *dto.TargetCombination, error) {
	return Extract(source), nil, nil
}

func validate(param any) error {
	p, ok := param.(*Params)
	if !ok {
		return errors.New("latentAsk: invalid parameter")
	}
	return p.Validate()
}

// Extract reads an argument as GraphQL's parser hands it over. It never fails:
// what is wrong with a value is told by Params.Validate.
func Extract(source map[string]any) *Params {
	r := &reader{source: source}
	p := &Params{
		Request: reasoner.Request{
			Question:       r.text("question"),
			Mode:           choice(r, "mode", modes),
			MaxHops:        r.positive("maxHops"),
			PassagesPerHop: r.positive("passagesPerHop"),
			AnswerBy:       choice(r, "answerBy", answerBys),
			Decode:         r.boolean("decode"),
			Lens:           r.boolean("lens"),
			Budget:         time.Duration(r.positive("budgetMs")) * time.Millisecond,
		},
		Search:        choice(r, "search", searches),
		Properties:    r.texts("properties"),
		TargetVectors: r.texts("targetVectors"),
	}
	p.invalid = r.err
	return p
}

// reader takes typed values out of an argument and keeps the first fault. A
// field that is absent or null is its zero value.
type reader struct {
	source map[string]any
	err    error
}

func (r *reader) fail(field, format string, args ...any) {
	if r.err == nil {
		r.err = invalid(field, format, args...)
	}
}

func (r *reader) text(field string) string {
	switch v := r.source[field].(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		r.fail(field, "must be a string, is %T", v)
		return ""
	}
}

func (r *reader) boolean(field string) bool {
	switch v := r.source[field].(type) {
	case nil:
		return false
	case bool:
		return v
	default:
		r.fail(field, "must be true or false, is %T", v)
		return false
	}
}

// positive refuses what the engine would take as "not given".
func (r *reader) positive(field string) int {
	switch v := r.source[field].(type) {
	case nil:
		return 0
	case int:
		if v < 1 {
			r.fail(field, "is %d, must be at least 1", v)
			return 0
		}
		return v
	default:
		r.fail(field, "must be a whole number, is %T", v)
		return 0
	}
}

// What the argument's enums can say.
var (
	modes = []reasoner.Mode{
		reasoner.ModeLatent, reasoner.ModeExplicit, reasoner.ModeIterative, reasoner.ModeSingle, reasoner.ModeDirect,
	}
	searches  = []Search{SearchAuto, SearchVector, SearchHybrid}
	answerBys = []reasoner.AnswerBy{
		reasoner.AnswerByAuto, reasoner.AnswerByFree, reasoner.AnswerBySpan, reasoner.AnswerByPointer,
	}
)

// choice takes a field that is one of values, or "" where it is absent.
func choice[T ~string](r *reader, field string, values []T) T {
	v := T(r.text(field))
	if v == "" || slices.Contains(values, v) {
		return v
	}
	names := make([]string, len(values))
	for i := range values {
		names[i] = string(values[i])
	}
	last := len(names) - 1
	r.fail(field, "is %q, must be %s or %s", string(v), strings.Join(names[:last], ", "), names[last])
	return ""
}

func (r *reader) texts(field string) []string {
	switch v := r.source[field].(type) {
	case nil:
		return nil
	case []string:
		return v
	case string:
		return []string{v}
	case []any:
		out := make([]string, len(v))
		for i := range v {
			s, ok := v[i].(string)
			if !ok {
				r.fail(field, "must hold strings alone, holds %T", v[i])
				return nil
			}
			out[i] = s
		}
		return out
	default:
		r.fail(field, "must be a list of strings, is %T", v)
		return nil
	}
}
