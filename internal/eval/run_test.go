package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
)

// fakeNode answers from a function and keeps the questions.
type fakeNode struct {
	answer func(q client.Question) (*client.Reply, error)
	asked  []client.Question
}

func (n *fakeNode) Ask(_ context.Context, q client.Question) (*client.Reply, error) {
	n.asked = append(n.asked, q)
	return n.answer(q)
}

// reply is one whose hops found objects "o-<pid>".
func reply(answer string, hops ...[]string) *client.Reply {
	r := &client.Reply{
		Answer:  client.Answer{Text: answer, Confidence: 0.75, StoppedBy: "action", By: "SPAN", Source: &client.Source{}},
		Timings: client.Timings{TotalMs: 10 + 50*float64(len(hops)), ModelMs: 7, SearchMs: 2, QueueMs: 1},
		Usage:   client.Usage{Passes: 4, TokensIn: 300, TokensOut: 5},
	}
	for i, pids := range hops {
		hop := client.Hop{N: i + 1, Action: "query", Search: "hybrid", Ms: client.HopMs{Model: 3, Search: 1, Decode: 50}}
		for _, pid := range pids {
			hop.IDs = append(hop.IDs, "o-"+pid)
			r.Objects = append(r.Objects, client.Object{ID: "o-" + pid, Properties: map[string]any{"pid": pid}})
		}
		r.Hops = append(r.Hops, hop)
	}
	r.Hops = append(r.Hops, client.Hop{N: len(hops) + 1, Action: "answer"})
	return r
}

func settings(modes ...Mode) Settings {
	return Settings{Modes: modes, Search: "auto", AnswerBy: "span", SinglePassages: 6, Collection: "Passage", IDProperty: "pid"}
}

func TestEachModeAsksInItsWay(t *testing.T) {
	node := &fakeNode{answer: func(q client.Question) (*client.Reply, error) {
		if q.Mode == "LATENT" {
			return reply("x", []string{"a", "b"}, []string{"c", "d"}), nil
		}
		return reply("x", []string{"a"}), nil
	}}
	s := settings(Modes...)
	s.MaxHops, s.PassagesPerHop, s.Decode = 3, 2, true
	run := Run{Settings: s, Questions: []Question{{ID: "1", Text: "who"}}, Asker: node, Progress: io.Discard}
	_, err := run.Do(context.Background())
	require.NoError(t, err)
	var got []string
	for _, q := range node.asked {
		require.Equal(t, "who", q.Text)
		require.Equal(t, []string{"pid"}, q.Show)
		require.True(t, q.Details)
		got = append(got, fmt.Sprint(q.Mode, " ", q.Search, " ", q.AnswerBy, " ", q.MaxHops, " ", q.PassagesPerHop, " ", q.Decode))
	}
	require.Equal(t, []string{
		"LATENT AUTO SPAN 3 2 true",
		"EXPLICIT AUTO SPAN 3 2 true",
		"ITERATIVE AUTO SPAN 3 2 true",
		"SINGLE VECTOR SPAN 1 4 false", // as many passages as latent read
		"SINGLE HYBRID SPAN 1 4 false",
		"DIRECT  SPAN 1 2 false",
	}, got)
}

func TestSinglePassagesWithoutLatent(t *testing.T) {
	node := &fakeNode{answer: func(client.Question) (*client.Reply, error) { return reply("x", []string{"a"}), nil }}
	run := Run{Settings: settings(ModeSingle), Questions: []Question{{ID: "1", Text: "who"}}, Asker: node, Progress: io.Discard}
	_, err := run.Do(context.Background())
	require.NoError(t, err)
	require.Equal(t, 6, node.asked[0].PassagesPerHop)
}

func TestHiddenGold(t *testing.T) {
	hidden, err := HideGold([]Question{{ID: "1", Text: "who", Gold: []string{"a", "b"}}, {ID: "2", Text: "what"}})
	require.NoError(t, err)
	require.Equal(t, []Question{{ID: "1", Text: "who", Hidden: []string{"a", "b"}}}, hidden)
	node := &fakeNode{answer: func(client.Question) (*client.Reply, error) { return reply("unknown", []string{"c"}), nil }}
	s := settings(ModeLatent)
	s.HideGold = true
	run := Run{Settings: s, Questions: hidden, Asker: node, Progress: io.Discard}
	outcome, err := run.Do(context.Background())
	require.NoError(t, err)
	require.Equal(t, &client.Without{Property: "pid", Values: []string{"a", "b"}}, node.asked[0].Without)
	var report Report
	report.Fill(hidden, outcome)
	require.Equal(t, 1.0, report.Modes[ModeLatent].Abstained)
	require.Nil(t, report.Modes[ModeLatent].GoldFound)
	_, err = HideGold([]Question{{ID: "2"}})
	require.Error(t, err)
}

func TestAModeThatANodeCannotIsSkipped(t *testing.T) {
	node := &fakeNode{answer: func(q client.Question) (*client.Reply, error) {
		switch q.Mode {
		case "EXPLICIT":
			return nil, &client.QueryError{Messages: []string{"explorer: get class: latentAsk.mode: latentask: mode EXPLICIT needs a bundle with weights"}}
		case "ITERATIVE":
			return nil, &client.QueryError{Messages: []string{`Argument "latentAsk" has invalid value {mode: ITERATIVE}.`}}
		}
		return reply("x", []string{"a"}), nil
	}}
	questions := []Question{{ID: "1", Text: "who"}, {ID: "2", Text: "what"}}
	run := Run{Settings: settings(Modes...), Questions: questions, Asker: node, Progress: io.Discard}
	outcome, err := run.Do(context.Background())
	require.NoError(t, err)
	require.Equal(t, "latentAsk.mode: latentask: mode EXPLICIT needs a bundle with weights", outcome.Skipped[ModeExplicit])
	require.Contains(t, outcome.Skipped, ModeIter)
	require.Len(t, outcome.Records, 8)
	require.Len(t, node.asked, 10, "a mode is tried once")
	var report Report
	report.Fill(questions, outcome)
	require.NotContains(t, report.Modes, ModeExplicit, "skipped, not zero")
	var b strings.Builder
	report.WriteTable(&b)
	require.Contains(t, b.String(), "explicit was skipped: latentAsk.mode")
}

func TestErrorsOfQuestionsAndOfNodes(t *testing.T) {
	overloaded := &client.QueryError{Messages: []string{"latentAsk: the node is overloaded"}}
	node := &fakeNode{}
	node.answer = func(client.Question) (*client.Reply, error) {
		if len(node.asked) == 2 {
			return nil, overloaded
		}
		return reply("x", []string{"a"}), nil
	}
	questions := []Question{
		{ID: "1", Text: "who", Answers: []string{"x"}, Gold: []string{"a"}},
		{ID: "2", Text: "what", Answers: []string{"x"}, Gold: []string{"a"}},
	}
	run := Run{Settings: settings(ModeLatent), Questions: questions, Asker: node, Progress: io.Discard}
	outcome, err := run.Do(context.Background())
	require.NoError(t, err)
	require.Equal(t, overloaded.Error(), outcome.Records[1].Error)
	var report Report
	report.Fill(questions, outcome)
	f := report.Modes[ModeLatent]
	require.Equal(t, 2, f.N)
	require.Equal(t, 1, f.Errors)
	require.Equal(t, 0.5, *f.EM, "an error is no right answer")
	require.Equal(t, 0.5, *f.GoldFound)
	require.Equal(t, 10.0, f.P50Ms, "and has no time")

	gone := errors.New("connection refused")
	node = &fakeNode{}
	node.answer = func(client.Question) (*client.Reply, error) {
		if len(node.asked) == 2 {
			return nil, gone
		}
		return reply("x", []string{"a"}), nil
	}
	run.Asker = node
	outcome, err = run.Do(context.Background())
	require.ErrorIs(t, err, gone)
	require.ErrorContains(t, err, "question 2 in mode latent")
	require.Len(t, outcome.Records, 1, "what there is of the run is kept")

	run.Asker = &fakeNode{answer: func(client.Question) (*client.Reply, error) {
		return nil, &client.QueryError{Messages: []string{`Cannot query field "usage" on type "X".`}}
	}}
	_, err = run.Do(context.Background())
	require.ErrorContains(t, err, "another version")

	for i := range 20 {
		run.Questions = append(run.Questions, Question{ID: fmt.Sprint("more ", i), Text: "x"})
	}
	broken := &fakeNode{answer: func(client.Question) (*client.Reply, error) { return nil, overloaded }}
	run.Asker = broken
	_, err = run.Do(context.Background())
	require.ErrorContains(t, err, "overloaded")
	require.Len(t, broken.asked, maxFirstErrors)
}

func TestPassagesGoByTheirIDProperty(t *testing.T) {
	r := reply("x", []string{"a"}, []string{"b"})
	r.Objects[0].Properties["pid"] = 1234567.0
	delete(r.Objects[1].Properties, "pid")
	node := &fakeNode{answer: func(client.Question) (*client.Reply, error) { return r, nil }}
	run := Run{Settings: settings(ModeLatent), Questions: []Question{{ID: "1", Text: "x"}}, Asker: node, Progress: io.Discard}
	outcome, err := run.Do(context.Background())
	require.NoError(t, err)
	require.Equal(t, []string{"1234567", "o-b"}, outcome.Records[0].passages())
	run.Settings.IDProperty = ObjectID
	outcome, err = run.Do(context.Background())
	require.NoError(t, err)
	require.Equal(t, []string{"o-a", "o-b"}, outcome.Records[0].passages())
	require.Empty(t, node.asked[1].Show)
}

func TestTraceAndResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "trace.jsonl")
	questions := []Question{{ID: "1", Text: "who", Answers: []string{"x"}}, {ID: "2", Text: "what", Answers: []string{"x"}}, {ID: "3", Text: "when"}}
	s := settings(ModeLatent, ModeSingle)
	mark, err := Mark(s, "bundle")
	require.NoError(t, err)
	try := func(node *fakeNode, resume bool) (*Outcome, error) {
		file, known, err := OpenTrace(path, mark, resume)
		require.NoError(t, err)
		defer file.Close()
		run := Run{Settings: s, Questions: questions, Asker: node, Trace: file, Known: known, Mark: mark, Progress: io.Discard}
		return run.Do(context.Background())
	}
	gone := errors.New("gone")
	node := &fakeNode{}
	node.answer = func(client.Question) (*client.Reply, error) {
		if len(node.asked) == 4 {
			return nil, gone
		}
		return reply("x", []string{"a", "b"}), nil
	}
	_, err = try(node, false)
	require.ErrorIs(t, err, gone)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	require.Len(t, lines, 3)
	for _, part := range []string{
		`"id":"1"`, `"mode":"latent"`, `"hops":[{"pids":["a","b"],"ms":4,`, `"answer":"x"`, `"passes":4`, `"total_ms":10`,
		`"confidence":0.75`, `"abstained":false`, `"by":"SPAN"`, `"stopped_by":"action"`, `"scores":{"em":1,"f1":1}`,
	} {
		require.Contains(t, string(lines[0]), part)
	}

	// The process was killed while it wrote a line.
	require.NoError(t, os.WriteFile(path, append(data, lines[0][:20]...), 0o644))
	node = &fakeNode{answer: func(client.Question) (*client.Reply, error) { return reply("y", []string{"a"}), nil }}
	outcome, err := try(node, true)
	require.NoError(t, err)
	require.Len(t, node.asked, 3, "what was answered is not asked again")
	require.Equal(t, 2, node.asked[0].PassagesPerHop, "also where latent's answer is from the first try")
	require.Len(t, outcome.Records, 6)
	records, err := ReadTrace(path, mark)
	require.NoError(t, err)
	require.Len(t, records, 6)

	// A way of asking is added, and some of the questions are reported.
	s.Modes, questions = []Mode{ModeLatent, ModeHybrid, ModeSingle}, questions[:2]
	more, err := Mark(s, "bundle")
	require.NoError(t, err)
	require.Equal(t, mark, more)
	node = &fakeNode{answer: node.answer}
	outcome, err = try(node, true)
	require.NoError(t, err)
	require.Len(t, node.asked, 2)
	require.Len(t, outcome.Records, 6)
	records, err = ReadTrace(path, mark)
	require.NoError(t, err)
	require.Len(t, records, 8, "also those that are not reported")

	// Without the loop, single searches read another number of passages.
	alone := s
	alone.Modes = []Mode{ModeSingle}
	aloneMark, err := Mark(alone, "bundle")
	require.NoError(t, err)
	require.NotEqual(t, mark, aloneMark)

	_, _, err = OpenTrace(path, "another", true)
	require.ErrorContains(t, err, "another bundle")
	other := s
	other.Search = "vector"
	otherMark, err := Mark(other, "bundle")
	require.NoError(t, err)
	require.NotEqual(t, mark, otherMark)
	none, err := ReadTrace(filepath.Join(t.TempDir(), "absent"), mark)
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestParseModes(t *testing.T) {
	modes, err := ParseModes([]string{"single", " LATENT", "single"})
	require.NoError(t, err)
	require.Equal(t, []Mode{ModeLatent, ModeSingle}, modes)
	_, err = ParseModes([]string{"best"})
	require.ErrorContains(t, err, "best")
	_, err = ParseModes(nil)
	require.Error(t, err)
}
