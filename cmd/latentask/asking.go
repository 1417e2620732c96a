package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latentask/latentask/internal/client"
)

// asking is the part of a command line that asks a node one question.
type asking struct {
	connection
	client.Question
}

// addFlags adds the flags that every command which asks a question has. The
// default of decode is what a holds already.
func (a *asking) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	a.connection.addFlags(flags)
	flags.StringVar(&a.Collection, "collection", "", "the collection to ask (required)")
	flags.StringVar(&a.Tenant, "tenant", "", "the tenant to ask")
	flags.StringVar(&a.Mode, "mode", "", "latent, explicit, iterative, single or direct (default: latent)")
	flags.StringVar(&a.Search, "search", "", "auto, vector or hybrid: how each hop searches (default: auto)")
	flags.StringVar(&a.AnswerBy, "answer-by", "", "auto, free, span or pointer: how the answer is made (default: auto)")
	flags.IntVar(&a.MaxHops, "max-hops", 0, "the most searches to make (default: the bundle's)")
	flags.IntVar(&a.PassagesPerHop, "passages-per-hop", 0, "new passages a search brings in (default: the bundle's)")
	flags.StringSliceVar(&a.Read, "properties", nil, "text properties to read as a passage (default: the vectorised ones)")
	flags.StringSliceVar(&a.Show, "show", nil, "properties to show (default: the text properties)")
	flags.StringVar(&a.TargetVector, "target-vector", "", "the named vector to search")
	flags.BoolVar(&a.Decode, "decode", a.Decode, "put each hop's thought and subquery into words")
	// The flag was added above, so this can't fail.
	_ = cmd.MarkFlagRequired("collection")
}

// ask sends the question, with all that explains its answer. Where no
// properties to show are named, they are the collection's text properties.
func (a *asking) ask(ctx context.Context, text string) (*client.Client, *client.Reply, error) {
	c, err := a.client()
	if err != nil {
		return nil, nil, err
	}
	a.Text = text
	a.Mode, a.Search, a.AnswerBy = strings.ToUpper(a.Mode), strings.ToUpper(a.Search), strings.ToUpper(a.AnswerBy)
	a.Details = true
	if len(a.Show) == 0 {
		class, err := c.Collection(ctx, a.Collection)
		if err != nil {
			return nil, nil, err
		}
		a.Show = client.TextProperties(class)
	}
	reply, err := c.Ask(ctx, a.Question)
	return c, reply, err
}
