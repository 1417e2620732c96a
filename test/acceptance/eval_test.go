package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/eval"
)

// TestEvaluation runs an evaluation on a node of its own, twice: the second
// time everything is there.
func TestEvaluation(t *testing.T) {
	dir := t.TempDir()
	corpusFile := filepath.Join(dir, "corpus.jsonl")
	require.NoError(t, os.WriteFile(corpusFile, []byte(`
{"pid": "ove", "title": "A Man Called Ove", "text": "A Man Called Ove is a Swedish film of 2015, written and directed by Hannes Holm."}
{"pid": "holm", "title": "Hannes Holm", "text": "Hannes Holm is a Swedish director. He was born in Lidingö."}
{"pid": "rice", "text": "Rice is a cereal grain and the staple food of half of the people of the world."}
{"pid": "brick", "text": "A brick is a block of clay that was burnt in a kiln."}
`), 0o644))
	corpus, err := eval.ReadCorpus(corpusFile)
	require.NoError(t, err)
	config := eval.HostConfig{
		Binary: required(t, "LATENTASK_NODE"), BundleDir: required(t, "LATENTASK_BUNDLE"),
		Dir: filepath.Join(dir, "eval"), Progress: io.Discard,
	}
	questions := []eval.Question{{
		ID: "1", Text: "Where was the director of A Man Called Ove born?", Kind: "bridge",
		Answers: []string{"Lidingö"}, Gold: []string{"ove", "holm"},
	}}
	run := func() (map[eval.Mode]eval.Record, map[string][]float32) {
		host, err := eval.StartHost(context.Background(), config, corpus)
		require.NoError(t, err)
		defer func() { require.NoError(t, host.Close()) }()
		settings := eval.Settings{
			Modes: []eval.Mode{eval.ModeLatent, eval.ModeSingle, eval.ModeHybrid}, Search: "auto", AnswerBy: "auto",
			MaxHops: 2, PassagesPerHop: 1, Collection: eval.Collection, IDProperty: eval.IDProperty,
		}
		r := eval.Run{Settings: settings, Questions: questions, Asker: host.Client, Progress: io.Discard}
		outcome, err := r.Do(context.Background())
		require.NoError(t, err)
		require.Empty(t, outcome.Skipped)
		records := map[eval.Mode]eval.Record{}
		for _, record := range outcome.Records {
			require.Empty(t, record.Error)
			records[record.Mode] = record
		}
		vectors := map[string][]float32{}
		objects, err := host.Client.Weaviate().Data().ObjectsGetter().WithClassName(eval.Collection).WithVector().Do(context.Background())
		require.NoError(t, err)
		for _, o := range objects {
			vectors[string(o.ID)] = o.Vector
		}
		return records, vectors
	}

	records, vectors := run()
	require.Len(t, vectors, 4)
	latent := records[eval.ModeLatent]
	require.NotEmpty(t, latent.Hops)
	require.Equal(t, []string{"ove"}, latent.Hops[0].PIDs)
	require.Positive(t, latent.Passes)
	require.Positive(t, latent.TokensIn)
	read := 0
	for _, h := range latent.Hops {
		read += len(h.PIDs)
	}
	for _, mode := range []eval.Mode{eval.ModeSingle, eval.ModeHybrid} {
		require.Len(t, records[mode].Hops, 1)
		require.Len(t, records[mode].Hops[0].PIDs, read, "as many passages as latent read")
	}
	require.Equal(t, "vector", records[eval.ModeSingle].Hops[0].Search)
	require.Equal(t, "hybrid", records[eval.ModeHybrid].Hops[0].Search)

	again, same := run()
	require.Equal(t, vectors, same)
	require.Equal(t, latent.Answer, again[eval.ModeLatent].Answer)

	// What is kept are the vectors that the node made.
	bundle, err := eval.ReadBundle(config.BundleDir)
	require.NoError(t, err)
	kept, err := eval.OpenVectors(filepath.Join(config.Dir, "vectors.db"), bundle.Retriever)
	require.NoError(t, err)
	defer kept.Close()
	vector, err := kept.Get("Passage Rice is a cereal grain and the staple food of half of the people of the world.")
	require.NoError(t, err)
	require.InDelta(t, 1, cosine(vectors[client.ObjectID(eval.Collection, "rice")], vector), 1e-6)
}

// TestEvaluationOfOnesOwnQuestions runs the tool as somebody would who has a
// collection and questions, and knows the gold passages of none.
func TestEvaluationOfOnesOwnQuestions(t *testing.T) {
	n := commonCollection(t)
	dir := t.TempDir()
	file, report, trace := filepath.Join(dir, "mine.jsonl"), filepath.Join(dir, "report.json"), filepath.Join(dir, "trace.jsonl")
	list := questions(t, 2)
	var lines []byte
	for _, q := range list {
		line, err := json.Marshal(map[string]any{"question": q, "answers": []string{"nobody knows"}})
		require.NoError(t, err)
		lines = append(append(lines, line...), '\n')
	}
	require.NoError(t, os.WriteFile(file, lines, 0o644))
	args := []string{"eval", "--url", n.url, "--collection", common, "--questions", file, "--modes", "latent,single", "--out", report, "--trace", trace}
	s := tool(t, n, "", args...)
	require.Zero(t, s.code, s.out+s.err)

	var got struct {
		Modes map[string]struct {
			N         int      `json:"n"`
			EM        *float64 `json:"em"`
			GoldFound *float64 `json:"gold_found"`
			Passages  float64  `json:"passages"`
			P50Ms     float64  `json:"p50_ms"`
		} `json:"modes"`
	}
	data, err := os.ReadFile(report)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &got))
	for _, mode := range []string{"latent", "single"} {
		m := got.Modes[mode]
		require.Equal(t, 2, m.N)
		require.Zero(t, *m.EM)
		require.Nil(t, m.GoldFound)
		require.Positive(t, m.P50Ms)
	}
	require.Equal(t, got.Modes["latent"].Passages, got.Modes["single"].Passages, "as many passages as latent read")
	require.FileExists(t, filepath.Join(dir, "report.html"))

	titles := titlesByID(common, passages(t))
	data, err = os.ReadFile(trace)
	require.NoError(t, err)
	records := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	require.Len(t, records, 4)
	for _, line := range records {
		var record eval.Record
		require.NoError(t, json.Unmarshal(line, &record))
		require.NotEmpty(t, record.Hops)
		for _, h := range record.Hops {
			for _, id := range h.PIDs {
				require.Contains(t, titles, id, "objects go by their own ids")
			}
		}
	}

	// A trace is gone on with where the questions are the same, and else refused.
	s = tool(t, n, "", append(args, "--resume")...)
	require.Zero(t, s.code, s.out+s.err)
	again, err := os.ReadFile(trace)
	require.NoError(t, err)
	require.Equal(t, data, again)
	require.NoError(t, os.WriteFile(file, append(lines, lines...), 0o644))
	s = tool(t, n, "", append(args, "--resume")...)
	require.NotZero(t, s.code)
	require.Contains(t, s.err, trace)

	// Gold passages need a property that names them.
	require.NoError(t, os.WriteFile(file, []byte(`{"question": "Who?", "gold_pids": ["1"]}`), 0o644))
	s = tool(t, n, "", "eval", "--url", n.url, "--collection", common, "--questions", file, "--out", report)
	require.NotZero(t, s.code)
	require.Contains(t, s.err, "--id-property")
}
