package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var sha256Pattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// validate checks every field against what it is used for, and reports all
// that is wrong at once.
func (m *Manifest) validate() error {
	var v validator
	v.text("name", m.Name)
	v.text("version", m.Version)
	v.text("precision", m.Precision)

	b := &m.Backbone
	v.text("backbone.name", b.Name)
	v.within("backbone.hidden", b.Hidden, 1, 1<<16)
	v.within("backbone.layers", b.Layers, 1, 1<<10)
	v.within("backbone.kv_heads", b.KVHeads, 1, 1<<10)
	v.within("backbone.head_dim", b.HeadDim, 1, 1<<10)
	v.within("backbone.vocab", b.Vocab, 2, 1<<24)
	v.within("backbone.max_positions", b.MaxPositions, 1, 1<<20)
	v.id("backbone.eos", b.EOS, b.Vocab)
	v.id("backbone.newline", b.Newline, b.Vocab)
	v.oneOf("backbone.cache", b.Cache, CacheFloat32, CacheFloat16)

	r := &m.Retriever
	v.text("retriever.name", r.Name)
	v.within("retriever.dimension", r.Dimension, 1, 1<<16)
	v.within("retriever.max_tokens", r.MaxTokens, 3, 1<<16)
	v.within("retriever.max_question_tokens", r.MaxQuestionTokens, 3, r.MaxTokens)
	v.oneOf("retriever.words", r.Words, WordPieces, WordText)
	// The tokenizer's vocabulary bounds these again when it is open.
	v.id("retriever.cls", r.CLS, 1<<24)
	v.id("retriever.sep", r.SEP, 1<<24)
	v.id("retriever.pad", r.PAD, 1<<24)

	v.within("latent.think", m.Latent.Think, 1, 1<<10)
	v.within("latent.query", m.Latent.Query, 1, 1<<10)
	v.within("latent.pieces", m.Latent.Pieces, 1, 1<<10)
	if t := m.Latent.FocusThreshold; !(t >= 0 && t <= 1) {
		v.addf("latent.focus_threshold is %v, not 0 to 1", t)
	}

	v.ids("prompt.question", m.Prompt.Question, b.Vocab)
	v.ids("prompt.passage", m.Prompt.Passage, b.Vocab)
	v.ids("prompt.answer", m.Prompt.Answer, b.Vocab)
	v.ids("prompt.thought", m.Prompt.Thought, b.Vocab)
	v.ids("prompt.subquery", m.Prompt.Subquery, b.Vocab)
	if m.Prompt.Focus != nil {
		v.ids("prompt.focus", m.Prompt.Focus, b.Vocab)
	}

	l := &m.Limits
	v.within("limits.hops", l.Hops, 1, 64)
	v.within("limits.passages", l.Passages, 1, 64)
	v.within("limits.passage_tokens", l.PassageTokens, 1, 1<<16)
	v.within("limits.question_tokens", l.QuestionTokens, 1, 1<<16)
	v.within("limits.answer_tokens", l.AnswerTokens, 1, 1<<16)
	v.within("limits.thought_tokens", l.ThoughtTokens, 1, 1<<16)
	v.within("limits.subquery_tokens", l.SubqueryTokens, 1, 1<<16)

	if len(v.problems) == 0 { // the sums mean nothing before the parts are sound
		if n := m.SequenceTokens(); n > b.MaxPositions {
			v.addf("limits allow sequences of %d tokens, backbone.max_positions is %d", n, b.MaxPositions)
		}
		thought, subquery := m.ToldSequences()
		if thought > b.MaxPositions {
			v.addf("limits allow thoughts of %d tokens, backbone.max_positions is %d", thought, b.MaxPositions)
		}
		if subquery > b.MaxPositions {
			v.addf("limits allow subqueries of %d tokens, backbone.max_positions is %d", subquery, b.MaxPositions)
		}
	}
	if _, ok := m.Files[ExplicitFile]; ok && len(v.problems) == 0 {
		if n := m.explicitTokens(); n > b.MaxPositions {
			v.addf("limits allow first hops of %d tokens with %s, backbone.max_positions is %d", n, ExplicitFile, b.MaxPositions)
		}
	}
	v.fitted(m)
	v.files(m.Files)
	if card := m.Training.Card; card != "" {
		if _, ok := m.Files[card]; !ok {
			v.addf("training.card: %q is not named in files", card)
		}
	}
	return errors.Join(v.problems...)
}

// validator collects what is wrong with a manifest.
type validator struct{ problems []error }

func (v *validator) addf(format string, args ...any) {
	v.problems = append(v.problems, fmt.Errorf(format, args...))
}

func (v *validator) text(field, value string) {
	if strings.TrimSpace(value) == "" || len(value) > 200 {
		v.addf("%s is %q, not a name of 1 to 200 bytes", field, value[:min(len(value), 200)])
	}
}

func (v *validator) within(field string, value, low, high int) {
	if value < low || value > high {
		v.addf("%s is %d, not %d to %d", field, value, low, high)
	}
}

func (v *validator) oneOf(field, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		v.addf("%s is %q, not %s", field, value[:min(len(value), 200)], strings.Join(allowed, " or "))
	}
}

func (v *validator) id(field string, id int64, vocab int) {
	if id < 0 || id >= int64(vocab) {
		v.addf("%s is %d, not a token of 0 to %d", field, id, vocab-1)
	}
}

func (v *validator) ids(field string, ids []int64, vocab int) {
	if len(ids) == 0 || len(ids) > 1<<10 {
		v.addf("%s has %d tokens, not 1 to %d", field, len(ids), 1<<10)
		return
	}
	for _, id := range ids {
		v.id(field, id, vocab)
	}
}

// files checks names, hashes and sizes, in a stable order. A name is a relative
// path that stays in the bundle.
func (v *validator) files(files map[string]File) {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !fs.ValidPath(name) || name == "." || name == ManifestFile ||
			strings.ContainsAny(name, "\\:\x00") || !filepath.IsLocal(filepath.FromSlash(name)) {
			v.addf("files: %q is not the path of a file in the bundle", name)
		}
		if f := files[name]; !sha256Pattern.MatchString(f.SHA256) {
			v.addf("files: %q has no SHA-256 of 64 lower-case hexadecimal digits", name)
		} else if f.Size < 0 {
			v.addf("files: %q has size %d", name, f.Size)
		}
	}
	for _, name := range required {
		if _, ok := files[name]; !ok {
			v.addf("files: %q is not named", name)
		}
	}
}
