package graphql

import (
	"context"

	"github.com/tailor-platform/graphql"
	"github.com/tailor-platform/graphql/language/ast"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modulecapabilities"
	"github.com/weaviate/weaviate/entities/moduletools"
	"github.com/weaviate/weaviate/entities/search"
)

// asked marks that a query wants the latentAsk field. Weaviate takes a nil
// marker for a missing capability.
type asked struct{}

// Properties declares the latentAsk field of _additional. Its value is set by
// the search itself (see Object); a query without the argument has none, and
// the field is null.
func Properties() map[string]modulecapabilities.AdditionalProperty {
	return map[string]modulecapabilities.AdditionalProperty{
		ArgumentName: {
			GraphQLNames:         []string{ArgumentName},
			GraphQLFieldFunction: field,
			GraphQLExtractFunction: func([]*ast.Argument, *models.Class) any {
				return asked{}
			},
			SearchFunctions: modulecapabilities.AdditionalSearch{
				ExploreGet:  unchanged,
				ExploreList: unchanged,
			},
		},
	}
}

func unchanged(_ context.Context, in []search.Result, _ any, _ *int, _ map[string]any,
	_ moduletools.ClassConfig,
) ([]search.Result, error) {
	return in, nil
}

// field is the type of _additional.latentAsk for one collection.
func field(class string) *graphql.Field {
	prefix := class + "AdditionalLatentAsk"
	object := func(name string, fields graphql.Fields) *graphql.Object {
		return graphql.NewObject(graphql.ObjectConfig{Name: prefix + name, Fields: fields})
	}
	scalar := func(t graphql.Output, description string) *graphql.Field {
		return &graphql.Field{Type: t, Description: description}
	}
	list := func(t graphql.Type, description string) *graphql.Field {
		return &graphql.Field{Type: graphql.NewList(t), Description: description}
	}

	answer := object("Answer", graphql.Fields{
		"text":       scalar(graphql.String, "The answer"),
		"confidence": scalar(graphql.Float, "Geometric mean of the probabilities of the answer's tokens"),
		"abstained":  scalar(graphql.Boolean, "No answer was given"),
		"partial":    scalar(graphql.Boolean, "The loop ended before it wanted to"),
		"stoppedBy":  scalar(graphql.String, "What ended the loop"),
	})
	word := object("Focus", graphql.Fields{
		"word":   scalar(graphql.String, "A word of a passage read before"),
		"weight": scalar(graphql.Float, "How much it was looked for, 0 to 1"),
	})
	times := object("HopMs", graphql.Fields{
		"model":  scalar(graphql.Float, "The model's passes"),
		"search": scalar(graphql.Float, "The search"),
		"decode": scalar(graphql.Float, "Putting the latents into words"),
	})
	hop := object("Hop", graphql.Fields{
		"n":         scalar(graphql.Int, "The hop, from 1"),
		"action":    scalar(graphql.String, "query or answer"),
		"ids":       list(graphql.String, "Objects that this hop found first, best first"),
		"distances": list(graphql.Float, "Their distances in this hop"),
		"vector":    list(graphql.Float, "The query vector, to be used with nearVector"),
		"focus":     list(word, "Words of passages read before that this hop looked for"),
		"thought":   scalar(graphql.String, "The thought in words, with decode: true"),
		"subquery":  scalar(graphql.String, "The query in words, with decode: true"),
		"ms":        scalar(times, "Milliseconds"),
	})
	timings := object("Timings", graphql.Fields{
		"totalMs":  scalar(graphql.Float, "All of the question"),
		"modelMs":  scalar(graphql.Float, "The model's passes"),
		"searchMs": scalar(graphql.Float, "The searches"),
		"queueMs":  scalar(graphql.Float, "Waiting for the model"),
	})
	return &graphql.Field{
		Description: "How latentAsk answered, and where this object stood",
		Type: object("", graphql.Fields{
			"hop":     scalar(graphql.Int, "The hop that found this object, from 1"),
			"rank":    scalar(graphql.Int, "Its rank in that hop, from 1"),
			"answer":  scalar(answer, "The answer to the question"),
			"hops":    list(hop, "The hops, in order"),
			"timings": scalar(timings, "Where the time went"),
		}),
	}
}
