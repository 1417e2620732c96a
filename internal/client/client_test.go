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
	"github.com/weaviate/weaviate/entities/models"
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
	require.NotContains(t, queries[1], "usage")
}

func TestAskForDetails(t *testing.T) {
	var queries []string
	c := graphqlNode(t, `{"data": {"Get": {"Passage": [
		{"_additional": {"id": "a", "distance": null, "latentAsk": {"hop": 1, "rank": 1,
			"answer": {"text": "Lidingö", "by": "SPAN", "source": {"id": "a", "property": "text", "index": null, "start": 4, "end": 11}},
			"hops": [{"n": 1, "action": "query", "ids": ["a"], "distances": [null], "search": "hybrid",
				"keywords": [{"word": "holm", "weight": 3}],
				"found": [{"id": "a", "distance": null, "score": 0.5, "vectorRank": 0, "keywordRank": 2}],
				"lens": [{"kind": "think", "n": 1, "words": [{"text": " born", "weight": 0.25}], "focus": ["holm"]}]}],
			"usage": {"passes": 5, "tokensIn": 400, "tokensOut": 3}}}}
	]}}}`, &queries)
	reply, err := c.Ask(context.Background(), Question{
		Collection: "Passage", Text: "x", Mode: "ITERATIVE", Search: "HYBRID", AnswerBy: "SPAN", Lens: true, Details: true,
	})
	require.NoError(t, err)
	for _, part := range []string{
		`{question: "x", mode: ITERATIVE, search: HYBRID, answerBy: SPAN, lens: true}`, "usage { passes", "source { id", "keywords {", "lens {",
	} {
		require.Contains(t, queries[0], part)
	}
	require.Equal(t, &Source{ID: "a", Property: "text", Start: 4, End: 11}, reply.Answer.Source)
	require.Equal(t, "SPAN", reply.Answer.By)
	require.Equal(t, Usage{Passes: 5, TokensIn: 400, TokensOut: 3}, reply.Usage)
	hop := reply.Hops[0]
	require.Equal(t, []Word{{"holm", 3}}, hop.Keywords)
	require.Equal(t, []Found{{ID: "a", Score: 0.5, KeywordRank: 2}}, hop.Found)
	require.Equal(t, []Latent{{Kind: "think", N: 1, Words: []Token{{" born", 0.25}}, Focus: []string{"holm"}}}, hop.Lens)

	_, err = c.Ask(context.Background(), Question{Collection: "Passage", Text: "x", Without: &Without{"pid", []string{"a", `b"`}}})
	require.NoError(t, err)
	require.Contains(t, queries[1], `where: {operator: And, operands: [{path: ["pid"], operator: NotEqual, valueText: "a"}, {path: ["pid"], operator: NotEqual, valueText: "b\""}]}`)
	_, err = c.Ask(context.Background(), Question{Collection: "Passage", Text: "x", Without: &Without{"id", []string{"a"}}})
	require.NoError(t, err)
	require.Contains(t, queries[2], `where: {path: ["id"], operator: NotEqual, valueText: "a"}`)

	_, err = c.Ask(context.Background(), Question{Collection: "Passage", Text: "x", Search: "AUTO}"})
	require.ErrorContains(t, err, "search")
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
					Vector            []float32
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
				if o.Vector == nil { // the node makes one
					o.Vector = []float32{1, 0}
				}
				results = append(results, map[string]any{
					"class": o.Class, "id": o.ID, "properties": o.Properties, "vector": o.Vector, "result": result,
				})
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

func TestLoadWithVectors(t *testing.T) {
	c, stored := batchNode(t, "")
	vectors := map[string][]float32{}
	to := Import{
		Collection: "Passage", IDField: "pid", KeepID: true, Batch: 2,
		Vector: func(o map[string]any) ([]float32, error) {
			if o["pid"] == 1 {
				return []float32{0, 1}, nil
			}
			return nil, nil
		},
		Stored: func(objects []*models.Object) error {
			for _, o := range objects {
				vectors[o.Properties.(map[string]any)["title"].(string)] = o.Vector
			}
			return nil
		},
	}
	_, err := c.Load(context.Background(), rows(3, nil), to)
	require.NoError(t, err)
	require.Equal(t, map[string][]float32{"title 0": {1, 0}, "title 1": {0, 1}, "title 2": {1, 0}}, vectors)
	properties, _ := stored.Load(ObjectID("Passage", "1"))
	require.Equal(t, map[string]any{"pid": 1.0, "title": "title 1"}, properties)

	full := errors.New("disk full")
	to.Stored = func([]*models.Object) error { return full }
	_, err = c.Load(context.Background(), rows(3, nil), to)
	require.ErrorIs(t, err, full)
	to.Vector = func(map[string]any) ([]float32, error) { return nil, full }
	_, err = c.Load(context.Background(), rows(3, nil), to)
	require.ErrorIs(t, err, full)
}

func TestIDsGoThroughAllPages(t *testing.T) {
	page := make([]string, listPage)
	for i := range page {
		page[i] = fmt.Sprintf(`{"_additional": {"id": "id-%d"}}`, i)
	}
	var queries []string
	c := fakeNode(t, map[string]http.HandlerFunc{
		"POST /v1/graphql": func(w http.ResponseWriter, r *http.Request) {
			var body struct{ Query string }
			require.NoError(t, json.NewDecoder(r.Body).Decode(&body))
			queries = append(queries, body.Query)
			rows := page
			if strings.Contains(body.Query, `after: "id-999"`) {
				rows = page[:1]
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"data": {"Get": {"Passage": [%s]}}}`, strings.Join(rows, ","))
		},
	})
	ids, err := c.IDs(context.Background(), "Passage")
	require.NoError(t, err)
	require.Len(t, ids, listPage+1)
	require.Len(t, queries, 2)
	require.Contains(t, queries[0], `after: ""`)
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

func TestWaitBundle(t *testing.T) {
	looks := 0
	meta := func(state map[string]any) *Client {
		return fakeNode(t, map[string]http.HandlerFunc{
			"GET /v1/meta": func(w http.ResponseWriter, _ *http.Request) {
				looks++
				module := state
				if looks == 1 {
					module = map[string]any{"state": "loading"}
				}
				answer(t, w, map[string]any{"version": "1.39.0", "modules": map[string]any{"qna-latent": module}})
			},
		})
	}
	o, err := meta(map[string]any{"state": "ready", "bundle": map[string]any{"name": "small", "version": "1"}}).WaitBundle(context.Background())
	require.NoError(t, err)
	require.Equal(t, "small 1", o.Bundle)
	require.Equal(t, 2, looks)
	_, err = meta(map[string]any{"state": "failed", "reason": "lm.onnx is broken"}).WaitBundle(context.Background())
	require.ErrorContains(t, err, "lm.onnx is broken")
	_, err = meta(map[string]any{}).WaitBundle(context.Background())
	require.ErrorContains(t, err, "no latentask")
	ctx, cancel := context.WithTimeout(context.Background(), 2*waitInterval)
	defer cancel()
	_, err = meta(map[string]any{"state": "loading"}).WaitBundle(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
