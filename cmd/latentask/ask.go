package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latentask/latentask/internal/client"
)

// newAskCommand is `latentask ask`.
func newAskCommand() *cobra.Command {
	var (
		question asking
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use:   "ask QUESTION",
		Short: "Ask a node's collection a question",
		Example: `  latentask ask --collection Passage "Where was the director of A Man Called Ove born?"
  latentask ask --collection Passage --max-hops 2 --json "…"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			question.Vectors = asJSON
			_, reply, err := question.ask(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetEscapeHTML(false)
				encoder.SetIndent("", "  ")
				return encoder.Encode(reply)
			}
			printReply(cmd.OutOrStdout(), reply, question.Show)
			return nil
		},
	}
	question.addFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&question.Lens, "lens", false, "with --json, add the likeliest words of the model's head on each latent")
	flags.DurationVar(&question.Budget, "budget", 0, "time after which to answer with what was found, as 2s")
	flags.IntVar(&question.Limit, "limit", 0, "the most passages to return")
	flags.BoolVar(&asJSON, "json", false, "print everything as JSON, query vectors included")
	return cmd
}

func printReply(out io.Writer, reply *client.Reply, show []string) {
	if len(reply.Objects) == 0 {
		fmt.Fprintln(out, "nothing was found")
		return
	}
	answer := reply.Answer.Text
	if answer == "" {
		answer = "(no answer)"
	}
	if reply.Answer.Abstained && reply.Answer.Text != "" {
		answer += "   (abstained)"
	}
	fmt.Fprintln(out, answer)
	if reply.Answer.Source != nil {
		fmt.Fprintf(out, "   in %s\n", source(reply, show))
	}
	fmt.Fprintf(out, "\n   %.0f ms (model %.0f, search %.1f), confidence %.2f, stopped by %s\n\n",
		reply.Timings.TotalMs, reply.Timings.ModelMs, reply.Timings.SearchMs, reply.Answer.Confidence, reply.Answer.StoppedBy)
	reply.WriteHops(out, func(o client.Object) string { return label(o, show) })
}

// source says where the answer stands.
func source(reply *client.Reply, show []string) string {
	s := reply.Answer.Source
	name := s.ID
	for _, o := range reply.Objects {
		if o.ID == s.ID {
			name = label(o, show)
		}
	}
	property := s.Property
	if s.Index != nil {
		property = fmt.Sprintf("%s[%d]", property, *s.Index)
	}
	return fmt.Sprintf("%s: %s, characters %d to %d", name, property, s.Start, s.End)
}

// labelRunes bounds a passage's label.
const labelRunes = 90

// label is what tells a passage apart: its title or name where it has one, else
// the beginning of its first text.
func label(o client.Object, show []string) string {
	names := append([]string{"title", "name"}, show...)
	for _, name := range names {
		text, _ := o.Properties[name].(string)
		if text = strings.Join(strings.Fields(text), " "); text == "" {
			continue
		}
		if runes := []rune(text); len(runes) > labelRunes {
			text = string(runes[:labelRunes]) + "…"
		}
		return text
	}
	return o.ID
}
