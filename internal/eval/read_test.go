package eval

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// file writes a file for a test.
func file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	return path
}

func TestReadQuestions(t *testing.T) {
	path := file(t, "questions.jsonl", strings.Join([]string{
		`{"id": "a", "dataset": "musique", "question": " Who? ", "answers": ["x", "y"], "gold_pids": ["p1", 2], "level": {"odd": 1}, "hops": [{"subq": "A >> spouse", "answer": "B"}, {"subq": "where was #1 born", "answer": ["C", "D"]}, {"subq": "#2 in the time of #1"}]}`,
		``,
		`{"id": 7, "question": "mine", "answers": "one"}`,
		`{"question": "no more", "type": "bridge", "answers": null, "hops": 3}`,
		`{"id": "d", "question": "by passage", "hops": [{"subq": "who", "pid": "p1", "answer": "A"}, {"subq": "when was #1", "pid": 2}]}`,
	}, "\n"))
	questions, err := ReadQuestions(path, HalfAll, 0)
	require.NoError(t, err)
	require.Equal(t, []Question{
		{
			ID: "a", Text: "Who?", Answers: []string{"x", "y"}, Gold: []string{"p1", "2"}, Dataset: "musique", Kind: "musique, 3 hops",
			Subqueries: []Subquery{{Text: "A >> spouse"}, {Text: "where was B born"}, {Text: "C in the time of B"}},
		},
		{ID: "7", Text: "mine", Answers: []string{"one"}, Kind: "all"},
		{ID: "line 4", Text: "no more", Kind: "bridge"},
		{ID: "d", Text: "by passage", Kind: "all, 2 hops", Subqueries: []Subquery{{Text: "who", PID: "p1"}, {Text: "when was A", PID: "2"}}},
	}, questions)

	first, err := ReadQuestions(path, HalfFirst, 0)
	require.NoError(t, err)
	require.Equal(t, []Question{questions[0], questions[2]}, first, "halves go by the order of questions, not of lines")
	second, err := ReadQuestions(path, HalfSecond, 5)
	require.NoError(t, err)
	require.Equal(t, []Question{questions[1], questions[3]}, second)
	limited, err := ReadQuestions(path, HalfAll, 2)
	require.NoError(t, err)
	require.Equal(t, questions[:2], limited)
	_, err = ReadQuestions(path, "third", 0)
	require.ErrorContains(t, err, "third")
}

func TestReadQuestionsNamesFileAndLine(t *testing.T) {
	for content, want := range map[string]string{
		`{"id": "a", "question": "x"}` + "\n" + `{"id": "b"}`:                  "line 2: no \"question\"",
		`{"id": "a", "question": "x"}` + "\n\n" + `{"id":"a","question": "y"}`: "line 3: id \"a\" stands on line 1 too",
		`{"question": ["x"]}`:                  "line 1: ",
		`[1]`:                                  "line 1: ",
		`{"question": "x", "answers": {}}`:     "line 1: ",
		`{"question": "x", "gold_pids": [[]]}`: "line 1: ",
		"":                                     "holds no questions",
	} {
		path := file(t, "q.jsonl", content)
		_, err := ReadQuestions(path, HalfAll, 0)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, path)
	}
	_, err := ReadQuestions(filepath.Join(t.TempDir(), "absent"), HalfAll, 0)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestReadCorpus(t *testing.T) {
	lines := `{"pid": "a", "title": "T", "text": "one", "url": "x"}
{"pid": 2, "text": "two"}
{"pid": "c", "title": "", "text": "three"}
{"pid": "d", "title": "only a title"}
`
	plain, err := ReadCorpus(file(t, "c.jsonl", lines))
	require.NoError(t, err)
	require.Equal(t, []Passage{{"a", "T", "one"}, {"2", "", "two"}, {"c", "", "three"}, {"d", "only a title", ""}}, plain.Passages)

	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err = w.Write([]byte(strings.ReplaceAll(lines, `, "url": "x"`, "")))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	zipped, err := ReadCorpus(file(t, "without-gz-in-its-name", b.String()))
	require.NoError(t, err)
	require.Equal(t, plain.Hash, zipped.Hash, "what a file is called and what else is in it do not matter")
	other, err := ReadCorpus(file(t, "c.jsonl", strings.Replace(lines, "two", "twos", 1)))
	require.NoError(t, err)
	require.NotEqual(t, plain.Hash, other.Hash)

	for content, want := range map[string]string{
		`{"pid": "a", "text": "x"}` + "\n" + `{"text": "y"}`:             `line 2: no "pid"`,
		`{"pid": "a", "text": "x"}` + "\n" + `{"pid": "a", "text": "y"}`: `line 2: pid "a" stands on line 1 too`,
		`{"pid": "a"}`: `line 1: neither`,
		"":             "holds no passages",
	} {
		_, err := ReadCorpus(file(t, "c.jsonl", content))
		require.ErrorContains(t, err, want)
	}
}

func TestEmbeddedText(t *testing.T) {
	require.Equal(t, "Passage A film. Ove", Passage{PID: "1", Title: "Ove", Text: "A film."}.embedded())
	require.Equal(t, "Passage A film.", Passage{PID: "1", Text: "A film."}.embedded())
	for object := range objects([]Passage{{PID: "1", Text: "A film."}, {PID: "2", Title: "Ove", Text: "A film."}}) {
		p := passageOf(object)
		require.Contains(t, []string{"1", "2"}, p.PID)
		require.Equal(t, p.PID == "2", object["title"] == "Ove")
		_, titled := object["title"]
		require.Equal(t, p.PID == "2", titled, "no title is no property")
	}
}

func TestReadBundle(t *testing.T) {
	manifest := `{"name": "small", "version": "1", "precision": "int8", "retriever": {"name": "r", "dimension": 2},
		"files": {"encoder.onnx": {"sha256": "aa"}, "encoder.onnx.data": {"sha256": "bb"}, "retriever_tokenizer.json": {"sha256": "cc"}, "lm.onnx": {"sha256": "dd"}}}`
	read := func(text string) *Bundle {
		b, err := ReadBundle(filepath.Dir(file(t, "manifest.json", text)))
		require.NoError(t, err)
		return b
	}
	b := read(manifest)
	require.Equal(t, "small", b.Name)
	require.Equal(t, b.Retriever, read(strings.Replace(manifest, "dd", "ee", 1)).Retriever, "the language model makes no passage's vector")
	require.Equal(t, b.Retriever, read(strings.Replace(manifest, `"name": "r", "dimension": 2`, `"dimension": 2, "name": "r"`, 1)).Retriever)
	for _, change := range []string{"aa", "bb", "cc", `"r"`} {
		changed := strings.Replace(manifest, change, strings.ReplaceAll(change, change[1:2], "q"), 1)
		require.NotEqual(t, b.Retriever, read(changed).Retriever, change)
	}
	_, err := ReadBundle(t.TempDir())
	require.ErrorContains(t, err, "make bundle")
}

func FuzzQuestions(f *testing.F) {
	f.Add([]byte(`{"id": "a", "question": "Who?", "answers": ["x"], "gold_pids": ["p"], "hops": [{"subq": "#1", "answer": "B"}]}`))
	f.Add([]byte(`{"question": 1, "answers": null, "type": true}` + "\n\n" + `{"question": "x"}`))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, data []byte) {
		path := file(t, "q", string(data))
		questions, err := ReadQuestions(path, HalfAll, 0)
		if err != nil {
			require.ErrorContains(t, err, path)
			return
		}
		ids := map[string]bool{}
		for _, q := range questions {
			require.NotEmpty(t, q.Text)
			require.False(t, ids[q.ID])
			ids[q.ID] = true
			require.NotEmpty(t, q.Kind)
		}
	})
}

func FuzzCorpus(f *testing.F) {
	f.Add([]byte(`{"pid": "a", "title": "T", "text": "one"}`))
	f.Add([]byte(`{"pid": 3, "text": "é"}` + "\n" + `{"pid": "4", "title": null, "text": "x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := file(t, "c", string(data))
		corpus, err := ReadCorpus(path)
		if err != nil {
			require.ErrorContains(t, err, path)
			return
		}
		for _, p := range corpus.Passages {
			require.NotEmpty(t, p.PID)
			require.NotEmpty(t, p.Title+p.Text)
		}
	})
}
