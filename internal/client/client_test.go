package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeNode answers as a node does, from a table of paths.
func fakeNode(t *testing.T, routes map[string]http.HandlerFunc) *Client {
	t.Helper()
	mux := http.NewServeMux()
	for path, handler := range routes {
		mux.HandleFunc(path, handler)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c, err := New(Config{URL: server.URL, APIKey: "secret"})
	require.NoError(t, err)
	return c
}

func answer(t *testing.T, w http.ResponseWriter, value any) {
	t.Helper()
	w.Header().Set("Content-Type", "application/json")
	require.NoError(t, json.NewEncoder(w).Encode(value))
}

// graphqlNode answers every query with data, and keeps the queries.
func graphqlNode(t *testing.T, reply string, queries *[]string) *Client {
	return fakeNode(t, map[string]http.HandlerFunc{
		"POST /v1/graphql": func(w http.ResponseWriter, r *http.Request) {
			var body struct{ Query string }
			require.NoError(t, json.NewDecoder(r.Body).Decode(&body))
			require.Equal(t, "Bearer secret", r.Header.Get("Authorization"))
			*queries = append(*queries, body.Query)
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, reply)
		},
	})
}

func TestAsk(t *testing.T) {
	var queries []string
	c := graphqlNode(t, `{"data": {"Get": {"Passage": [
		{"title": "Hannes Holm", "_additional": {"id": "b", "distance": 0.25, "latentAsk": {"hop": 2, "rank": 1,
			"answer": {"text": "Lidingö", "confidence": 0.5, "abstained": false, "partial": false, "stoppedBy": "action"},
			"hops": [{"n": 1, "action": "query", "ids": ["a"], "distances": [0.5], "vector": [0.25, 1],
				"focus": [{"word": "holm", "weight": 0.9}], "thought": null, "subquery": null, "ms": {"model": 3, "search": 1, "decode": 0}}],
			"timings": {"totalMs": 9, "modelMs": 6, "searchMs": 2, "queueMs": 0}}}},
		{"title": "A Man Called Ove", "_additional": {"id": "a", "distance": 0.5, "latentAsk": {"hop": 1, "rank": 1, "answer": {"text": "Lidingö"}}}}
	]}}}`, &queries)
	reply, err := c.Ask(context.Background(), Question{
		Collection: "Passage", Tenant: "acme", Text: `Who "is" it?`, Mode: "LATENT", MaxHops: 2, PassagesPerHop: 3,
		Read: []string{"title", "text"}, Show: []string{"title"}, TargetVector: "v", Decode: true, Vectors: true,
		Budget: 1500 * time.Millisecond, Limit: 7,
	})
	require.NoError(t, err)
	for _, part := range []string{
		`Passage(latentAsk: {question: "Who \"is\" it?", mode: LATENT, maxHops: 2, passagesPerHop: 3, properties: ["title", "text"], targetVectors: ["v"], decode: true, budgetMs: 1500}, tenant: "acme", limit: 7)`,
		" vector }", "title _additional",
	} {
		require.Contains(t, queries[0], part)
	}
	require.Equal(t, "Lidingö", reply.Answer.Text)
	require.Equal(t, []float32{0.25, 1}, reply.Hops[0].Vector)
	require.Equal(t, []Word{{Word: "holm", Weight: 0.9}}, reply.Hops[0].Focus)
	require.Equal(t, 9.0, reply.Timings.TotalMs)
	require.Equal(t, []Object{
		{ID: "b", Distance: 0.25, Hop: 2, Rank: 1, Properties: map[string]any{"title": "Hannes Holm"}},
		{ID: "a", Distance: 0.5, Hop: 1, Rank: 1, Properties: map[string]any{"title": "A Man Called Ove"}},
	}, reply.Objects)

	// What is not given is left to the node.
	_, err = c.Ask(context.Background(), Question{Collection: "Passage", Text: "x"})
	require.NoError(t, err)
	require.Contains(t, queries[1], `Passage(latentAsk: {question: "x"})`)
	require.NotContains(t, queries[1], "vector")
}

func TestAnEmptyReplyHasNoAnswer(t *testing.T) {
	var queries []string
	c := graphqlNode(t, `{"data": {"Get": {"Passage": []}}}`, &queries)
	reply, err := c.Ask(context.Background(), Question{Collection: "Passage", Text: "x"})
	require.NoError(t, err)
	require.Empty(t, reply.Objects)
	require.Empty(t, reply.Answer.Text)
}

func TestErrorsOfAQuery(t *testing.T) {
	var queries []string
	c := graphqlNode(t, `{"data": {"Get": {"Passage": null}}, "errors": [{"message": "latentAsk.maxHops: is 0", "path": ["Get", "Passage"]}, {"message": "and more"}]}`, &queries)
	_, err := c.Search(context.Background(), "Passage", "", "x", 3, nil)
	var query *QueryError
	require.ErrorAs(t, err, &query)
	require.Equal(t, []string{"latentAsk.maxHops: is 0", "and more"}, query.Messages)
	require.Contains(t, queries[0], `Passage(nearText: {concepts: ["x"]}, limit: 3)`)

	_, err = c.Ask(context.Background(), Question{Collection: "Pass age", Text: "x"})
	require.ErrorContains(t, err, "collection")
	_, err = c.Ask(context.Background(), Question{Collection: "Passage", Text: "x", Show: []string{"ti tle"}})
	require.ErrorContains(t, err, "property")
}

func TestErrorsOfANode(t *testing.T) {
	refusing := fakeNode(t, map[string]http.HandlerFunc{
		"/v1/": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) },
	})
	_, err := refusing.Count(context.Background(), "Passage")
	require.ErrorContains(t, err, "API key")

	absent, err := New(Config{URL: "http://127.0.0.1:1"})
	require.NoError(t, err)
	_, err = absent.Operator(context.Background())
	require.ErrorContains(t, err, "is it running?")
	require.ErrorContains(t, err, "http://127.0.0.1:1")

	_, err = New(Config{URL: "localhost"})
	require.ErrorContains(t, err, "http://localhost:8080")
}

func TestOperator(t *testing.T) {
	c := fakeNode(t, map[string]http.HandlerFunc{
		"GET /v1/meta": func(w http.ResponseWriter, _ *http.Request) {
			answer(t, w, map[string]any{"version": "1.39.0", "modules": map[string]any{"qna-latent": map[string]any{
				"state": "ready", "bundle": map[string]any{"name": "small", "version": "0.1.0"},
				"device": map[string]any{"used": "cpu", "warning": "no card"},
			}}})
		},
	})
	o, err := c.Operator(context.Background())
	require.NoError(t, err)
	require.Equal(t, Operator{State: "ready", Bundle: "small 0.1.0", Device: "cpu", Warning: "no card"}, o)

	plain := fakeNode(t, map[string]http.HandlerFunc{
		"GET /v1/meta": func(w http.ResponseWriter, _ *http.Request) {
			answer(t, w, map[string]any{"modules": map[string]any{}})
		},
	})
	o, err = plain.Operator(context.Background())
	require.NoError(t, err)
	require.Empty(t, o.State)
}

func TestCollectionThatIsNone(t *testing.T) {
	c := fakeNode(t, map[string]http.HandlerFunc{"/v1/schema/": http.NotFound})
	_, err := c.Collection(context.Background(), "Passage")
	require.ErrorIs(t, err, ErrNoCollection)
	require.ErrorContains(t, err, "Passage")
}

// rows yields n objects, and then an error where there is one.
func rows(n int, after error) iter.Seq2[map[string]any, error] {
	return func(yield func(map[string]any, error) bool) {
		for i := range n {
			if !yield(map[string]any{"pid": i, "title": fmt.Sprint("title ", i)}, nil) {
				return
			}
		}
		if after != nil {
			yield(nil, after)
		}
	}
}

// batchNode stores batches, refusing the objects whose title holds a word.
func batchNode(t *testing.T, refuse string) (*Client, *sync.Map) {
	var stored sync.Map
	return fakeNode(t, map[string]http.HandlerFunc{
		"GET /v1/meta": func(w http.ResponseWriter, _ *http.Request) { answer(t, w, map[string]any{"version": "1.39.0"}) },
		"POST /v1/batch/objects": func(w http.ResponseWriter, r *http.Request) {
			var body struct {
				Objects []struct {
					Class, ID, Tenant string
					Properties        map[string]any
				}
			}
			require.NoError(t, json.NewDecoder(r.Body).Decode(&body))
			var results []any
			for _, o := range body.Objects {
				result := map[string]any{}
				title, _ := o.Properties["title"].(string)
				if refuse != "" && strings.Contains(title, refuse) {
					result["errors"] = map[string]any{"error": []any{map[string]any{"message": "refused " + title}}}
				} else {
					stored.Store(o.ID, o.Properties)
				}
				results = append(results, map[string]any{"class": o.Class, "id": o.ID, "result": result})
			}
			answer(t, w, results)
		},
	}), &stored
}

func size(m *sync.Map) int {
	n := 0
	m.Range(func(any, any) bool { n++; return true })
	return n
}

func TestLoad(t *testing.T) {
	c, stored := batchNode(t, "")
	seen := 0
	n, err := c.Load(context.Background(), rows(25, nil), Import{
		Collection: "Passage", IDField: "pid", Batch: 10, Progress: func(more int) { seen += more },
	})
	require.NoError(t, err)
	require.Equal(t, 25, n)
	require.Equal(t, 25, seen)
	require.Equal(t, 25, size(stored))
	properties, ok := stored.Load(ObjectID("Passage", "7"))
	require.True(t, ok, "the id is made of the field")
	require.Equal(t, map[string]any{"title": "title 7"}, properties, "which is no property")

	_, err = c.Load(context.Background(), rows(25, nil), Import{Collection: "Passage", IDField: "pid"})
	require.NoError(t, err)
	require.Equal(t, 25, size(stored), "the same objects again replace themselves")
	_, err = c.Load(context.Background(), rows(5, nil), Import{Collection: "Passage"})
	require.NoError(t, err)
	require.Equal(t, 30, size(stored))
}

func TestLoadTellsWhatWasRefused(t *testing.T) {
	c, _ := batchNode(t, "title 1")
	n, err := c.Load(context.Background(), rows(25, nil), Import{Collection: "Passage", IDField: "pid", Batch: 4})
	var refused *ImportError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 11, refused.Failed) // 1 and 10 to 19
	require.Len(t, refused.Messages, maxMessages)
	require.Contains(t, err.Error(), "refused title 1")
	require.Equal(t, 14, n)
}

func TestLoadEndsWithAnError(t *testing.T) {
	c, _ := batchNode(t, "")
	broken := errors.New("line 26 is broken")
	_, err := c.Load(context.Background(), rows(25, broken), Import{Collection: "Passage"})
	require.ErrorIs(t, err, broken)

	_, err = c.Load(context.Background(), rows(2, nil), Import{Collection: "Passage", IDField: "name"})
	require.ErrorContains(t, err, `"name"`)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = c.Load(ctx, rows(200, nil), Import{Collection: "Passage"})
	require.ErrorIs(t, err, context.Canceled)

	failing := fakeNode(t, map[string]http.HandlerFunc{
		"/v1/": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "out of disk", http.StatusInternalServerError)
		},
	})
	_, err = failing.Load(context.Background(), rows(1000, nil), Import{Collection: "Passage", Batch: 1})
	require.ErrorContains(t, err, "out of disk")
}

func TestWriteHops(t *testing.T) {
	reply := &Reply{
		Hops: []Hop{
			{N: 1, Action: "query", IDs: []string{"a", "gone"}, Distances: []float64{0.5, 0.625}, Ms: HopMs{Model: 12, Search: 1.5}},
			{N: 2, Action: "query", IDs: []string{"b"}, Distances: []float64{0.25}, Focus: []Word{{"holm", 0.9}}, Subquery: "who"},
			{N: 3, Action: "answer", Ms: HopMs{Model: 30}},
		},
		Objects: []Object{{ID: "b", Properties: map[string]any{"title": "B"}}, {ID: "a", Properties: map[string]any{"title": "A"}}},
	}
	var b strings.Builder
	reply.WriteHops(&b, func(o Object) string { return o.Properties["title"].(string) })
	for _, line := range []string{
		"hop 1    model 12 ms, search 1.5 ms", "0.500  A", "0.625    (cut by the limit)",
		"focus  holm 0.90", "subquery  who", "0.250  B", "answer   model 30 ms",
	} {
		require.Contains(t, b.String(), line)
	}
}
