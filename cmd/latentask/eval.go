package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/eval"
	"github.com/latentask/latentask/internal/nodebuild"
	"github.com/latentask/latentask/internal/version"
)

// evaluation is the command line of `latentask eval`.
type evaluation struct {
	settings  eval.Settings
	host      eval.HostConfig
	corpus    string
	questions string
	modes     []string
	half      string
	limit     int
	out       string
	trace     string
	resume    bool
	// url is of a node that exists; empty for one of its own.
	url, apiKey string
}

// newEvalCommand is `latentask eval`.
func newEvalCommand() *cobra.Command {
	var e evaluation
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure what latentAsk finds and answers, beside its rivals",
		Long: `Eval asks a file of questions in several ways and reports, for each: exact match
and F1 of the answers, gold passages found, hops, passes and tokens of the model,
milliseconds; and the differences of every two ways with 95% intervals.

  latent    the loop with vectors that the model makes
  explicit  its twin, which writes its queries as text
  iter      search with the question and the answer so far, again and again
  single    one vector search, then the answer
  hybrid    one hybrid search, then the answer
  direct    the answer alone, without reading

Where latent runs too, single and hybrid read as many passages as latent did,
question by question.

With --corpus the questions go to a node of its own, on free ports, into which
the corpus is put first. That is kept in .latentask/eval: a second run starts at
once, and one that was broken off goes on. With --url they go to a node and a
collection that exist.

Both files are JSON lines, plain or gzipped. A question has "question" and,
where they are known, "answers", "gold_pids", "id", "type", "hops"; a passage
has "pid", "text" and, where there is one, "title". Other fields are ignored.
docs/eval.md says what each figure is.`,
		Example: `  latentask eval --corpus data/corpus/musique.jsonl.gz --questions data/dev/musique.jsonl.gz
  latentask eval --url http://localhost:8080 --collection Article --id-property slug --questions mine.jsonl --modes latent,hybrid`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e.host.Progress = cmd.ErrOrStderr()
			return e.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	s := &e.settings
	flags.StringVar(&e.questions, "questions", "", "the questions (required)")
	flags.StringVar(&e.corpus, "corpus", "", "the passages to search, in a node of its own")
	flags.StringVar(&e.url, "url", "", "address of a node that exists, in place of --corpus")
	flags.StringVar(&e.apiKey, "api-key", "", "API key of that node (or WEAVIATE_API_KEY)")
	flags.StringVar(&s.Collection, "collection", "", "its collection")
	flags.StringVar(&s.IDProperty, "id-property", eval.IDProperty, `its property that holds the ids of gold_pids; "id" for the objects' own`)
	flags.StringVar(&s.Tenant, "tenant", "", "its tenant")
	flags.StringVar(&s.TargetVector, "target-vector", "", "its named vector to search")
	flags.StringSliceVar(&s.Properties, "properties", nil, "its text properties to read as a passage (default: the vectorised ones)")
	flags.StringSliceVar(&e.modes, "modes", modeNames(), "ways to compare")
	flags.StringVar(&s.Search, "search", "auto", "how the hops of latent, explicit and iter search: auto, vector or hybrid")
	flags.StringVar(&s.AnswerBy, "answer-by", "auto", "how answers are made: auto, free, span or pointer")
	flags.IntVar(&s.MaxHops, "max-hops", 0, "the most searches of a loop (default: the bundle's)")
	flags.IntVar(&s.PassagesPerHop, "passages-per-hop", 0, "new passages a hop brings in (default: the bundle's)")
	flags.IntVar(&s.SinglePassages, "single-passages", 6, "passages that single and hybrid read where latent does not run")
	flags.BoolVar(&s.Decode, "decode", false, "put each hop's subquery into words, and compare it with known ones")
	flags.BoolVar(&s.HideGold, "hide-gold", false, "ask with a filter that leaves a question's gold passages out: a reader that knows its limits abstains")
	flags.StringVar(&e.half, "half", string(eval.HalfAll), "questions to ask: all, first (the 1st, 3rd, … of the file) or second")
	flags.IntVar(&e.limit, "limit", 0, "the most questions to ask (default: all)")
	flags.StringVar(&e.out, "out", "report.json", "the report; its plots go into an .html file beside it")
	flags.StringVar(&e.trace, "trace", "", "file for a line of JSON a question and mode")
	flags.BoolVar(&e.resume, "resume", false, "go on with the run that --trace is of")
	flags.StringVar(&e.host.Binary, "node", "", "binary of a node of its own (default: .latentask/bin/weaviate)")
	flags.StringVar(&e.host.BundleDir, "bundle", os.Getenv("LATENTASK_BUNDLE"), "its bundle's folder (default: LATENTASK_BUNDLE, else .latentask/bundle)")
	flags.StringVar(&e.host.Dir, "dir", "", "folder for its data and vectors (default: .latentask/eval)")
	// The flag was added above, so this can't fail.
	_ = cmd.MarkFlagRequired("questions")
	return cmd
}

func modeNames() []string {
	names := make([]string, len(eval.Modes))
	for i, m := range eval.Modes {
		names[i] = string(m)
	}
	return names
}

// check reports what of the flags contradicts itself, before anything is done.
func (e *evaluation) check() (err error) {
	if e.settings.Modes, err = eval.ParseModes(e.modes); err != nil {
		return err
	}
	oneOf := func(flag, value string, values ...string) error {
		for _, v := range values {
			if strings.EqualFold(v, value) {
				return nil
			}
		}
		return fmt.Errorf("--%s is %q, must be one of %s", flag, value, strings.Join(values, ", "))
	}
	if err := oneOf("search", e.settings.Search, "auto", "vector", "hybrid"); err != nil {
		return err
	}
	if err := oneOf("answer-by", e.settings.AnswerBy, "auto", "free", "span", "pointer"); err != nil {
		return err
	}
	switch {
	case (e.corpus == "") == (e.url == ""):
		return errors.New("either --corpus (a node of its own) or --url (one that exists) is needed")
	case e.url != "" && e.settings.Collection == "":
		return errors.New("--url needs --collection")
	case e.corpus != "" && e.settings.Collection != "":
		return errors.New("--collection goes with --url; a node of its own has one collection")
	case e.resume && e.trace == "":
		return errors.New("--resume needs --trace")
	}
	return nil
}

func (e *evaluation) run(ctx context.Context, out io.Writer) (err error) {
	if err := e.check(); err != nil {
		return err
	}
	questions, err := eval.ReadQuestions(e.questions, eval.Half(e.half), e.limit)
	if err != nil {
		return err
	}
	if e.settings.HideGold {
		if questions, err = eval.HideGold(questions); err != nil {
			return fmt.Errorf("%s: %w", e.questions, err)
		}
	}
	report := &eval.Report{
		Tool: "latentask " + version.String(), Command: "latentask " + strings.Join(os.Args[1:], " "),
		Set: eval.QuestionsInfo{File: e.questions, Half: eval.Half(e.half), N: len(questions)},
	}
	c, stop, err := e.node(ctx, report)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	operator, err := c.WaitBundle(ctx)
	if err != nil {
		return err
	}
	report.Bundle, report.Device = operator.Bundle, operator.Device
	if err := e.checkCollection(ctx, c, questions); err != nil {
		return err
	}
	report.Settings = e.settings

	run := eval.Run{Settings: e.settings, Questions: questions, Asker: c, Progress: e.host.Progress}
	corpus := ""
	if report.Corpus != nil {
		corpus = report.Corpus.Hash
	}
	asked, err := eval.FileDigest(e.questions)
	if err != nil {
		return err
	}
	manifest := "" // tells bundles of one name and version apart, such as those of two precisions
	if e.url == "" {
		if manifest, err = eval.FileDigest(filepath.Join(e.host.BundleDir, "manifest.json")); err != nil {
			return err
		}
	}
	if run.Mark, err = eval.Mark(e.settings, report.Bundle, manifest, corpus, e.url, asked); err != nil {
		return err
	}
	if e.trace != "" {
		file, known, err := eval.OpenTrace(e.trace, run.Mark, e.resume)
		if err != nil {
			return err
		}
		defer file.Close()
		run.Trace, run.Known = file, known
	}
	fmt.Fprintf(e.host.Progress, "==> asking %d questions of %s in up to %d modes\n", len(questions), e.questions, len(e.settings.Modes))
	outcome, runErr := run.Do(ctx)
	if len(outcome.Records) == 0 {
		return runErr
	}
	// What there is of a run that was broken off is worth its report too.
	report.Fill(questions, outcome)
	report.WriteTable(out)
	page := strings.TrimSuffix(e.out, filepath.Ext(e.out)) + ".html"
	if err := errors.Join(runErr, report.WriteJSON(e.out), report.WriteHTML(page)); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\n%s\n", e.out, page)
	return nil
}

// node is the one to ask, and what is to be done at the end.
func (e *evaluation) node(ctx context.Context, report *eval.Report) (*client.Client, func() error, error) {
	if e.url != "" {
		at := connection{url: e.url, apiKey: e.apiKey}
		c, err := at.client()
		return c, func() error { return nil }, err
	}
	corpus, err := eval.ReadCorpus(e.corpus)
	if err != nil {
		return nil, nil, err
	}
	report.Corpus = &eval.CorpusInfo{File: e.corpus, Passages: len(corpus.Passages), Hash: corpus.Hash}
	if err := e.defaults(); err != nil {
		return nil, nil, err
	}
	e.settings.Collection = eval.Collection
	host, err := eval.StartHost(ctx, e.host, corpus)
	if err != nil {
		return nil, nil, err
	}
	return host.Client, host.Close, nil
}

// defaults are the places in which a checkout keeps what it built.
func (e *evaluation) defaults() error {
	if e.host.Binary != "" && e.host.BundleDir != "" && e.host.Dir != "" {
		return nil
	}
	project, err := nodebuild.FindProject()
	if err != nil {
		return err
	}
	local := filepath.Join(project, ".latentask")
	for value, byDefault := range map[*string]string{
		&e.host.Binary:    filepath.Join(local, "bin", "weaviate"),
		&e.host.BundleDir: filepath.Join(local, "bundle"),
		&e.host.Dir:       filepath.Join(local, "eval"),
	} {
		if *value == "" {
			*value = byDefault
		}
	}
	return nil
}

// checkCollection tells at once what would otherwise make every question find
// nothing. Where no question has gold passages to be found, and no property was
// named, objects go by their own ids.
func (e *evaluation) checkCollection(ctx context.Context, c *client.Client, questions []eval.Question) error {
	class, err := c.Collection(ctx, e.settings.Collection)
	if err != nil {
		return err
	}
	for _, p := range class.Properties {
		if p.Name == e.settings.IDProperty {
			return nil
		}
	}
	gold := slices.ContainsFunc(questions, func(q eval.Question) bool { return len(q.Gold) > 0 })
	if !gold && e.settings.IDProperty == eval.IDProperty {
		e.settings.IDProperty = eval.ObjectID
	}
	if e.settings.IDProperty == eval.ObjectID {
		return nil
	}
	return fmt.Errorf("collection %s has no property %q; --id-property names the one that holds the ids of gold_pids, \"%s\" stands for the objects' own ids",
		e.settings.Collection, e.settings.IDProperty, eval.ObjectID)
}
