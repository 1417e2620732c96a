package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/daulet/tokenizers"
)

// Tokenizer turns text into ids and back. It is safe for concurrent use: the
// library behind it encodes through a shared reference and locks its own cache.
type Tokenizer struct {
	mu    sync.RWMutex // read-held by calls, so that close waits for them
	inner *tokenizers.Tokenizer
	vocab int
}

// Encoding is a tokenised text. The slices are parallel.
type Encoding struct {
	Text    string   // the text as it was tokenised, see [Clean]
	IDs     []int64  // token ids
	Offsets [][2]int // start and end in bytes of Text; 0, 0 for tokens that the tokenizer added
	Tokens  []string // as in the vocabulary, such as "##ing"
}

// Len is the number of tokens.
func (e Encoding) Len() int { return len(e.IDs) }

// Clean is what Encode makes of a text first: NUL bytes become spaces (strings
// end at them in C) and invalid UTF-8 becomes U+FFFD. It changes no other text,
// and cleaning twice changes nothing more.
func Clean(text string) string {
	if strings.IndexByte(text, 0) >= 0 {
		text = strings.ReplaceAll(text, "\x00", " ")
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// Encode tokenises a text of any length, without truncation. With special, the
// tokens that the model expects around a text ([CLS], [SEP]) are added. Nothing
// that stands in the text can become one of them. After the bundle's Close the
// encoding is empty.
func (t *Tokenizer) Encode(text string, special bool) Encoding {
	t.mu.RLock()
	defer t.mu.RUnlock()
	text = Clean(text)
	if t.inner == nil {
		return Encoding{Text: text}
	}
	got := t.inner.EncodeWithOptions(text, special, tokenizers.WithReturnTokens(), tokenizers.WithReturnOffsets())
	out := Encoding{Text: text, IDs: widen(got.IDs), Tokens: got.Tokens, Offsets: make([][2]int, len(got.Offsets))}
	for i, o := range got.Offsets {
		out.Offsets[i] = [2]int{int(o[0]), int(o[1])}
	}
	return out
}

// IDs are Encode's ids alone, for less work.
func (t *Tokenizer) IDs(text string, special bool) []int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.inner == nil {
		return nil
	}
	return widen(t.inner.EncodeWithOptions(Clean(text), special).IDs)
}

// Decode turns ids into text. Ids outside the vocabulary, and tokens that are a
// NUL, are left out; bytes that are no UTF-8 come out as U+FFFD.
func (t *Tokenizer) Decode(ids []int64) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.inner == nil {
		return ""
	}
	narrow := make([]uint32, 0, len(ids))
	for _, id := range ids {
		if id >= 0 && id < int64(t.vocab) {
			narrow = append(narrow, uint32(id))
		}
	}
	text := t.inner.Decode(narrow, false)
	if text == "" && len(narrow) > 1 {
		// One NUL makes the library give up on the whole string.
		narrow = slices.DeleteFunc(narrow, func(id uint32) bool { return t.inner.Decode([]uint32{id}, false) == "" })
		text = t.inner.Decode(narrow, false)
	}
	return text
}

// VocabSize is the number of tokens.
func (t *Tokenizer) VocabSize() int { return t.vocab }

func widen(ids []uint32) []int64 {
	out := make([]int64, len(ids))
	for i, id := range ids {
		out[i] = int64(id)
	}
	return out
}

// openTokenizer loads a Hugging Face tokenizer file of a bundle.
func openTokenizer(root *os.Root, name string) (*Tokenizer, error) {
	file, err := root.Open(name)
	if err != nil {
		return nil, fileError(name, err)
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, fileError(name, err)
	}
	t, err := newTokenizer(data)
	if err != nil {
		return nil, &Error{Kind: ErrCorrupt, File: name, Hint: hintRebuild, Err: err}
	}
	return t, nil
}

func newTokenizer(data []byte) (*Tokenizer, error) {
	// What a bundle's tokenizer must not have: cutting and padding are the
	// caller's business, and an added token is one that text could become.
	var settings struct {
		Truncation  any   `json:"truncation"`
		Padding     any   `json:"padding"`
		AddedTokens []any `json:"added_tokens"`
	}
	if err := json.Unmarshal(data, &settings); err != nil {
		return nil, err
	}
	if settings.Truncation != nil || settings.Padding != nil || len(settings.AddedTokens) > 0 {
		return nil, errors.New("the tokenizer truncates, pads or has added tokens")
	}
	inner, err := tokenizers.FromBytes(data, tokenizers.WithEncodeSpecialTokens())
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return &Tokenizer{inner: inner, vocab: int(inner.VocabSize())}, nil
}

// close frees the tokenizer once no call uses it; nil and a second close do nothing.
func (t *Tokenizer) close() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.inner == nil {
		return nil
	}
	inner := t.inner
	t.inner = nil
	return inner.Close()
}
