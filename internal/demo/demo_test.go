package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/jsonl"
	"github.com/latentask/latentask/internal/localnode"
)

var data = filepath.Join("..", "..", "data", "demo")

func TestTheCorpusHoldsWhatItsQuestionsTake(t *testing.T) {
	c, err := openCorpus(filepath.Join(data, "passages.jsonl.gz"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, c.count, 5000)

	titles, ids := map[string]bool{}, map[string]bool{}
	for p, err := range jsonl.File[struct{ PID, Title, Text string }](c.path) {
		require.NoError(t, err)
		require.NotEmpty(t, p.Title)
		require.NotEmpty(t, p.Text)
		require.False(t, ids[p.PID], "%s is there twice", p.PID)
		ids[p.PID], titles[p.Title] = true, true
	}
	questions, err := readQuestions(filepath.Join(data, "questions.jsonl"), 0)
	require.NoError(t, err)
	require.Len(t, questions, 36)
	for _, q := range questions {
		require.NotEmpty(t, q.Answers, q.Text)
		require.Len(t, q.Support, 2, q.Text)
		for _, title := range q.Support {
			require.True(t, titles[title], "%q takes %q, which the corpus lacks", q.Text, title)
		}
	}
	three, err := readQuestions(filepath.Join(data, "questions.jsonl"), 3)
	require.NoError(t, err)
	require.Equal(t, questions[:3], three)
}

func object(id, title string) client.Object {
	return client.Object{ID: id, Properties: map[string]any{"title": title}}
}

func TestReport(t *testing.T) {
	c := comparison{
		question: Question{Text: "Where was he born?", Answers: []string{"Lidingö"}, Support: []string{"A Man Called Ove", "Hannes Holm"}},
		reply: &client.Reply{
			Answer:  client.Answer{Text: " lidingö.", StoppedBy: "action"},
			Hops:    []client.Hop{{N: 1, Action: "query", IDs: []string{"1", "2"}, Distances: []float64{0.5, 0.75}}},
			Objects: []client.Object{object("2", "Hannes Holm"), object("1", "A Man Called Ove")},
		},
		single: []client.Object{object("1", "A Man Called Ove"), object("3", "Ove")},
	}
	require.Empty(t, c.missing(c.reply.Objects))
	require.Equal(t, []string{"Hannes Holm"}, c.missing(c.single))
	require.True(t, c.correct())

	var b strings.Builder
	r := newReport(&b)
	r.question(1, c)
	wrong := c
	wrong.reply = &client.Reply{Answer: client.Answer{Text: "Stockholm"}, Objects: c.single}
	require.False(t, wrong.correct())
	r.question(2, wrong)
	r.summary()
	for _, part := range []string{
		"1. Where was he born?", "0.500  * A Man Called Ove", "0.750  * Hannes Holm",
		"one search, 2   passages  1   without Hannes Holm",
		"2 questions: latentAsk found 3 of 4 passages (all of them for 1 questions) and gave the known answer to 1;",
		"found 2 (all of them for 0)",
	} {
		require.Contains(t, b.String(), part)
	}
}

func TestNoAnswerIsNotCorrect(t *testing.T) {
	c := comparison{question: Question{Answers: []string{""}}, reply: &client.Reply{}}
	require.False(t, c.correct())
}

func TestState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.json")
	require.Equal(t, state{}, readState(path), "nothing is written down yet")
	require.NoError(t, os.WriteFile(path, []byte("{oops"), 0o644))
	require.Equal(t, state{}, readState(path))
	require.NoError(t, os.WriteFile(path, []byte(`{"pid": 0, "ports": {"HTTP": 18080}}`), 0o644))
	s := readState(path)
	require.Equal(t, localnode.Ports{HTTP: 18080}, s.Ports)
	require.False(t, s.running())
	require.True(t, state{PID: os.Getpid()}.running())
}
