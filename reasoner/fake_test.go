package reasoner

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latentask/latentask/internal/bundle"
)

// fakeTokenizer has one token a word; as a backbone's its tokens take the space
// before a word with them, as a retriever's it lower-cases and splits words of
// more than four bytes into pieces. All of them share one table of ids.
type fakeTokenizer struct {
	table  *fakeTable
	pieces bool
}

type fakeTable struct {
	mu    sync.Mutex
	words []string
	ids   map[string]int64
}

func (t *fakeTable) id(word string) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if id, ok := t.ids[word]; ok {
		return id
	}
	if len(t.words) == fakeVocab {
		panic("too many words in a test")
	}
	t.words = append(t.words, word)
	t.ids[word] = int64(len(t.words) - 1)
	return t.ids[word]
}

func newFakeTable() *fakeTable {
	t := &fakeTable{ids: map[string]int64{}}
	for _, w := range []string{"<eos>", "<nl>", "Q:", "D:", "A:", "T:", "S:", "[CLS]", "[SEP]"} {
		t.id(w)
	}
	return t
}

func (t fakeTokenizer) Encode(text string, _ bool) bundle.Encoding {
	text = bundle.Clean(text)
	e := bundle.Encoding{Text: text}
	add := func(token string, start, end int) {
		e.IDs = append(e.IDs, t.table.id(token))
		e.Tokens = append(e.Tokens, token)
		e.Offsets = append(e.Offsets, [2]int{start, end})
	}
	for i := 0; i < len(text); {
		start := i
		for i < len(text) && text[i] == ' ' {
			i++
		}
		from := i
		for i < len(text) && text[i] != ' ' {
			i++
		}
		if from == i {
			break
		}
		if !t.pieces {
			add(text[from:i], start, i)
			continue
		}
		prefix := ""
		for word := from; word < i; word += 4 {
			end := min(word+4, i)
			add(prefix+strings.ToLower(text[word:end]), word, end)
			prefix = "##"
		}
	}
	return e
}

func (t fakeTokenizer) IDs(text string, special bool) []int64 {
	ids := t.Encode(text, special).IDs
	if special && t.pieces {
		ids = append(append([]int64{t.table.id("[CLS]")}, ids...), t.table.id("[SEP]"))
	}
	return ids
}

func (t fakeTokenizer) Decode(ids []int64) string {
	t.table.mu.Lock()
	defer t.table.mu.Unlock()
	var words []string
	for _, id := range ids {
		words = append(words, t.table.words[id])
	}
	return strings.Join(words, " ")
}

// fakeVocab is more words than a test uses.
const fakeVocab = 1 << 10

func fakeManifest() *bundle.Manifest {
	return &bundle.Manifest{
		Name:      "fake",
		Backbone:  bundle.Backbone{Hidden: 2, Layers: 1, KVHeads: 1, HeadDim: 1, Vocab: fakeVocab, MaxPositions: 512, EOS: 0, Newline: 1, Cache: bundle.CacheFloat32},
		Retriever: bundle.Retriever{Dimension: 3, MaxTokens: 64, MaxQuestionTokens: 32, Words: bundle.WordPieces, CLS: 7, SEP: 8},
		Latent:    bundle.Latent{Think: 2, Query: 3, Pieces: 4, FocusThreshold: 0.15},
		Prompt:    bundle.Prompt{Question: []int64{2}, Passage: []int64{3}, Answer: []int64{4}, Thought: []int64{5}, Subquery: []int64{6}},
		Limits:    bundle.Limits{Hops: 4, Passages: 2, PassageTokens: 8, QuestionTokens: 12, AnswerTokens: 4, ThoughtTokens: 4, SubqueryTokens: 4},
		Action:    bundle.DefaultAction(),
		Search:    bundle.DefaultSearch(),
		Answer:    fakeAnswer(),
		Files:     map[string]bundle.File{},
	}
}

// fakeAnswer writes freely where nothing is asked for: most tests are about
// other things than the answer.
func fakeAnswer() bundle.Answer {
	a := bundle.DefaultAnswer()
	a.Auto = []string{bundle.WayFree}
	return a
}

// fakeModel follows a script. A state is (token, position in the sequence), so
// that a test sees which states were asked for; what it writes is a chain of
// words; its n-th query vector has n as its last component.
type fakeModel struct {
	table    *fakeTable
	layout   layout
	answers  int                // the hop whose action is to answer; 0: none
	gates    map[string]float32 // by piece
	next     map[int64]string   // what to write behind a token; else the end
	likes    map[string]float64 // probabilities of other words, everywhere
	pointed  func(words int) pointed
	supports map[string]float32 // of passages, by their last word
	clock    *fakeClock
	heads    time.Duration        // what the head takes
	fail     func(pass int) error // before a pass of several tokens
	block    chan struct{}        // passes of several tokens wait for it, or for their context

	mu           sync.Mutex
	passes       []string // sequences with "|" before what the pass adds, "‖" in the twin
	compositions []composition
	pointings    []pointing
	stores       int
	allocated    []int // capacities
	closed       bool
}

type fakeStore struct{ m *fakeModel }

func (s fakeStore) Close() error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.stores--
	return nil
}

func (m *fakeModel) allocate(capacity int) (store, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.allocated = append(m.allocated, capacity)
	m.stores++
	return fakeStore{m}, nil
}

func (m *fakeModel) Close() error { m.closed = true; return nil }

func (m *fakeModel) forward(ctx context.Context, c *cache, p pass) (output, error) {
	if m.block != nil && len(p.tokens) > 1 {
		select {
		case <-m.block:
		case <-ctx.Done():
			return output{}, ctx.Err()
		}
	}
	if err := ctx.Err(); err != nil {
		return output{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(p.tokens) > 1 && m.fail != nil {
		if err := m.fail(len(m.passes) + 1); err != nil {
			return output{}, err
		}
	}
	if len(p.tokens) > 1 || len(c.tokens) > 0 {
		mark := map[backbone]string{ofLoop: " | ", ofTwin: " ‖ ", ofTeller: " → "}[c.of]
		m.passes = append(m.passes, strings.TrimSpace(m.render(c.tokens)+mark+m.render(p.tokens)))
	}
	m.clock.advance(time.Duration(len(p.tokens)) * time.Millisecond)
	hop := 1
	for _, t := range c.tokens {
		if t == fakeVocab || c.of == ofTwin && t == m.layout.Prompt.Thought[0] { // what closed an earlier pass
			hop++
		}
	}
	var out output
	for i, row := range p.rows {
		if row < 0 || int(row) >= len(p.tokens) || i > 0 && row <= p.rows[i-1] {
			return output{}, fmt.Errorf("rows %v of %d tokens", p.rows, len(p.tokens))
		}
		out.states = append(out.states, float32(p.tokens[row]), float32(len(c.tokens)+int(row)))
		if hop == m.answers {
			out.action = append(out.action, 0, 1)
		} else {
			out.action = append(out.action, 1, 0)
		}
	}
	return out, nil
}

// head gives the next word, or else the end, half of the probability; likes of
// what remains go to the words that it lists, and nearly nothing to the rest.
func (m *fakeModel) head(_ context.Context, states, logprobs []float32) error {
	m.clock.advance(m.heads)
	for ; len(states) > 0; states, logprobs = states[m.layout.hidden():], logprobs[fakeVocab:] {
		for i := range fakeVocab {
			logprobs[i] = -20
		}
		for word, p := range m.likes {
			logprobs[m.table.id(word)] = float32(math.Log(p))
		}
		id := int64(0)
		if word, ok := m.next[int64(states[0])]; ok {
			id = m.table.id(word)
		}
		logprobs[id] = float32(math.Log(0.5))
	}
	return nil
}

func (m *fakeModel) point(_ context.Context, answer, words []float32) (pointed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pointings = append(m.pointings, pointing{slices.Clone(answer), slices.Clone(words)})
	return m.pointed(len(words) / m.layout.hidden()), nil
}

// pointing is what the pointer was asked.
type pointing struct{ answer, words []float32 }

// support gives the passages what supports says of the token at their end.
func (m *fakeModel) support(_ context.Context, _, passages []float32) ([]float32, error) {
	var out []float32
	for ; len(passages) > 0; passages = passages[m.layout.hidden():] {
		out = append(out, m.supports[m.table.words[int64(passages[0])]])
	}
	return out, nil
}

func (m *fakeModel) compose(_ context.Context, c composition) ([]float32, []float32, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.compositions = append(m.compositions, c)
	gates := make([]float32, len(c.pieces))
	for i, id := range c.pieces {
		gates[i] = m.gates[m.table.words[id]]
	}
	// The first query token's position tells the hops apart.
	return []float32{1, 0, c.query[1]}, gates, nil
}

func (m *fakeModel) translate(_ context.Context, think, query []float32) ([]float32, []float32, error) {
	return append([]float32(nil), think...), append([]float32(nil), query...), nil
}

// render shows ids: t0 t1 think, q0 … query, i0 … injected.
func (m *fakeModel) render(ids []int64) string {
	l := m.layout
	words := make([]string, len(ids))
	for i, id := range ids {
		k := int(id) - fakeVocab
		switch {
		case k < 0:
			words[i] = m.table.words[id]
		case k < l.Latent.Think:
			words[i] = fmt.Sprintf("t%d", k)
		case k < l.Latent.Think+l.Latent.Query:
			words[i] = fmt.Sprintf("q%d", k-l.Latent.Think)
		default:
			words[i] = fmt.Sprintf("i%d", k-l.Latent.Think-l.Latent.Query)
		}
	}
	return strings.Join(words, " ")
}

// says makes the model write a text behind an id.
func (m *fakeModel) says(after int64, text string) {
	for _, w := range strings.Fields(text) {
		m.next[after] = w
		after = m.table.id(w)
	}
}

// fakeEmbedder gives a text the vector of the first of its words that is
// listed.
type fakeEmbedder map[string][]float32

func (e fakeEmbedder) Embed(_ context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = []float32{0, 1, 0}
		for _, w := range strings.Fields(t) {
			if v, ok := e[w]; ok {
				out[i] = v
				break
			}
		}
	}
	return out, nil
}

func (e fakeEmbedder) EmbedQuestions(ctx context.Context, questions []string) ([][]float32, error) {
	return e.Embed(ctx, questions)
}

// fakeClock moves only when told; nil is allowed and does not move.
type fakeClock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *fakeClock) advance(d time.Duration) {
	if c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.t = c.t.Add(d)
	}
}

// script is a searcher that gives one list a call, then nothing.
type script struct {
	hits    [][]Passage
	queries []Query
	before  func(ctx context.Context, call int) error
}

func (s *script) Search(ctx context.Context, q Query) ([]Passage, error) {
	s.queries = append(s.queries, q)
	n := len(s.queries)
	if s.before != nil {
		if err := s.before(ctx, n); err != nil {
			return nil, err
		}
	}
	if n > len(s.hits) {
		return nil, nil
	}
	return s.hits[n-1], nil
}

func hit(id, text string) Passage { return Passage{ID: id, Text: text, Distance: 0.25} }

// newFake is an engine on a scripted model; change its manifest and model
// before the first question.
func newFake(t testing.TB, options Options) (*Engine, *fakeModel) {
	t.Helper()
	table := newFakeTable()
	l := layout{fakeManifest()}
	m := &fakeModel{table: table, layout: l, next: map[int64]string{}}
	e := newEngine(l, m, fakeTokenizer{table: table}, fakeTokenizer{table: table, pieces: true}, fakeEmbedder{}, options)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if m.stores != 0 {
			t.Errorf("%d caches were not freed", m.stores)
		}
		if !m.closed {
			t.Error("the model was not closed")
		}
	})
	return e, m
}

// onClock puts an engine on a clock on which a pass takes a millisecond a token.
func onClock(e *Engine, m *fakeModel) *fakeClock {
	// The queue waits by the wall's clock, which is far before this one's deadlines.
	c := &fakeClock{t: time.Now().Add(time.Hour)}
	e.now, m.clock = c.now, c
	return c
}
