package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/tracepage"
)

// newTraceCommand is `latentask trace`.
func newTraceCommand() *cobra.Command {
	var (
		node     connection
		question client.Question
		out      string
	)
	cmd := &cobra.Command{
		Use:   "trace QUESTION",
		Short: "Draw how a question was answered as an HTML page",
		Long: `Trace asks a question and writes one HTML file that shows how it was answered:
what each hop looked for and found, with distances and the ranks of both sides
of a search; the words that the latents stand for; where the answer stands; and
where the time went. The page needs no network.`,
		Example: `  latentask trace --collection Passage --out trace.html "Where was the director of A Man Called Ove born?"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := node.client()
			if err != nil {
				return err
			}
			question.Text = args[0]
			question.Mode, question.Search = strings.ToUpper(question.Mode), strings.ToUpper(question.Search)
			question.AnswerBy = strings.ToUpper(question.AnswerBy)
			question.Details = true
			if len(question.Show) == 0 {
				class, err := c.Collection(cmd.Context(), question.Collection)
				if err != nil {
					return err
				}
				question.Show = client.TextProperties(class)
			}
			reply, err := c.Ask(cmd.Context(), question)
			if err != nil {
				return err
			}
			var page bytes.Buffer
			err = tracepage.Write(&page, tracepage.Question{
				Text: question.Text, Collection: question.Collection, URL: c.URL(), Show: question.Show,
			}, reply)
			if err != nil {
				return err
			}
			if err := os.WriteFile(out, page.Bytes(), 0o644); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", reply.Answer.Text, out)
			return nil
		},
	}
	flags := cmd.Flags()
	node.addFlags(flags)
	flags.StringVar(&question.Collection, "collection", "", "the collection to ask (required)")
	flags.StringVar(&out, "out", "trace.html", "the page")
	flags.StringVar(&question.Tenant, "tenant", "", "the tenant to ask")
	flags.StringVar(&question.Mode, "mode", "", "latent, explicit, iterative, single or direct (default: latent)")
	flags.StringVar(&question.Search, "search", "", "auto, vector or hybrid (default: auto)")
	flags.StringVar(&question.AnswerBy, "answer-by", "", "auto, free, span or pointer (default: auto)")
	flags.IntVar(&question.MaxHops, "max-hops", 0, "the most searches to make (default: the bundle's)")
	flags.IntVar(&question.PassagesPerHop, "passages-per-hop", 0, "new passages a search brings in (default: the bundle's)")
	flags.StringSliceVar(&question.Read, "properties", nil, "text properties to read as a passage (default: the vectorised ones)")
	flags.StringSliceVar(&question.Show, "show", nil, "properties to show (default: the text properties)")
	flags.StringVar(&question.TargetVector, "target-vector", "", "the named vector to search")
	flags.BoolVar(&question.Decode, "decode", true, "put each hop's thought and subquery into words")
	flags.BoolVar(&question.Lens, "lens", true, "show the likeliest words of each latent")
	flags.IntVar(&question.Limit, "limit", 100, "the most passages to show")
	// The flag was added above, so this can't fail.
	_ = cmd.MarkFlagRequired("collection")
	return cmd
}
