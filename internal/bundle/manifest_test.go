package bundle_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/bundle/bundletest"
)

// small is the small bundle's manifest, complete with its files.
func small(t testing.TB) *bundle.Manifest {
	parts := bundletest.Small(t)
	parts.Write(t)
	return parts.Manifest
}

func encode(t testing.TB, m *bundle.Manifest) []byte {
	t.Helper()
	data, err := json.Marshal(m)
	require.NoError(t, err)
	return data
}

func TestParseManifest(t *testing.T) {
	want := small(t)
	want.Sources = []bundle.Source{{Name: "weights", Package: "a-package", Version: "1.0", SHA256: strings.Repeat("0", 64), License: "Apache-2.0"}}
	want.Training = bundle.Training{Run: "r1", Tokens: 12, Figures: map[string]any{"recall": 0.5}}
	got, err := bundle.ParseManifest(encode(t, want))
	require.NoError(t, err)
	require.Equal(t, want, got)
	// question 1+24, three hops of 2+4 latents and 2 passages of 1+24, 2 think, 1+8 answer
	require.Equal(t, 25+3*(6+2*25)+2+9, got.SequenceTokens())
}

func TestManifestFormat(t *testing.T) {
	for text, want := range map[string]error{
		`{"format": 3, "later": true}`: bundle.ErrFormat,
		`{"format": 1}`:                bundle.ErrFormat,
		`{"format": "2"}`:              bundle.ErrCorrupt,
		`{}`:                           bundle.ErrCorrupt,
		`{"format": 2, "nmae": "x"}`:   bundle.ErrCorrupt,
		`{"format": 2}`:                bundle.ErrIncompatible,
		`[1]`:                          bundle.ErrCorrupt,
		``:                             bundle.ErrCorrupt,
	} {
		_, err := bundle.ParseManifest([]byte(text))
		require.ErrorIs(t, err, want, text)
		var typed *bundle.Error
		require.ErrorAs(t, err, &typed)
		require.Equal(t, bundle.ManifestFile, typed.File)
		require.NotEmpty(t, typed.Hint)
	}
	_, err := bundle.ParseManifest(append(encode(t, small(t)), []byte(" {}")...))
	require.ErrorIs(t, err, bundle.ErrCorrupt, "text behind the manifest")
	_, err = bundle.ParseManifest([]byte(`{"format": 3}`))
	require.ErrorContains(t, err, "newer build")
	_, err = bundle.ParseManifest([]byte(`{"format": 1}`))
	require.ErrorContains(t, err, "format 1, this build reads 2 (assemble or download the bundle again)")
}

// What a manifest leaves out has its default, field by field.
func TestFittedDefaults(t *testing.T) {
	m := small(t)
	m.Search, m.Answer = bundle.Search{}, bundle.Answer{}
	var fields map[string]any
	require.NoError(t, json.Unmarshal(encode(t, m), &fields))
	for _, name := range []string{"action", "search", "answer"} {
		delete(fields, name)
	}
	parse := func() *bundle.Manifest {
		data, err := json.Marshal(fields)
		require.NoError(t, err)
		m, err := bundle.ParseManifest(data)
		require.NoError(t, err)
		return m
	}
	got := parse()
	require.Equal(t, bundle.DefaultSearch(), got.Search)
	require.Equal(t, bundle.DefaultAnswer(), got.Answer)
	require.Equal(t, bundle.Action{Margin: 1}, got.Action)

	fields["search"] = map[string]any{"alpha": 0.5}
	fields["answer"] = map[string]any{"ways": map[string]any{"free": map[string]any{"shift": -1}}, "auto": []string{"free", "span"}}
	got = parse()
	require.Equal(t, bundle.Search{Alpha: 0.5, QuestionWeight: 2, FocusWeight: 3}, got.Search)
	require.Equal(t, bundle.Calibration{Scale: 1, Shift: -1}, got.Answer.Ways.Free)
	require.Equal(t, bundle.Calibration{Scale: 1}, got.Answer.Ways.Span)
	require.Equal(t, []string{"free", "span"}, got.Answer.Auto)
	require.Equal(t, []string{"span"}, bundle.DefaultAnswer().Auto)
}

func TestProvenanceMayHoldMore(t *testing.T) {
	m := small(t)
	m.Sources = []bundle.Source{{Name: "weights"}}
	data := strings.Replace(string(encode(t, m)), `"training":{`, `"training":{"machine":"x",`, 1)
	data = strings.Replace(data, `"sources":[{`, `"sources":[{"file":"x.whl",`, 1)
	_, err := bundle.ParseManifest([]byte(data))
	require.NoError(t, err)
}

func TestManifestValidation(t *testing.T) {
	for says, spoil := range map[string]func(*bundle.Manifest){
		"name":                               func(m *bundle.Manifest) { m.Name = " " },
		"version":                            func(m *bundle.Manifest) { m.Version = "" },
		"precision":                          func(m *bundle.Manifest) { m.Precision = strings.Repeat("x", 300) },
		"backbone.hidden":                    func(m *bundle.Manifest) { m.Backbone.Hidden = 0 },
		"backbone.layers":                    func(m *bundle.Manifest) { m.Backbone.Layers = -1 },
		"backbone.kv_heads":                  func(m *bundle.Manifest) { m.Backbone.KVHeads = 1 << 20 },
		"backbone.head_dim":                  func(m *bundle.Manifest) { m.Backbone.HeadDim = 0 },
		"backbone.vocab":                     func(m *bundle.Manifest) { m.Backbone.Vocab = math.MaxInt },
		"backbone.eos":                       func(m *bundle.Manifest) { m.Backbone.EOS = int64(m.Backbone.Vocab) },
		"backbone.newline":                   func(m *bundle.Manifest) { m.Backbone.Newline = -1 },
		"retriever.name":                     func(m *bundle.Manifest) { m.Retriever.Name = "" },
		"retriever.dimension":                func(m *bundle.Manifest) { m.Retriever.Dimension = 0 },
		"retriever.max_tokens":               func(m *bundle.Manifest) { m.Retriever.MaxTokens = 2 },
		"retriever.max_question_tokens":      func(m *bundle.Manifest) { m.Retriever.MaxQuestionTokens = m.Retriever.MaxTokens + 1 },
		"retriever.sep":                      func(m *bundle.Manifest) { m.Retriever.SEP = -5 },
		"latent.think":                       func(m *bundle.Manifest) { m.Latent.Think = 0 },
		"latent.query":                       func(m *bundle.Manifest) { m.Latent.Query = 0 },
		"latent.pieces":                      func(m *bundle.Manifest) { m.Latent.Pieces = 0 },
		"latent.focus_threshold":             func(m *bundle.Manifest) { m.Latent.FocusThreshold = 1.5 },
		"backbone.cache":                     func(m *bundle.Manifest) { m.Backbone.Cache = "int4" },
		"retriever.words":                    func(m *bundle.Manifest) { m.Retriever.Words = "letters" },
		"prompt.focus":                       func(m *bundle.Manifest) { m.Prompt.Focus = []int64{1 << 40} },
		"prompt.question":                    func(m *bundle.Manifest) { m.Prompt.Question = nil },
		"prompt.answer":                      func(m *bundle.Manifest) { m.Prompt.Answer = []int64{1, 1 << 40} },
		"limits.hops":                        func(m *bundle.Manifest) { m.Limits.Hops = 1000 },
		"limits.passages":                    func(m *bundle.Manifest) { m.Limits.Passages = 0 },
		"limits.answer_tokens":               func(m *bundle.Manifest) { m.Limits.AnswerTokens = 0 },
		"backbone.max_positions is 100":      func(m *bundle.Manifest) { m.Backbone.MaxPositions = 100 },
		"thoughts of":                        func(m *bundle.Manifest) { m.Limits.ThoughtTokens = 600 },
		"subqueries of":                      func(m *bundle.Manifest) { m.Limits.SubqueryTokens = 600 },
		"action.bias":                        func(m *bundle.Manifest) { m.Action.Bias = 1e5 },
		"action.carry":                       func(m *bundle.Manifest) { m.Action.Carry = 1.5 },
		"number of action.hops":              func(m *bundle.Manifest) { m.Action.Hops = make([]float64, 101) },
		"action.hops[1]":                     func(m *bundle.Manifest) { m.Action.Hops = []float64{0, -1e5} },
		"search.alpha":                       func(m *bundle.Manifest) { m.Search.Alpha = 1.5 },
		"search.question_weight":             func(m *bundle.Manifest) { m.Search.QuestionWeight = -1 },
		"search.focus_weight":                func(m *bundle.Manifest) { m.Search.FocusWeight = -1 },
		"answer.ways.span.scale":             func(m *bundle.Manifest) { m.Answer.Ways.Span.Scale = -1 },
		"answer.ways.pointer.shift":          func(m *bundle.Manifest) { m.Answer.Ways.Pointer.Shift = 1e9 },
		"answer.supports":                    func(m *bundle.Manifest) { m.Answer.Supports = -1 },
		"answer.greatest":                    func(m *bundle.Manifest) { m.Answer.Greatest = -1 },
		"action.second":                      func(m *bundle.Manifest) { m.Action.Second = -1e5 },
		"action or answer weigh the support": func(m *bundle.Manifest) { m.Action.Second = 1 },
		"action.newest":                      func(m *bundle.Manifest) { m.Action.Newest = 1e5 },
		"answer.passages":                    func(m *bundle.Manifest) { m.Answer.Passages = -1 },
		"support.onnx":                       func(m *bundle.Manifest) { m.Action.Support = 1 },
		"answer.threshold":                   func(m *bundle.Manifest) { m.Answer.Threshold = 2 },
		"answer.auto names no way":           func(m *bundle.Manifest) { m.Answer.Auto = nil },
		`answer.auto: "guess"`:               func(m *bundle.Manifest) { m.Answer.Auto = []string{"span", "guess"} },
		"answer.auto names span twice":       func(m *bundle.Manifest) { m.Answer.Auto = []string{"span", "span"} },
		"the bundle has no pointer.onnx":     func(m *bundle.Manifest) { m.Answer.Auto = []string{"pointer"} },
		"first hops of":                      func(m *bundle.Manifest) { named(bundle.ExplicitFile)(m); m.Limits.ThoughtTokens = 490 },
		`training.card: "MODEL_CARD.md"`:     func(m *bundle.Manifest) { m.Training.Card = "MODEL_CARD.md" },
		`"lm.onnx" is not named`:             func(m *bundle.Manifest) { delete(m.Files, bundle.LMFile) },
		`"lm.onnx" has no SHA-256`:           func(m *bundle.Manifest) { m.Files[bundle.LMFile] = bundle.File{SHA256: strings.Repeat("A", 64)} },
		`"lm.onnx" has size -1`:              func(m *bundle.Manifest) { f := m.Files[bundle.LMFile]; f.Size = -1; m.Files[bundle.LMFile] = f },
		`"../evil" is not the path`:          named("../evil"),
		`"/etc/passwd" is not the path`:      named("/etc/passwd"),
		`"a/../../b" is not the path`:        named("a/../../b"),
		`"a//b" is not the path`:             named("a//b"),
		`"." is not the path`:                named("."),
		`"" is not the path`:                 named(""),
		`"a\\b" is not the path`:             named(`a\b`),
		`"C:evil" is not the path`:           named("C:evil"),
		`"a\x00b" is not the path`:           named("a\x00b"),
		`"manifest.json" is not the path`:    named("manifest.json"),
		"latent.think is -1, not 1 to 1024":  func(m *bundle.Manifest) { m.Latent.Think = -1 },
	} {
		t.Run(says, func(t *testing.T) {
			m := small(t)
			spoil(m)
			_, err := bundle.ParseManifest(encode(t, m))
			require.ErrorIs(t, err, bundle.ErrIncompatible)
			require.ErrorContains(t, err, says)
		})
	}
}

// named adds a file of that name.
func named(name string) func(*bundle.Manifest) {
	return func(m *bundle.Manifest) { m.Files[name] = bundle.File{SHA256: strings.Repeat("0", 64)} }
}

func FuzzParseManifest(f *testing.F) {
	whole := encode(f, small(f))
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(`{"format": 2, "files": {"../x": {"sha256": "", "size": -1}}}`))
	f.Add([]byte(`{"format": 1e400}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := bundle.ParseManifest(data)
		if err != nil {
			var typed *bundle.Error
			if !errors.As(err, &typed) || m != nil {
				t.Fatalf("%T beside %v", err, m)
			}
			return
		}
		// What was accepted must be usable, and mean the same when written again.
		if n := m.SequenceTokens(); n < 1 || n > m.Backbone.MaxPositions {
			t.Fatalf("sequences of %d tokens", n)
		}
		again, err := bundle.ParseManifest(encode(t, m))
		if err != nil {
			t.Fatal(err)
		}
		if string(encode(t, again)) != string(encode(t, m)) {
			t.Fatal("a manifest changed by writing and reading")
		}
	})
}
