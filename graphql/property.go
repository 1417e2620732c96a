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

	source := object("Source", graphql.Fields{
		"id":       scalar(graphql.String, "The object"),
		"property": scalar(graphql.String, "The property"),
		"index":    scalar(graphql.Int, "Which value of a text[] property, from 0; null for a text property"),
		"start":    scalar(graphql.Int, "Where the answer begins in the stored value, in characters (Unicode code points) from 0"),
		"end":      scalar(graphql.Int, "Where it ends, exclusive"),
	})
	answer := object("Answer", graphql.Fields{
		"text":       scalar(graphql.String, "The answer"),
		"confidence": scalar(graphql.Float, "How sure the model is, 0 to 1"),
		"abstained":  scalar(graphql.Boolean, "The model does not know, or what was read supports an answer less than the bundle asks for"),
		"partial":    scalar(graphql.Boolean, "The loop ended before it wanted to"),
		"stoppedBy":  scalar(graphql.String, "What ended the loop"),
		"by":         scalar(graphql.String, "How the text was made: FREE, SPAN or POINTER"),
		"source":     scalar(source, "Where the answer stands, if it stands in a passage that was read"),
	})
	word := object("Focus", graphql.Fields{
		"word":   scalar(graphql.String, "A word of a passage read before"),
		"weight": scalar(graphql.Float, "How much it was looked for, 0 to 1"),
	})
	keyword := object("Keyword", graphql.Fields{
		"word":   scalar(graphql.String, "A term as the inverted index holds it"),
		"weight": scalar(graphql.Int, "How many times it was asked"),
	})
	found := object("Found", graphql.Fields{
		"id":          scalar(graphql.String, "The object"),
		"distance":    scalar(graphql.Float, "Its vector's distance in this hop, null for an object without a vector"),
		"score":       scalar(graphql.Float, "The fused score of a hybrid search, 0 in a vector search"),
		"vectorRank":  scalar(graphql.Int, "Its rank in the vector search, from 1; 0 where that did not find it"),
		"keywordRank": scalar(graphql.Int, "Its rank in the keyword search, from 1; 0 where that did not find it"),
		"support":     scalar(graphql.Float, "How likely it is one that the answer rests on, 0 to 1, by all that was read; 0 where it was not read"),
	})
	likely := object("LensWord", graphql.Fields{
		"text":   scalar(graphql.String, "A token"),
		"weight": scalar(graphql.Float, "Its probability"),
	})
	lens := object("Lens", graphql.Fields{
		"kind":  scalar(graphql.String, "think or query"),
		"n":     scalar(graphql.Int, "The latent, from 1 within its kind"),
		"words": list(likely, "What the model's head makes of its state, likeliest first"),
		"focus": list(graphql.String, "Words of the hop's focus that these agree with"),
	})
	times := object("HopMs", graphql.Fields{
		"model":  scalar(graphql.Float, "The model's passes"),
		"search": scalar(graphql.Float, "The search"),
		"decode": scalar(graphql.Float, "Putting the latents into words"),
	})
	hop := object("Hop", graphql.Fields{
		"n":         scalar(graphql.Int, "The hop, from 1"),
		"action":    scalar(graphql.String, "query or answer"),
		"search":    scalar(graphql.String, "vector or hybrid; null where nothing was searched"),
		"keywords":  list(keyword, "What a hybrid search asked the inverted index, heaviest first"),
		"ids":       list(graphql.String, "Objects that this hop found first, best first"),
		"distances": list(graphql.Float, "Their distances in this hop"),
		"found":     list(found, "The same objects, and what each side of the search made of them"),
		"vector":    list(graphql.Float, "The query vector, to be used with nearVector"),
		"focus":     list(word, "Words of passages read before that this hop looked for"),
		"thought":   scalar(graphql.String, "The thought in words, with decode: true"),
		"subquery":  scalar(graphql.String, "The query in words, with decode: true"),
		"lens":      list(lens, "The latents through the model's own head, with lens: true"),
		"ms":        scalar(times, "Milliseconds"),
	})
	timings := object("Timings", graphql.Fields{
		"totalMs":  scalar(graphql.Float, "All of the question"),
		"modelMs":  scalar(graphql.Float, "The model's passes"),
		"searchMs": scalar(graphql.Float, "The searches"),
		"queueMs":  scalar(graphql.Float, "Waiting for the model"),
	})
	usage := object("Usage", graphql.Fields{
		"passes":    scalar(graphql.Int, "Forward passes of the language model"),
		"tokensIn":  scalar(graphql.Int, "Tokens that it read"),
		"tokensOut": scalar(graphql.Int, "Tokens that it wrote"),
	})
	return &graphql.Field{
		Description: "How latentAsk answered, and where this object stood",
		Type: object("", graphql.Fields{
			"hop":     scalar(graphql.Int, "The hop that found this object, from 1"),
			"rank":    scalar(graphql.Int, "Its rank in that hop, from 1"),
			"answer":  scalar(answer, "The answer to the question"),
			"hops":    list(hop, "The hops, in order"),
			"timings": scalar(timings, "Where the time went"),
			"usage":   scalar(usage, "What it took of the language model"),
		}),
	}
}
