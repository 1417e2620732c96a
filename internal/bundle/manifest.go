package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Format is the bundle format that this package reads.
const Format = 2

// ManifestFile is the manifest's name in a bundle.
const ManifestFile = "manifest.json"

// Names of the files that every bundle has.
const (
	LMFile                 = "lm.onnx"
	HeadFile               = "head.onnx"
	QueryFile              = "query.onnx"
	EncoderFile            = "encoder.onnx"
	DecodeFile             = "decode.onnx"
	LMTokenizerFile        = "lm_tokenizer.json"
	RetrieverTokenizerFile = "retriever_tokenizer.json"
)

// Names of files that a bundle may have; see [Bundle.Has].
const (
	PointerFile  = "pointer.onnx"
	SupportFile  = "support.onnx"
	ExplicitFile = "explicit.onnx"
	TellFile     = "tell.onnx"
)

// required are the files without which a bundle cannot serve.
var required = []string{
	LMFile, HeadFile, QueryFile, EncoderFile, DecodeFile, LMTokenizerFile, RetrieverTokenizerFile,
}

// Manifest is a bundle's manifest.json. See docs/bundle.md for what the numbers
// mean. Lengths are in tokens unless said.
type Manifest struct {
	Format    int    `json:"format"`
	Name      string `json:"name"`
	Version   string `json:"version"`
	Precision string `json:"precision"` // of the graphs' weights, such as "int8"

	Backbone  Backbone  `json:"backbone"`
	Retriever Retriever `json:"retriever"`
	Latent    Latent    `json:"latent"`
	Prompt    Prompt    `json:"prompt"`
	Limits    Limits    `json:"limits"`

	Action Action `json:"action"`
	Search Search `json:"search"`
	Answer Answer `json:"answer"`

	Files    map[string]File `json:"files"` // by name, with forward slashes
	Sources  []Source        `json:"sources"`
	Training Training        `json:"training"`
}

// Backbone is the language model of lm.onnx and head.onnx.
type Backbone struct {
	Name         string `json:"name"`
	Hidden       int    `json:"hidden"` // width of a state
	Layers       int    `json:"layers"`
	KVHeads      int    `json:"kv_heads"`
	HeadDim      int    `json:"head_dim"`
	Vocab        int    `json:"vocab"`         // ordinary tokens; ids from here on are latent
	MaxPositions int    `json:"max_positions"` // longest sequence
	EOS          int64  `json:"eos"`
	Newline      int64  `json:"newline"`
	Cache        string `json:"cache"` // element type of keys and values, CacheFloat32 where not given
}

// Element types of keys and values.
const (
	CacheFloat32 = "float32"
	CacheFloat16 = "float16"
)

// Retriever is the model of encoder.onnx, which is also the last part of query.onnx.
type Retriever struct {
	Name              string `json:"name"`
	Dimension         int    `json:"dimension"`
	MaxTokens         int    `json:"max_tokens"`          // of a text, [CLS] and [SEP] included
	MaxQuestionTokens int    `json:"max_question_tokens"` // of a question, [CLS] and [SEP] included
	Prefix            string `json:"prefix"`              // put before every stored text that is embedded
	// QuestionPrefix is put before questions; nil is Prefix. See AskPrefix.
	QuestionPrefix *string `json:"question_prefix,omitempty"`
	Words          string  `json:"words"` // how pieces make words, WordPieces where not given
	CLS            int64   `json:"cls"`
	SEP            int64   `json:"sep"`
	PAD            int64   `json:"pad"`
}

// AskPrefix is what is put before a question that is embedded.
func (r *Retriever) AskPrefix() string {
	if r.QuestionPrefix != nil {
		return *r.QuestionPrefix
	}
	return r.Prefix
}

// Latent describes the latent tokens and the copy head.
type Latent struct {
	Think          int     `json:"think"`           // think tokens a hop
	Query          int     `json:"query"`           // query tokens a hop
	Pieces         int     `json:"pieces"`          // word pieces that the copy head passes on
	FocusThreshold float64 `json:"focus_threshold"` // gate above which a piece is reported
}

// Prompt holds the backbone's ids of the fixed pieces of a sequence.
type Prompt struct {
	Question []int64 `json:"question"`
	Passage  []int64 `json:"passage"`
	Answer   []int64 `json:"answer"`
	Thought  []int64 `json:"thought"`
	Subquery []int64 `json:"subquery"`

	// Focus stands before a hop's focus where its latents are put into words
	// behind the question and the focus; absent where they are alone.
	Focus []int64 `json:"focus,omitempty"`
}

// The focus that stands before latents put into words: so many of its heaviest
// words, and so many tokens of them. The trainer's numbers (train/sequence.py).
const (
	ToldWords  = 8
	ToldTokens = 64
)

// ToldSequences are the lengths of the longest sequences in which a thought and
// a subquery are put into words: what stands before, prompt, latents and text.
func (m *Manifest) ToldSequences() (thought, subquery int) {
	p, l := &m.Prompt, &m.Limits
	before := 0
	if p.Focus != nil {
		before = len(p.Question) + l.QuestionTokens + len(p.Focus) + ToldTokens + 1
	}
	return before + len(p.Thought) + m.Latent.Think + l.ThoughtTokens,
		before + len(p.Subquery) + m.Latent.Query + l.SubqueryTokens
}

// Limits bound a question's way through the model.
type Limits struct {
	Hops           int `json:"hops"`
	Passages       int `json:"passages"` // read a hop
	PassageTokens  int `json:"passage_tokens"`
	QuestionTokens int `json:"question_tokens"`
	AnswerTokens   int `json:"answer_tokens"`
	ThoughtTokens  int `json:"thought_tokens"`
	SubqueryTokens int `json:"subquery_tokens"`
}

// File is what a file of the bundle must be.
type File struct {
	SHA256 string `json:"sha256"` // lower-case hexadecimal
	Size   int64  `json:"size"`   // bytes
}

// Source is where weights came from. Nothing depends on it, so fields that are
// not known here are allowed.
type Source struct {
	Name    string `json:"name"`
	Package string `json:"package"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	License string `json:"license"`
}

// Training says how the bundle was trained. Nothing depends on it, so fields
// that are not known here are allowed.
type Training struct {
	Run     string         `json:"run"`
	Tokens  int64          `json:"tokens"`
	Figures map[string]any `json:"figures"`
	Card    string         `json:"card,omitempty"` // the model card's name in the bundle
}

// UnmarshalJSON lets unknown fields pass, unlike the manifest around it.
func (s *Source) UnmarshalJSON(data []byte) error {
	type plain Source
	return json.Unmarshal(data, (*plain)(s))
}

// UnmarshalJSON lets unknown fields pass, unlike the manifest around it.
func (t *Training) UnmarshalJSON(data []byte) error {
	type plain Training
	return json.Unmarshal(data, (*plain)(t))
}

// ParseManifest reads and checks a manifest. Unknown fields are errors: within
// one format they can only be mistakes. Errors are of type [*Error], with kind
// [ErrFormat], [ErrCorrupt] or [ErrIncompatible].
func ParseManifest(data []byte) (*Manifest, error) {
	var head struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, manifestError(ErrCorrupt, err)
	}
	if head.Format == nil {
		return nil, manifestError(ErrCorrupt, errors.New("no format number"))
	}
	if *head.Format != Format {
		e := &Error{Kind: ErrFormat, File: ManifestFile, Err: fmt.Errorf("format %d, this build reads %d", *head.Format, Format)}
		e.Hint = hintRebuild
		if *head.Format > Format {
			e.Hint = "use a newer build, or a bundle made for this one"
		}
		return nil, e
	}
	m := Manifest{
		Backbone:  Backbone{Cache: CacheFloat32},
		Retriever: Retriever{Words: WordPieces},
		Action:    DefaultAction(),
		Search:    DefaultSearch(),
		Answer:    DefaultAnswer(),
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		return nil, manifestError(ErrCorrupt, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, manifestError(ErrCorrupt, errors.New("text after the manifest"))
	}
	if err := m.validate(); err != nil {
		return nil, manifestError(ErrIncompatible, err)
	}
	return &m, nil
}

func manifestError(kind, cause error) *Error {
	return &Error{Kind: kind, File: ManifestFile, Hint: hintRebuild, Err: cause}
}

// SequenceTokens is the length of the longest sequence that the limits allow.
func (m *Manifest) SequenceTokens() int {
	l := &m.Limits
	hop := m.Latent.Think + m.Latent.Query + l.Passages*(len(m.Prompt.Passage)+l.PassageTokens)
	return len(m.Prompt.Question) + l.QuestionTokens + l.Hops*hop +
		m.Latent.Think + len(m.Prompt.Answer) + l.AnswerTokens
}

// explicitTokens is the length of the longest sequence that the explicit twin
// needs at least: a question, its first thought and subquery, and an answer.
func (m *Manifest) explicitTokens() int {
	l, p := &m.Limits, &m.Prompt
	return len(p.Question) + l.QuestionTokens + 1 + len(p.Thought) + l.ThoughtTokens + 1 + len(p.Subquery) + l.SubqueryTokens +
		len(p.Answer) + l.AnswerTokens
}
