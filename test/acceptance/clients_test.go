package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
)

func TestPlainHTTP(t *testing.T) {
	n := commonCollection(t)
	objects := ask{collection: common, question: question, argument: "search: VECTOR"}.send(t, n)

	known := titlesByID(common, passages(t))
	seen := map[string]bool{}
	hops := searches(objects)
	for k, h := range hops {
		require.Equal(t, k+1, h.N)
		require.NotEmpty(t, h.IDs)
		require.Len(t, h.Distances, len(h.IDs))
		require.Len(t, h.Vector, 384)
		require.IsNonDecreasing(t, h.Distances)
		for _, id := range h.IDs {
			require.Contains(t, known, id)
			require.False(t, seen[id], "%s was found before", known[id])
			seen[id] = true
		}
	}
	require.Len(t, objects, len(seen), "the objects are all that the hops found")
	for _, o := range objects {
		at := o.Additional.LatentAsk
		require.Equal(t, o.Additional.ID, hops[at.Hop-1].IDs[at.Rank-1])
		require.InDelta(t, hops[at.Hop-1].Distances[at.Rank-1], o.Additional.Distance, 1e-6)
		require.Equal(t, known[o.Additional.ID], o.Title)
	}
	timings := objects[0].Additional.LatentAsk.Timings
	require.Positive(t, timings.TotalMs)
	require.Positive(t, timings.ModelMs)
	require.LessOrEqual(t, timings.ModelMs+timings.SearchMs, timings.TotalMs+1)
}

func TestDecodePutsHopsIntoWords(t *testing.T) {
	n := commonCollection(t)
	plain := baseline(t, n)
	decoded := ask{collection: common, question: question, argument: "decode: true"}.send(t, n)
	words := ""
	for _, h := range searches(decoded) {
		words += h.Thought + h.Subquery
	}
	require.NotEmpty(t, words)

	// Words explain and change nothing.
	with := outcomeOf(decoded)
	for i := range with.Hops {
		with.Hops[i].Thought, with.Hops[i].Subquery = "", ""
	}
	require.Equal(t, plain, with)
}

func TestModes(t *testing.T) {
	n := commonCollection(t)
	for mode, stoppedBy := range map[string]string{"SINGLE": "single", "DIRECT": "direct"} {
		t.Run(mode, func(t *testing.T) {
			objects := ask{collection: common, question: question, argument: "mode: " + mode}.send(t, n)
			require.Len(t, searches(objects), 1)
			require.Equal(t, stoppedBy, objects[0].Additional.LatentAsk.Answer.StoppedBy)
			// One search with the question is what nearText does.
			near := get(t, n, common, `nearText: {concepts: [`+strconv.Quote(question)+`]} limit: `+strconv.Itoa(len(objects)),
				"_additional { id }")
			require.Equal(t, ids(near), searches(objects)[0].IDs)
		})
	}
}

func TestGoClient(t *testing.T) {
	n := commonCollection(t)
	ctx := context.Background()
	want := baseline(t, n)

	result, err := n.client.Weaviate().GraphQL().Raw().
		WithQuery(ask{collection: common, question: question}.query()).Do(ctx)
	require.NoError(t, err)
	require.Empty(t, result.Errors)
	data, err := json.Marshal(map[string]any{"data": result.Data})
	require.NoError(t, err)
	var r response
	require.NoError(t, json.Unmarshal(data, &r))
	require.Equal(t, want, outcomeOf(r.Data.Get[common]))

	refused, err := n.client.Weaviate().GraphQL().Raw().
		WithQuery(ask{collection: common, question: ""}.query()).Do(ctx)
	require.NoError(t, err)
	require.Len(t, refused.Errors, 1)
	require.Contains(t, refused.Errors[0].Message, "latentAsk.question")

	reply, err := n.client.Ask(ctx, client.Question{
		Collection: common, Text: question, Show: []string{"title"}, Vectors: true, Details: true,
	})
	require.NoError(t, err)
	require.Equal(t, want.Answer, reply.Answer)
	require.Len(t, reply.Objects, len(want.IDs))
	require.Equal(t, want.Hops[0].Vector, reply.Hops[0].Vector)
}

func TestPythonClient(t *testing.T) {
	n := commonCollection(t)
	python := required(t, "LATENTASK_PYTHON")
	want := baseline(t, n)

	file := filepath.Join(t.TempDir(), "passages.json")
	data, err := json.Marshal(passages(t)[:20])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, data, 0o644))

	var out, errs bytes.Buffer
	cmd := exec.Command(python, filepath.Join("testdata", "client.py"),
		"--port", strconv.Itoa(n.Ports().HTTP), "--grpc-port", strconv.Itoa(n.Ports().GRPC),
		"--collection", common, "--question", question, "--passages", file,
		"--query", ask{collection: common, question: question}.query())
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Run(), "%s", &errs)

	var report struct {
		Raw      response
		Source   *string
		NearText []string
		BM25     []string
		Imported struct {
			Count    int
			NearText []string
			Answer   string
			Evidence int
		}
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &report), "%s", &out)
	require.Empty(t, report.Raw.messages())
	require.Equal(t, want, outcomeOf(report.Raw.Data.Get[common]))
	require.Equal(t, want.Answer.Source != nil, report.Source != nil)
	if report.Source != nil {
		require.Equal(t, want.Answer.Text, oneLine(*report.Source))
	}

	// Ordinary queries over gRPC find what GraphQL finds.
	near := get(t, n, common, `nearText: {concepts: [`+strconv.Quote(question)+`]} limit: 5`, "_additional { id }")
	require.Equal(t, ids(near), report.NearText)
	bm25 := get(t, n, common, `bm25: {query: `+strconv.Quote(question)+`} limit: 5`, "_additional { id }")
	require.ElementsMatch(t, ids(bm25), report.BM25)

	// A collection that the Python client makes, whose defaults put property
	// names into the text.
	require.Equal(t, 20, report.Imported.Count)
	require.Len(t, report.Imported.NearText, 5)
	require.Positive(t, report.Imported.Evidence)
}

func TestMetaAndReadiness(t *testing.T) {
	n := shared(t)
	operator, err := n.client.Operator(context.Background())
	require.NoError(t, err)
	require.Equal(t, "ready", operator.State)
	require.NotEmpty(t, operator.Bundle)
	require.Contains(t, operator.Device, "cpu")

	reply, err := httpClient.Get(n.url + "/v1/modules/qna-latent/ready")
	require.NoError(t, err)
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, reply.StatusCode)
	require.JSONEq(t, `{"state": "ready"}`, string(body))
}
