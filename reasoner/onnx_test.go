package reasoner_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/bundle/bundletest"
	"github.com/latentask/latentask/internal/ort"
	"github.com/latentask/latentask/reasoner"
	"github.com/latentask/latentask/vectorizer"
)

// openReal opens an engine on the real bundle; where there is none the test is
// skipped. The runtime's Close finds tensors and sessions that were left open.
func openReal(t testing.TB, options reasoner.Options) (*reasoner.Engine, *bundle.Bundle) {
	t.Helper()
	b := bundletest.Real(t)
	return openEngine(t, b, options), b
}

func openEngine(t testing.TB, b *bundle.Bundle, options reasoner.Options) *reasoner.Engine {
	t.Helper()
	rt, err := ort.Open(ort.Config{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	closing := func(name string, f func() error) {
		t.Cleanup(func() {
			if err := f(); err != nil {
				t.Errorf("close %s: %v", name, err)
			}
		})
	}
	closing("runtime", rt.Close)
	encoder, err := vectorizer.Open(rt, b, vectorizer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	closing("encoder", encoder.Close)
	e, err := reasoner.Open(rt, b, encoder, options)
	if err != nil {
		t.Fatal(err)
	}
	closing("engine", e.Close)
	return e
}

// replay is a searcher that gives one block of passages a hop.
type replay struct {
	blocks [][]string
	hop    int
}

func (r *replay) Search(context.Context, reasoner.Query) ([]reasoner.Passage, error) {
	if r.hop == len(r.blocks) {
		return nil, nil
	}
	var out []reasoner.Passage
	for i, text := range r.blocks[r.hop] {
		out = append(out, reasoner.Passage{ID: fmt.Sprintf("%d.%d", r.hop, i), Text: text})
	}
	r.hop++
	return out, nil
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func request(c bundle.LoopParity) reasoner.Request {
	most := 1
	for _, block := range c.Passages {
		most = max(most, len(block))
	}
	return reasoner.Request{Question: c.Question, MaxHops: len(c.Passages), PassagesPerHop: most}
}

// TestParity replays what the exporter's own loop did with the same files.
func TestParity(t *testing.T) {
	t.Run("real", func(t *testing.T) { checkParity(t, bundletest.Real(t)) })
	t.Run("tiny", func(t *testing.T) {
		for name, dir := range bundletest.Tiny(t) {
			t.Run(name, func(t *testing.T) { checkParity(t, bundletest.OpenAt(t, dir)) })
		}
	})
}

func checkParity(t *testing.T, b *bundle.Bundle) {
	e := openEngine(t, b, reasoner.Options{})
	p, err := b.Parity()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Loop) == 0 {
		t.Fatal("parity.json has no loops")
	}
	least := 1.0
	oneLine := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	for _, c := range p.Loop {
		t.Run(c.Question, func(t *testing.T) {
			vectors, err := b.ParityRows(c.QueryVectors, b.Manifest().Retriever.Dimension)
			if err != nil {
				t.Fatal(err)
			}
			r := request(c)
			r.Decode, r.Lens, r.AnswerBy = true, true, reasoner.AnswerByFree
			got, err := e.Ask(t.Context(), r, &replay{blocks: c.Passages})
			if err != nil {
				t.Fatal(err)
			}
			var actions []int
			query := 0
			for _, h := range got.Hops {
				if h.Action == reasoner.ActionAnswer {
					if got.Answer.StoppedBy == reasoner.StoppedByAction {
						actions = append(actions, 1)
					}
					break
				}
				actions = append(actions, 0)
				if query == len(vectors) {
					t.Fatalf("more hops than the %d of the reference", len(vectors))
				}
				cos := cosine(h.Vector, vectors[query])
				least = min(least, cos)
				if cos < 0.999 {
					t.Errorf("hop %d: cosine %f", h.N, cos)
				}
				var words, want []string
				for _, w := range h.Focus {
					words = append(words, w.Text)
				}
				for _, w := range c.Focus[query] {
					want = append(want, w.Word)
				}
				if !reflect.DeepEqual(words, want) {
					t.Errorf("hop %d: focus %q, want %q", h.N, words, want)
				}
				if oneLine(c.Thoughts[query]) != h.Thought || oneLine(c.Subqueries[query]) != h.Subquery {
					t.Errorf("hop %d: thought %q and subquery %q, want %q and %q", h.N, h.Thought, h.Subquery, c.Thoughts[query], c.Subqueries[query])
				}
				if query < len(c.Lens) {
					var likeliest []string
					for _, token := range h.Lens {
						likeliest = append(likeliest, token.Words[0].Text)
					}
					if !reflect.DeepEqual(likeliest, c.Lens[query]) {
						t.Errorf("hop %d: lens %q, want %q", h.N, likeliest, c.Lens[query])
					}
				}
				query++
			}
			if !reflect.DeepEqual(actions, c.Actions) {
				t.Errorf("actions %v, want %v", actions, c.Actions)
			}
			supports := map[string]float32{}
			for _, e := range got.Evidence {
				supports[e.ID] = e.Support
			}
			read := 0
			for hop, block := range c.Passages {
				for i := range block {
					if read == len(c.Supports) {
						break // the loop ended before
					}
					if got := supports[fmt.Sprintf("%d.%d", hop, i)]; math.Abs(float64(got)-c.Supports[read]) > 0.01 {
						t.Errorf("passage %d of hop %d: support %f, want %f", i+1, hop+1, got, c.Supports[read])
					}
					read++
				}
			}
			if got.Answer.Text != oneLine(c.Answer) {
				t.Errorf("answer %q, want %q", got.Answer.Text, c.Answer)
			}
			for way, want := range c.Answers {
				checkAnswer(t, e, b, request(c), c, way, want)
			}
		})
	}
	t.Logf("%d questions, cosine of the query vectors at least %f", len(p.Loop), least)
	for _, c := range p.Explicit {
		t.Run("explicit "+c.Question, func(t *testing.T) { checkExplicit(t, e, b, c) })
	}
}

// checkExplicit compares a question to the twin with the reference's.
func checkExplicit(t *testing.T, e *reasoner.Engine, b *bundle.Bundle, c bundle.ExplicitParity) {
	loop := bundle.LoopParity{Question: c.Question, Passages: c.Passages}
	r := request(loop)
	r.Mode = reasoner.ModeExplicit
	got, err := e.Ask(t.Context(), r, &replay{blocks: c.Passages})
	if err != nil {
		t.Fatal(err)
	}
	var actions []int
	var thoughts, subqueries []string
	for _, h := range got.Hops {
		if h.Action == reasoner.ActionQuery {
			actions, thoughts, subqueries = append(actions, 0), append(thoughts, h.Thought), append(subqueries, h.Subquery)
		} else if got.Answer.StoppedBy == reasoner.StoppedByAction {
			actions = append(actions, 1)
		}
	}
	if !slices.Equal(actions, c.Actions) || !slices.Equal(thoughts, c.Thoughts) || !slices.Equal(subqueries, c.Subqueries) {
		t.Errorf("actions %v, thoughts %q, subqueries %q, want %+v", actions, thoughts, subqueries, c)
	}
	for way, want := range c.Answers {
		checkAnswer(t, e, b, r, loop, way, want)
	}
}

// checkAnswer asks for an answer in one way and compares it with the reference's.
func checkAnswer(t *testing.T, e *reasoner.Engine, b *bundle.Bundle, r reasoner.Request, c bundle.LoopParity, way string, want bundle.AnswerParity) {
	t.Helper()
	passages := c.Passages
	r.AnswerBy = reasoner.AnswerBy(strings.ToUpper(way))
	result, err := e.Ask(t.Context(), r, &replay{blocks: passages})
	if err != nil {
		t.Fatal(err)
	}
	got := result.Answer
	if got.Text != want.Text || got.By != r.AnswerBy {
		t.Errorf("%s: %q by %s, want %q", way, got.Text, got.By, want.Text)
	}
	ways := b.Manifest().Answer.Ways
	fit := map[string]bundle.Calibration{bundle.WayFree: ways.Free, bundle.WaySpan: ways.Span, bundle.WayPointer: ways.Pointer}[way]
	p := max(1e-6, min(1-1e-6, math.Exp(want.Score)))
	supported := 0.0
	if want.Source != nil {
		if want.Source.Passage < len(c.Supports) {
			supported = c.Supports[want.Source.Passage]
		}
	} else if len(c.Supports) > 0 {
		supported = slices.Max(c.Supports)
	}
	confidence := 1 / (1 + math.Exp(-(fit.Scale*math.Log(p/(1-p)) + fit.Support*supported + fit.Shift)))
	if math.Abs(float64(got.Confidence)-confidence) > 0.02 {
		t.Errorf("%s: confidence %f, want %f", way, got.Confidence, confidence)
	}
	rule := b.Manifest().Answer
	greatest := slices.Clone(c.Supports)
	slices.SortFunc(greatest, func(x, y float64) int { return cmp.Compare(y, x) })
	if n := rule.Greatest; n > 0 && n < len(greatest) {
		greatest = greatest[:n]
	}
	held := 0.0
	for _, s := range greatest {
		held += s
	}
	abstains := want.Abstained
	if rule.Supports > 0 && len(c.Supports) > 0 { // the twin has none
		abstains = held < rule.Supports || way == bundle.WayFree && want.Abstained
	}
	if abstains = abstains || confidence < rule.Threshold; got.Abstained != abstains {
		t.Errorf("%s: abstained %v, want %v", way, got.Abstained, abstains)
	}
	var texts []string
	ids := map[string]int{}
	for hop, block := range passages {
		for i, text := range block {
			ids[fmt.Sprintf("%d.%d", hop, i)] = len(texts)
			texts = append(texts, text)
		}
	}
	switch {
	case want.Source == nil && got.Source != nil && way != bundle.WayFree: // Python does not look where a free answer stands
		t.Errorf("%s: source %+v, want none", way, got.Source)
	case want.Source != nil && got.Source == nil:
		t.Errorf("%s: no source, want %+v", way, want.Source)
	case want.Source != nil:
		passage := ids[got.Source.ID]
		if text := strings.Join(strings.Fields(texts[passage][got.Source.Start:got.Source.End]), " "); passage != want.Source.Passage || text != want.Source.Text {
			t.Errorf("%s: %q in passage %d, want %+v", way, text, passage, want.Source)
		}
	}
}

// withoutTimes is a result as it has to be the same every time.
func withoutTimes(r *reasoner.Result) reasoner.Result {
	out := *r
	out.Timings = reasoner.Timings{}
	out.Hops = nil
	for _, h := range r.Hops {
		h.Model, h.Search, h.Decode = 0, 0, 0
		out.Hops = append(out.Hops, h)
	}
	return out
}

// The same question gives bit by bit the same result: in a used cache, in a
// larger one, with decoding, and beside other questions and embeddings.
func TestSameResultEveryTime(t *testing.T) {
	e, b := openReal(t, reasoner.Options{Concurrency: 3})
	p, err := b.Parity()
	if err != nil {
		t.Fatal(err)
	}
	loops := p.Loop[:min(3, len(p.Loop))]
	ask := func(c bundle.LoopParity, change func(*reasoner.Request)) reasoner.Result {
		r := request(c)
		change(&r)
		got, err := e.Ask(context.Background(), r, &replay{blocks: c.Passages})
		if err != nil {
			t.Error(err)
			return reasoner.Result{}
		}
		return withoutTimes(got)
	}
	same := func(*reasoner.Request) {}
	var first []reasoner.Result
	for _, c := range loops {
		first = append(first, ask(c, same))
	}
	ask(loops[0], func(r *reasoner.Request) { r.PassagesPerHop = reasoner.MaxPassagesPerHop }) // leaves a large, dirty cache behind
	var group sync.WaitGroup
	for range 2 {
		for i, c := range loops {
			group.Go(func() {
				if got := ask(c, same); !reflect.DeepEqual(got, first[i]) {
					t.Errorf("beside others: %+v, first %+v", got, first[i])
				}
			})
		}
		group.Go(func() {
			if _, err := e.Embed(context.Background(), strings.Repeat("beside ", 100)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for i, c := range loops {
		got := ask(c, func(r *reasoner.Request) { r.Decode = true })
		for k := range got.Hops {
			got.Hops[k].Thought, got.Hops[k].Subquery = "", ""
		}
		if !reflect.DeepEqual(got, first[i]) {
			t.Errorf("with decoding: %+v, first %+v", got, first[i])
		}
	}
}

// Whatever the mode and however much there is to read, there is a result.
func TestModesAndSizes(t *testing.T) {
	e, b := openReal(t, reasoner.Options{})
	limits := b.Manifest().Limits
	long := strings.Repeat("The river Ouse flows through York, where the author was born in 1514. Another sentence is here. ", 40)
	texts := []string{long, strings.Repeat("語", 500), strings.Repeat("abc", 500), "\x00\n\nAnswer: no\nDoc: <|endoftext|>", "", "\xff\xfe", "👩‍👩‍👧‍👦 e\u0301"}
	const most = 10 // passages of a hop
	var blocks [][]string
	for range limits.Hops {
		var block []string
		for i := range most {
			block = append(block, texts[i%len(texts)])
		}
		blocks = append(blocks, block)
	}
	for _, r := range []reasoner.Request{
		{Mode: reasoner.ModeLatent},
		{Mode: reasoner.ModeLatent, MaxHops: 2, PassagesPerHop: 7, Decode: true, Lens: true, AnswerBy: reasoner.AnswerByFree},
		{Mode: reasoner.ModeIterative, MaxHops: 2, AnswerBy: reasoner.AnswerBySpan},
		{Mode: reasoner.ModeSingle, PassagesPerHop: 7, AnswerBy: reasoner.AnswerBySpan},
		{Mode: reasoner.ModeDirect},
		{Mode: reasoner.ModeLatent, Budget: time.Nanosecond},
	} {
		r.Question = "Where was the author of the First Blast born?"
		got, err := e.Ask(t.Context(), r, &replay{blocks: blocks})
		if r.Budget > 0 && errors.Is(err, reasoner.ErrOverloaded) {
			continue // the budget was over before the model was free
		}
		if err != nil {
			t.Errorf("%+v: %v", r, err)
			continue
		}
		for _, h := range got.Hops {
			if h.Action != reasoner.ActionQuery {
				continue
			}
			var length float64
			for _, v := range h.Vector {
				length += float64(v) * float64(v)
			}
			if math.Abs(length-1) > 1e-4 {
				t.Errorf("%+v: hop %d has a vector of squared length %f", r, h.N, length)
			}
		}
		if s := got.Answer.Source; s != nil {
			var hop, i int
			if _, err := fmt.Sscanf(s.ID, "%d.%d", &hop, &i); err != nil {
				t.Fatal(err)
			}
			if stands := strings.Join(strings.Fields(blocks[hop][i][s.Start:s.End]), " "); !strings.EqualFold(stands, got.Answer.Text) {
				t.Errorf("%+v: %q stands for %q", r, got.Answer.Text, stands)
			}
		}
		t.Logf("%s, %d a hop: %q by %s, %s, %d hops, %d found, %+v, %v", r.Mode, r.PassagesPerHop, got.Answer.Text, got.Answer.By, got.Answer.StoppedBy, len(got.Hops), len(got.Evidence), got.Usage, got.Timings.Model)
	}
}

// The longest sequence that the graph can take: the loop ends with the context
// full, up to which every pass still works.
func TestLongestSequence(t *testing.T) {
	e, b := openReal(t, reasoner.Options{})
	limits := b.Manifest().Limits
	text := strings.TrimSpace(strings.Repeat("york ", limits.PassageTokens-2))
	var blocks [][]string
	for range limits.Hops {
		var block []string
		for range reasoner.MaxPassagesPerHop {
			block = append(block, text)
		}
		blocks = append(blocks, block)
	}
	if most := limits.Hops * reasoner.MaxPassagesPerHop * (limits.PassageTokens - 2); most < b.Manifest().Backbone.MaxPositions {
		t.Skipf("%d tokens of passages do not fill the context", most)
	}
	got, err := e.Ask(t.Context(), reasoner.Request{Question: "Which river?", PassagesPerHop: reasoner.MaxPassagesPerHop}, &replay{blocks: blocks})
	if err != nil {
		t.Fatal(err)
	}
	if by := got.Answer.StoppedBy; by != reasoner.StoppedByContext && by != reasoner.StoppedByAction {
		t.Errorf("stopped by %s", by)
	}
}

// A question that is cancelled in the middle of a pass ends at once, and the
// next one is answered as if nothing had been.
func TestCancelInAPass(t *testing.T) {
	e, b := openReal(t, reasoner.Options{})
	p, err := b.Parity()
	if err != nil {
		t.Fatal(err)
	}
	c := p.Loop[0]
	want, err := e.Ask(t.Context(), request(c), &replay{blocks: c.Passages})
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{0, time.Millisecond, 10 * time.Millisecond, want.Timings.Total / 2} {
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(after, cancel)
		_, err := e.Ask(ctx, request(c), &replay{blocks: c.Passages})
		timer.Stop()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("after %v: %v", after, err)
		}
		cancel()
	}
	got, err := e.Ask(t.Context(), request(c), &replay{blocks: c.Passages})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(withoutTimes(got), withoutTimes(want)) {
		t.Errorf("%+v, before %+v", got, want)
	}
}

// BenchmarkAsk asks the questions of parity/ and reports where the time goes:
//
//	go test ./reasoner -run '^$' -bench Ask
//
// Long passages are those of parity/, but each is the sentences of them all, of
// which the nearest are read.
func BenchmarkAsk(b *testing.B) {
	e, bundle := openReal(b, reasoner.Options{})
	p, err := bundle.Parity()
	if err != nil {
		b.Fatal(err)
	}
	var texts []string
	for _, c := range p.Loop {
		texts = append(texts, slices.Concat(c.Passages...)...)
	}
	all := strings.Join(texts, " ")
	for name, long := range map[string]bool{"passages": false, "long passages": true} {
		b.Run(name, func(b *testing.B) {
			var sum reasoner.Timings
			var hops, n int
			for b.Loop() {
				c := p.Loop[n%len(p.Loop)]
				blocks := c.Passages
				if long {
					blocks = nil
					for _, block := range c.Passages {
						blocks = append(blocks, nil)
						for _, text := range block {
							blocks[len(blocks)-1] = append(blocks[len(blocks)-1], text+" "+all)
						}
					}
				}
				n++
				got, err := e.Ask(b.Context(), request(c), &replay{blocks: blocks})
				if err != nil {
					b.Fatal(err)
				}
				sum.Total += got.Timings.Total
				sum.Model += got.Timings.Model
				sum.Search += got.Timings.Search
				hops += len(got.Hops)
			}
			ms := func(d time.Duration) float64 { return float64(d) / float64(n) / float64(time.Millisecond) }
			b.ReportMetric(ms(sum.Model), "model-ms/op")
			b.ReportMetric(ms(sum.Search), "search-ms/op")
			b.ReportMetric(ms(sum.Total-sum.Model-sum.Search), "rest-ms/op")
			b.ReportMetric(float64(hops)/float64(n), "hops/op")
		})
	}
}
