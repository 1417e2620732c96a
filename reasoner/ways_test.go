package reasoner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latentask/latentask/internal/bundle"
)

// steps are the passes of one token, each told by that token.
func steps(m *fakeModel) []string {
	var out []string
	for _, p := range m.passes {
		_, added, _ := strings.Cut(p, "| ")
		if !strings.Contains(added, " ") {
			out = append(out, added)
		}
	}
	return out
}

func TestSpanAnswer(t *testing.T) {
	half := math.Log(0.5)
	for _, c := range []struct {
		name   string
		says   string             // what the model would write freely
		likes  map[string]float64 // and what else, how much
		texts  []string
		want   string
		source string // what stands there, "" for none
		// confidence is the mean log probability, abstained what follows from the doubt.
		logprob   float64
		abstained bool
		steps     string
	}{
		{name: "what the model writes stands there", says: "Mary Stuart", texts: []string{"Knox ruled.", "Then Mary  Stuart ruled"}, want: "Mary Stuart", source: "Mary  Stuart", logprob: half, steps: "Mary Stuart"},
		{name: "it does not stand there", says: "Mary Tudor", likes: map[string]float64{"ruled": 0.1}, texts: []string{"Mary ruled"}, want: "Mary ruled", source: "Mary ruled", logprob: (half + math.Log(0.1)) / 2, steps: "Mary"},
		{name: "the text ends", says: "Mary Stuart of Scots", texts: []string{"Queen Mary Stuart"}, want: "Mary Stuart", source: "Mary Stuart", logprob: half, steps: "Mary"},
		{name: "the limit", says: "a b c d e f", texts: []string{"a b c d e f"}, want: "a b c d", source: "a b c d", logprob: half, steps: "a b c"},
		{name: "the first passage of two", says: "Mary", texts: []string{"Queen Mary died", "Mary"}, want: "Mary", source: "Mary", logprob: half, steps: "Mary"},
		{name: "the question", says: "died", texts: []string{"Mary"}, want: "died", logprob: half},
		{name: "a judgement", says: "yes", texts: []string{"Mary"}, want: "yes", logprob: half},
		{name: "a judgement that stands in a text", says: "no", texts: []string{"Mary said no"}, want: "no", logprob: half},
		{name: "not known", says: "unknown", likes: map[string]float64{"ruled": 0.1}, texts: []string{"Mary ruled"}, want: "ruled", source: "ruled", logprob: math.Log(0.1) + half},
		{name: "surely not known", says: "Mary", likes: map[string]float64{"unknown": 0.6}, texts: []string{"Mary"}, want: "Mary", source: "Mary", logprob: half + math.Log(0.4), abstained: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, m := newFake(t, Options{})
			m.says(m.layout.Prompt.Answer[0], c.says)
			m.likes = c.likes
			var hits []Passage
			for i, text := range c.texts {
				hits = append(hits, hit(fmt.Sprint(i), text))
			}
			a := ask(t, e, Request{Question: "who died", MaxHops: 1, AnswerBy: AnswerBySpan}, &script{hits: [][]Passage{hits}}).Answer
			if a.Text != c.want || a.By != AnswerBySpan || a.Abstained != c.abstained {
				t.Errorf("%+v, want %q", a, c.want)
			}
			if want := math.Exp(c.logprob); math.Abs(float64(a.Confidence)-want) > 1e-5 {
				t.Errorf("confidence %f, want %f", a.Confidence, want)
			}
			got := ""
			if a.Source != nil {
				got = c.texts[slices.IndexFunc(hits, func(p Passage) bool { return p.ID == a.Source.ID })][a.Source.Start:a.Source.End]
			}
			if got != c.source {
				t.Errorf("source %q, want %q", got, c.source)
			}
			if got := strings.Join(steps(m), " "); got != c.steps {
				t.Errorf("steps %q, want %q", got, c.steps)
			}
		})
	}
}

// An excerpt joins what stood apart: no span goes over such a joint.
func TestSpanInExcerpt(t *testing.T) {
	e, m := newFake(t, Options{}) // 8 tokens a passage
	e.embedder = fakeEmbedder{"near": {1, 0, 0}, "close": {0.9, 0, 0}}
	text := "It is near Mary. A far one stands here between the two. Stuart is close by."
	m.says(m.layout.Prompt.Answer[0], "Mary. Stuart is")
	a := ask(t, e, Request{Question: "who died", MaxHops: 1, AnswerBy: AnswerBySpan}, &script{hits: [][]Passage{{hit("a", text)}}}).Answer
	if !strings.Contains(m.passes[1], "near Mary. Stuart is") {
		t.Fatalf("read %q", m.passes[1])
	}
	if a.Text != "Mary." || a.Source == nil || text[a.Source.Start:a.Source.End] != "Mary." {
		t.Errorf("%+v", a)
	}
}

func TestFreeAnswerSource(t *testing.T) {
	e, m := newFake(t, Options{})
	m.says(m.layout.Prompt.Answer[0], "mary stuart")
	texts := []string{"Mary Stuart's", "Queen MARY\n Stuart ruled"}
	a := ask(t, e, Request{Question: "who", MaxHops: 1, AnswerBy: AnswerByFree}, &script{hits: [][]Passage{{hit("a", texts[0]), hit("b", texts[1])}}}).Answer
	if a.Source == nil || a.Source.ID != "a" || texts[0][a.Source.Start:a.Source.End] != "Mary Stuart" {
		t.Errorf("%+v", a)
	}
	a = ask(t, e, Request{Question: "who", MaxHops: 1, AnswerBy: AnswerByFree}, &script{hits: [][]Passage{{hit("b", texts[1])}}}).Answer
	if a.Source == nil || texts[1][a.Source.Start:a.Source.End] != "MARY\n Stuart" {
		t.Errorf("%+v", a)
	}
	a = ask(t, e, Request{Question: "who is mary stuart", MaxHops: 1, AnswerBy: AnswerByFree}, &script{hits: [][]Passage{{hit("c", "Queen Mary")}}}).Answer
	if a.Source != nil {
		t.Errorf("%+v", a.Source)
	}
}

// pointAt is a pointer that is sure of words first to last, and otherwise of
// nothing; none is what it gives the slot.
func pointAt(first, last int, none float64) func(words int) pointed {
	return func(words int) pointed {
		width := max(words, pointerStarts)
		p := pointed{start: make([]float32, width+pointerSlots), starts: make([]int64, pointerStarts), end: make([]float32, pointerStarts*width)}
		for i := range p.start {
			p.start[i] = -20
		}
		for i := range p.starts {
			p.starts[i] = int64(i)
		}
		p.starts[2] = int64(first)
		p.start[first] = float32(math.Log(0.5))
		p.start[width+slotNone] = float32(math.Log(none))
		p.end[2*width+last] = 30
		return p
	}
}

func TestPointerAnswer(t *testing.T) {
	e, m := newFake(t, Options{})
	e.layout.Files[bundle.PointerFile] = bundle.File{}
	m.gates = map[string]float32{"knox": 0.5}
	texts := []string{"Knox wrote", "Then  Mary Stuartson ruled"}
	s := func() *script { return &script{hits: [][]Passage{{hit("a", texts[0])}, {hit("b", texts[1])}}} }
	r := Request{Question: "who died", MaxHops: 2, AnswerBy: AnswerByPointer}
	// who died Knox wrote Then Mary Stuartson ruled
	m.pointed = pointAt(5, 6, 0.01)
	got := ask(t, e, r, s())
	a := got.Answer
	if a.Text != "Mary Stuartson" || a.By != AnswerByPointer || a.Abstained || a.Source == nil || texts[1][a.Source.Start:a.Source.End] != "Mary Stuartson" {
		t.Errorf("%+v", a)
	}
	if want := math.Sqrt(0.5); math.Abs(float64(a.Confidence)-want) > 1e-5 {
		t.Errorf("confidence %f, want %f", a.Confidence, want)
	}
	if s := steps(m); len(s) != 0 {
		t.Errorf("the pointer took the passes %q", s)
	}
	if got.Evidence[0].ID != "b" {
		t.Errorf("evidence %+v", got.Evidence)
	}
	// Every word with the state at its end, the question's first.
	var words []string
	for i := 0; i < len(m.pointings[0].words); i += 2 {
		words = append(words, fmt.Sprintf("%s@%g", m.table.words[int64(m.pointings[0].words[i])], m.pointings[0].words[i+1]))
	}
	// Q: who died t t q q q | D: Knox wrote t t q q q | D: Then Mary Stuartson ruled t t A:
	if got, want := strings.Join(words, " "), "who@1 died@2 Knox@9 wrote@10 Then@17 Mary@18 Stuartson@19 ruled@20"; got != want {
		t.Errorf("words %s, want %s", got, want)
	}
	if a := m.pointings[0].answer; m.table.words[int64(a[0])] != "A:" || a[1] != 23 {
		t.Errorf("answer state %v", a)
	}

	// The end of a span lies in its text, and ends outside count for nothing.
	m.pointed = pointAt(3, 4, 0.01)
	if a := ask(t, e, r, s()).Answer; a.Text != "wrote" || a.Source == nil || a.Source.ID != "a" {
		t.Errorf("%+v", a)
	}
	m.pointed = pointAt(1, 1, 0.6)
	if a := ask(t, e, r, s()).Answer; a.Text != "died" || !a.Abstained || a.Source != nil {
		t.Errorf("in the question, and none likelier: %+v", a)
	}
	for slot, want := range judgements {
		m.pointed = func(words int) pointed {
			p := pointAt(3, 3, 0.01)(words)
			p.start[max(words, pointerStarts)+slot] = float32(math.Log(0.9))
			return p
		}
		a := ask(t, e, r, s()).Answer
		if a.Text != want || a.Abstained || a.Source != nil || math.Abs(float64(a.Confidence)-0.9) > 1e-5 {
			t.Errorf("%+v, want %s", a, want)
		}
	}
	m.pointed = func(words int) pointed {
		p := pointAt(3, 3, 0.01)(words)
		p.start[3] = float32(math.NaN())
		p.start[max(words, pointerStarts)] = float32(math.NaN())
		p.start[max(words, pointerStarts)+1] = float32(math.Inf(-1))
		for i := range p.starts {
			p.starts[i] = 3
		}
		return p
	}
	if _, err := e.Ask(context.Background(), r, s()); err == nil {
		t.Error("no error for an answer that is not a number")
	}
}

func TestPointerBounds(t *testing.T) {
	p := &passage{}
	words := make([]readWord, 30)
	for i := range words {
		words[i] = readWord{passage: p, part: i / 20}
	}
	for _, c := range []struct{ first, last, want int }{
		{0, 11, 11}, {0, 12, 0}, {15, 19, 19}, {15, 20, 15}, {29, 29, 29},
	} {
		from, to, _, _ := pointAt(c.first, c.last, 0.01)(len(words)).pick(words)
		if from != c.first || c.last == c.want && to != c.want || to < from || to-from >= pointerWords || words[to].part != words[from].part {
			t.Errorf("from %d to %d gives %d to %d", c.first, c.last, from, to)
		}
	}
	// Padding is never pointed at.
	if from, _, _, _ := pointAt(5, 5, 0.01)(3).pick(words[:3]); from >= 3 {
		t.Errorf("pointed at word %d of 3", from)
	}
}

// AUTO takes the most confident way, as calibrated; the free text costs only the
// tokens in which it differs from the span.
func TestAuto(t *testing.T) {
	engine := func(t *testing.T, says string) (*Engine, *fakeModel) {
		e, m := newFake(t, Options{})
		e.layout.Answer.Auto = []string{bundle.WayFree, bundle.WaySpan}
		m.says(m.layout.Prompt.Answer[0], says)
		m.likes = map[string]float64{"ruled": 0.1}
		return e, m
	}
	s := func() *script { return &script{hits: [][]Passage{{hit("a", "Mary ruled")}}} }
	r := Request{Question: "who", MaxHops: 1}

	e, m := engine(t, "Mary Tudor")
	got := ask(t, e, r, s())
	if a := got.Answer; a.By != AnswerByFree || a.Text != "Mary Tudor" || a.Source != nil {
		t.Errorf("%+v", a)
	}
	if s := strings.Join(steps(m), " "); s != "Mary Tudor" {
		t.Errorf("steps %q", s)
	}
	e.layout.Answer.Ways.Span.Shift = 5
	if a := ask(t, e, r, s()).Answer; a.By != AnswerBySpan || a.Text != "Mary ruled" || a.Confidence < 0.9 {
		t.Errorf("%+v", a)
	}
	e.layout.Answer.Threshold = 0.9999
	if a := ask(t, e, r, s()).Answer; !a.Abstained || a.Text != "Mary ruled" || a.Source == nil {
		t.Errorf("below the threshold: %+v", a)
	}

	// Equals: the first of the list. And the two agree here: no step is made twice.
	e, m = engine(t, "Mary")
	if a := ask(t, e, r, s()).Answer; a.By != AnswerByFree || a.Text != "Mary" {
		t.Errorf("%+v", a)
	}
	if s := strings.Join(steps(m), " "); s != "Mary" {
		t.Errorf("steps %q", s)
	}
	alone := ask(t, e, Request{Question: "who", MaxHops: 1, AnswerBy: AnswerByFree}, s()).Answer
	if auto := ask(t, e, r, s()).Answer; !reflect.DeepEqual(alone, auto) {
		t.Errorf("alone %+v, beside the span %+v", alone, auto)
	}
	// Nothing is read that a span could stand in.
	e.layout.Answer.Auto = []string{bundle.WaySpan}
	if a := ask(t, e, Request{Question: "who", Mode: ModeDirect}, s()).Answer; a.By != AnswerByFree {
		t.Errorf("%+v", a)
	}
}

func TestCalibration(t *testing.T) {
	e, _ := newFake(t, Options{})
	e.layout.Answer.Ways.Free = bundle.Calibration{Scale: 2, Shift: -1}
	logit := func(p float64) float64 { return math.Log(p / (1 - p)) }
	for _, p := range []float64{0, 1e-9, 0.3, 0.5, 1} {
		got := float64(e.layout.confidence(given{by: AnswerByFree, logprob: math.Log(p), trust: 1}, 0))
		want := 1 / (1 + math.Exp(1-2*logit(max(1e-6, min(1-1e-6, p)))))
		if math.IsNaN(got) || math.Abs(got-want) > 1e-6 {
			t.Errorf("%g becomes %g, want %g", p, got, want)
		}
		if got := float64(e.layout.confidence(given{by: AnswerBySpan, logprob: math.Log(p), trust: 1}, 0)); math.Abs(got-p) > 1e-5 {
			t.Errorf("%g becomes %g without calibration", p, got)
		}
	}
}

// With a budget the second way is left out where the first has used it up.
func TestAutoInTime(t *testing.T) {
	e, m := newFake(t, Options{})
	onClock(e, m)
	e.layout.Answer.Auto = []string{bundle.WayFree, bundle.WaySpan}
	m.says(m.layout.Prompt.Answer[0], "Mary Tudor")
	m.likes = map[string]float64{"ruled": 0.1}
	if err := e.rehearse(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		budget  time.Duration
		by      AnswerBy
		partial bool
	}{
		{0, AnswerByFree, false},
		{time.Second, AnswerByFree, false},
		{50 * time.Millisecond, AnswerBySpan, false},
	} {
		m.heads = 30 * time.Millisecond // far slower than was to be expected
		a := ask(t, e, Request{Question: "who", MaxHops: 1, Budget: c.budget}, &script{hits: [][]Passage{{hit("a", "Mary ruled")}}}).Answer
		if a.By != c.by || a.Partial != c.partial {
			t.Errorf("budget %v: %+v", c.budget, a)
		}
		m.heads = 0
		e.pace = new(pace)
		if err := e.rehearse(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnswerByRefusals(t *testing.T) {
	e, _ := newFake(t, Options{})
	check := func(r Request, want error) {
		t.Helper()
		r.Question = "who"
		if err := e.Validate(r); !errors.Is(err, want) {
			t.Errorf("%+v: %v, want %v", r, err, want)
		}
	}
	check(Request{AnswerBy: AnswerByPointer}, ErrPointerUnavailable)
	check(Request{Mode: ModeExplicit}, ErrExplicitUnavailable)
	e.layout.Files[bundle.PointerFile], e.layout.Files[bundle.ExplicitFile] = bundle.File{}, bundle.File{}
	check(Request{AnswerBy: AnswerByPointer}, nil)
	check(Request{Mode: ModeExplicit}, nil)
	var input *InputError
	for _, r := range []Request{{AnswerBy: "GUESS"}, {Mode: ModeExplicit, AnswerBy: AnswerByPointer}} {
		r.Question = "who"
		if err := e.Validate(r); !errors.As(err, &input) || input.Field != "answerBy" {
			t.Errorf("%+v: %v", r, err)
		}
	}
	e.layout.Answer.Auto = []string{bundle.WayPointer, bundle.WayFree}
	for mode, want := range map[Mode][]AnswerBy{
		ModeLatent: {AnswerByPointer, AnswerByFree}, ModeExplicit: {AnswerByFree}, ModeDirect: {AnswerByFree},
	} {
		if got := e.layout.waysOf(Request{Mode: mode, AnswerBy: AnswerByAuto}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", mode, got)
		}
	}
}

func TestActionBias(t *testing.T) {
	for bias, want := range map[float64]string{-2: StoppedByMaxHops, -1: StoppedByMaxHops, 0: StoppedByAction} {
		e, m := newFake(t, Options{})
		m.answers = 2 // by a margin of 1
		e.layout.Action.Bias = bias
		a := ask(t, e, Request{Question: "who", MaxHops: 2}, &script{hits: [][]Passage{{hit("a", "Mary")}, {hit("b", "Knox")}}}).Answer
		if a.StoppedBy != want {
			t.Errorf("bias %g: %s, want %s", bias, a.StoppedBy, want)
		}
	}
}

func TestSupport(t *testing.T) {
	supporting := func(t *testing.T, fit func(*bundle.Manifest)) (*Engine, *fakeModel) {
		e, m := newFake(t, Options{})
		m.layout.Files[bundle.SupportFile] = bundle.File{}
		m.supports = map[string]float32{"one": 0.1, "two": 0.9, "three": 0.4, "four": 0.8}
		fit(m.layout.Manifest)
		return e, m
	}
	hits := func() *script {
		return &script{hits: [][]Passage{{hit("1", "is one"), hit("2", "is two")}, {hit("3", "is three"), hit("4", "is four")}}}
	}

	t.Run("a rule of supports ends the loop", func(t *testing.T) {
		for _, c := range []struct {
			rule bundle.Action
			hops int
		}{
			{bundle.Action{Margin: 1}, 2}, // the script's margin is −1 at every hop
			{bundle.Action{Support: 1, Bias: -0.9}, 1},
			{bundle.Action{Support: 1, Bias: -1.1}, 2},
			{bundle.Action{Second: 1, Bias: -0.05}, 1}, // 0.9 and 0.1 are read
			{bundle.Action{Second: 1, Bias: -0.15}, 2},
			{bundle.Action{Newest: 1, Bias: -0.8}, 1},
			{bundle.Action{Newest: 1, Margin: 1}, 2},
		} {
			e, _ := supporting(t, func(m *bundle.Manifest) { m.Action = c.rule })
			got := ask(t, e, Request{Question: "who", MaxHops: 2}, hits())
			if searches := len(got.Hops) - 1; searches != c.hops {
				t.Errorf("%+v: %d searches, want %d", c.rule, searches, c.hops)
			}
		}
	})

	t.Run("evidence is carried on", func(t *testing.T) {
		for carry, want := range map[float64]int{0: 2, 0.2: 3} {
			e, _ := supporting(t, func(m *bundle.Manifest) {
				m.Action = bundle.Action{Margin: 1, Carry: carry, Hops: []float64{-9, 1.1}} // the margin is −1
			})
			s := hits()
			s.hits = append(s.hits, []Passage{hit("5", "is five")})
			got := ask(t, e, Request{Question: "who", MaxHops: 3}, s)
			if searches := len(got.Hops) - 1; searches != want {
				t.Errorf("carry %g: %d searches, want %d", carry, searches, want)
			}
		}
	})

	t.Run("too little support is an abstention", func(t *testing.T) {
		for least, want := range map[float64]bool{0: false, 2.1: false, 2.3: true} { // the sum is 2.2
			e, m := supporting(t, func(m *bundle.Manifest) { m.Answer.Supports, m.Answer.Passages = least, 2 })
			m.says(m.layout.Prompt.Answer[0], "three")
			for _, r := range []Request{{MaxHops: 2}, {Mode: ModeSingle, MaxHops: 2}} {
				r.Question = "who"
				s := hits()
				if r.Mode == ModeSingle {
					s.hits = [][]Passage{slices.Concat(s.hits...)}
				}
				if a := ask(t, e, r, s).Answer; a.Abstained != want || a.Text == "" {
					t.Errorf("%s, at least %g: %+v", r.Mode, least, a)
				}
			}
			r := Request{Question: "who", Mode: ModeDirect}
			if a := ask(t, e, r, hits()).Answer; a.Abstained {
				t.Errorf("nothing read, at least %g: %+v", least, a)
			}
		}
	})

	t.Run("or too little of the greatest supports", func(t *testing.T) {
		for greatest, want := range map[int]bool{0: false, 1: true, 2: true, 3: false, 9: false} { // 0.9, 0.8, 0.4, 0.1
			e, m := supporting(t, func(m *bundle.Manifest) { m.Answer.Supports, m.Answer.Greatest = 2, greatest })
			m.says(m.layout.Prompt.Answer[0], "three")
			if a := ask(t, e, Request{Question: "who", MaxHops: 2}, hits()).Answer; a.Abstained != want {
				t.Errorf("the %d greatest: %+v", greatest, a)
			}
		}
	})

	t.Run("the answer is read from the best", func(t *testing.T) {
		e, m := supporting(t, func(m *bundle.Manifest) { m.Answer.Passages = 2 })
		got := ask(t, e, Request{Question: "who", MaxHops: 2}, hits())
		last := m.passes[len(m.passes)-1]
		if want := "D: is two D: is four t0 t1 A:"; !strings.HasSuffix(last, "| "+want) {
			t.Errorf("the last pass is %q, want %q behind the first hop's latents", last, want)
		}
		if before, _, _ := strings.Cut(last, " | "); !strings.HasSuffix(before, "q2") || strings.Contains(before, "D:") {
			t.Errorf("behind %q", before)
		}
		var order []string
		for _, e := range got.Evidence {
			order = append(order, fmt.Sprintf("%s %.1f", e.ID, e.Support))
		}
		if want := []string{"2 0.9", "4 0.8", "3 0.4", "1 0.1"}; !slices.Equal(order, want) {
			t.Errorf("evidence %v, want %v", order, want)
		}
		if f := got.Hops[1].Found[0]; f.Support != 0.4 {
			t.Errorf("the trace says %+v", f)
		}
	})

	t.Run("no more than those are read again", func(t *testing.T) {
		e, m := supporting(t, func(m *bundle.Manifest) { m.Answer.Passages = 4 })
		ask(t, e, Request{Question: "who", MaxHops: 2}, hits())
		if last := m.passes[len(m.passes)-1]; !strings.HasSuffix(last, "| A:") {
			t.Errorf("the last pass is %q", last)
		}
	})

	t.Run("the support of an answer's passage counts for its confidence", func(t *testing.T) {
		e, m := supporting(t, func(m *bundle.Manifest) {
			m.Answer.Ways.Free.Support, m.Answer.Ways.Span.Support = 2, 2
		})
		plain := e.layout.confidence(given{by: AnswerByFree, logprob: math.Log(0.5), trust: 1}, 0)
		for _, c := range []struct {
			says    string
			by      AnswerBy
			support float64
		}{{"three", AnswerBySpan, 0.4}, {"yes", AnswerBySpan, 0.9}, {"three", AnswerByFree, 0.9}} {
			m.says(m.layout.Prompt.Answer[0], c.says)
			got := ask(t, e, Request{Question: "who", MaxHops: 2, AnswerBy: c.by}, hits()).Answer.Confidence
			logit := func(p float32) float64 { return math.Log(float64(p) / (1 - float64(p))) }
			if want := logit(plain) + 2*c.support; math.Abs(logit(got)-want) > 1e-4 {
				t.Errorf("%s: odds %v, want %v", c.says, logit(got), want)
			}
		}
	})
}
