package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/tracepage"
)

// newTraceCommand is `latentask trace`.
func newTraceCommand() *cobra.Command {
	question := asking{Question: client.Question{Decode: true}}
	var out string
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
			c, reply, err := question.ask(cmd.Context(), args[0])
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
	question.addFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&out, "out", "trace.html", "the page")
	flags.BoolVar(&question.Lens, "lens", true, "show the likeliest words of each latent")
	flags.IntVar(&question.Limit, "limit", 100, "the most passages to show")
	return cmd
}
