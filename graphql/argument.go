package graphql

import (
	"errors"
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
	mode := graphql.NewEnum(graphql.EnumConfig{
		Name: prefix + "ModeEnum",
		Values: graphql.EnumValueConfigMap{
			string(reasoner.ModeLatent): {
				Value:       string(reasoner.ModeLatent),
				Description: "Search several times with vectors that the language model makes, then answer",
			},
			string(reasoner.ModeExplicit): {
				Value:       string(reasoner.ModeExplicit),
				Description: "Search several times with subqueries written as text, then answer",
			},
			string(reasoner.ModeSingle): {
				Value:       string(reasoner.ModeSingle),
				Description: "Search once with the question, then answer",
			},
			string(reasoner.ModeDirect): {
				Value:       string(reasoner.ModeDirect),
				Description: "Answer without reading; the objects are those of one search with the question",
			},
		},
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
	r := reader{source: source}
	p := &Params{
		Request: reasoner.Request{
			Question:       r.text("question"),
			Mode:           r.mode("mode"),
			MaxHops:        r.positive("maxHops"),
			PassagesPerHop: r.positive("passagesPerHop"),
			Decode:         r.boolean("decode"),
			Budget:         time.Duration(r.positive("budgetMs")) * time.Millisecond,
		},
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

func (r *reader) mode(field string) reasoner.Mode {
	switch m := reasoner.Mode(r.text(field)); m {
	case "", reasoner.ModeLatent, reasoner.ModeExplicit, reasoner.ModeSingle, reasoner.ModeDirect:
		return m
	default:
		r.fail(field, "is %q, must be LATENT, EXPLICIT, SINGLE or DIRECT", string(m))
		return ""
	}
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
