package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/latentask/latentask/internal/adopt"
	"github.com/latentask/latentask/internal/client"
)

// adoption is the command line of `latentask adopt`.
type adoption struct {
	node    connection
	options adopt.Options
	verify  adopt.VerifyOptions
	// one of them, or none
	dryRun, verifyOnly, undo bool
	asJSON                   bool
}

// newAdoptCommand is `latentask adopt`.
func newAdoptCommand() *cobra.Command {
	var a adoption
	cmd := &cobra.Command{
		Use:   "adopt",
		Short: "Let latentAsk search a collection that another model embedded",
		Long: `Adopt gives a collection a second vector, made by the node's own retriever, and
fills it for the objects that are there. The vectors that the collection has,
and the queries that use them, stay as they are.

The node does the work, beside its traffic. It goes on when this command is
interrupted, and after a restart; the same command watches it again.

  --into NAME  copies the collection instead, and leaves it as it is
  --chunk      cuts long texts into passages, in a collection beside it

Both can be interrupted too: the same command goes on with them, and brings an
older copy up to date. At the end a sample is embedded again and some questions
are asked; --verify does that alone. --undo takes back what was made.`,
		Example: `  latentask adopt --collection Article --dry-run
  latentask adopt --collection Article --properties title,body
  latentask adopt --collection Article --into ArticleLatent
  latentask adopt --collection Article --undo`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	a.node.addFlags(flags)
	o := &a.options
	flags.StringVar(&o.Collection, "collection", "", "the collection to adopt (required)")
	flags.StringVar(&o.Vector, "vector", adopt.DefaultVector, "name of the new vector")
	flags.StringSliceVar(&o.Properties, "properties", nil, "text properties that it is made of (default: those of the collection's vector)")
	flags.StringVar(&o.Into, "into", "", "copy into a new collection of this name")
	flags.BoolVar(&o.Chunk, "chunk", false, "cut texts into passages in a collection beside it")
	flags.IntVar(&o.Rate, "rate", 0, "the most objects a second (default: as the node's traffic allows)")
	flags.StringSliceVar(&o.Tenants, "tenants", nil, "the tenants to work on (default: all)")
	flags.StringVar(&o.Quantization, "quantization", "", "none, rq-8 or rq-1 (default: the node's, as far as the collection shows it)")
	flags.IntVar(&a.verify.Sample, "sample", 40, "objects to embed again at the end")
	flags.StringArrayVar(&a.verify.Questions, "ask", nil, "a question to ask at the end (default: some made of the texts)")
	flags.BoolVar(&a.dryRun, "dry-run", false, "say what would be done and do nothing")
	flags.BoolVar(&a.verifyOnly, "verify", false, "only look whether all is as it should be")
	flags.BoolVar(&a.undo, "undo", false, "take back what was made")
	flags.BoolVar(&a.asJSON, "json", false, "print JSON")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "verify", "undo")
	cmd.MarkFlagsMutuallyExclusive("into", "chunk")
	// The flag was added above, so this can't fail.
	_ = cmd.MarkFlagRequired("collection")
	return cmd
}

// adoptReport is what --json prints.
type adoptReport struct {
	Plan         *adopt.Plan         `json:"plan,omitempty"`
	Job          *client.Adoption    `json:"job,omitempty"`
	Outcome      *adopt.Outcome      `json:"outcome,omitempty"`
	Verification *adopt.Verification `json:"verification,omitempty"`
	Undone       string              `json:"undone,omitempty"`
}

// errVerification: something is not as it should be; what was printed says what.
var errVerification = errors.New("the verification found problems")

func (a *adoption) run(ctx context.Context, out, progress io.Writer) error {
	c, err := a.node.client()
	if err != nil {
		return err
	}
	r := &adopt.Runner{Client: c, Progress: progress}
	var report adoptReport
	err = a.do(ctx, r, out, &report)
	if a.asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return errors.Join(err, encoder.Encode(report))
	}
	return err
}

func (a *adoption) do(ctx context.Context, r *adopt.Runner, out io.Writer, report *adoptReport) (err error) {
	if a.asJSON {
		out = io.Discard
	}
	if a.undo {
		report.Undone, err = r.Undo(ctx, a.options)
		if err == nil {
			fmt.Fprintln(out, report.Undone)
		}
		return err
	}
	if !a.verifyOnly {
		facts, err := adopt.Gather(ctx, r.Client, a.options)
		if err != nil {
			return err
		}
		if report.Plan, err = adopt.Make(a.options, facts); err != nil {
			return err
		}
		if err := r.Estimate(ctx, report.Plan); err != nil {
			return err
		}
		report.Plan.Print(out)
		if a.dryRun {
			return nil
		}
		if err := a.work(ctx, r, out, report); err != nil {
			return err
		}
	}
	if report.Verification, err = r.Verify(ctx, a.options, a.verify); err != nil {
		return err
	}
	report.Verification.Print(out)
	if len(report.Verification.Problems) > 0 {
		return errVerification
	}
	return nil
}

// work does what the plan says.
func (a *adoption) work(ctx context.Context, r *adopt.Runner, out io.Writer, report *adoptReport) (err error) {
	switch report.Plan.Way {
	case adopt.InPlace:
		report.Job, err = r.InPlace(ctx, report.Plan)
		if errors.Is(err, adopt.ErrDetached) {
			return fmt.Errorf("%w; the same command watches it again", err)
		}
		if err != nil {
			return err
		}
		adopt.PrintJob(out, report.Job)
		return nil
	case adopt.Copied:
		report.Outcome, err = r.Copy(ctx, report.Plan)
	case adopt.Passages:
		report.Outcome, err = r.Passages(ctx, report.Plan)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted; the same command goes on with it")
	}
	if err != nil {
		return fmt.Errorf("%w (the same command goes on with it)", err)
	}
	report.Outcome.Print(out)
	return nil
}
