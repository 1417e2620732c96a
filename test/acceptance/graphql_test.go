package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
)

// response is what a node answers to a GraphQL query, by plain HTTP.
type response struct {
	Data struct {
		Get map[string][]object
	}
	Errors []struct{ Message string }
}

// object is one object of a result, with all that the tests ask for.
type object struct {
	Title      string
	Text       string
	Part       int
	Additional struct {
		ID        string
		Distance  float64
		Vector    []float32
		Vectors   map[string][]float32
		LatentAsk *struct {
			Hop, Rank int
			Answer    client.Answer
			Hops      []client.Hop
			Timings   client.Timings
			Usage     client.Usage
		}
	} `json:"_additional"`
}

// messages are a response's errors as one text.
func (r *response) messages() string {
	var all []string
	for _, e := range r.Errors {
		all = append(all, e.Message)
	}
	return strings.Join(all, "\n")
}

var httpClient = &http.Client{Timeout: 2 * time.Minute}

// post sends a GraphQL query and returns what comes back, errors included.
func post(t testing.TB, n *node, query string) *response {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	require.NoError(t, err)
	reply, err := httpClient.Post(n.url+"/v1/graphql", "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	defer reply.Body.Close()
	data, err := io.ReadAll(reply.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, reply.StatusCode, "%s", data)
	var r response
	require.NoError(t, json.Unmarshal(data, &r), "%s", data)
	return &r
}

// trace are the fields of a query that wants everything.
const trace = `_additional { id distance latentAsk { hop rank
	answer { text confidence abstained partial stoppedBy by source { id property index start end } }
	hops { n action search keywords { word weight } ids distances found { id distance score vectorRank keywordRank support }
		vector focus { word weight } thought subquery ms { model search decode } }
	timings { totalMs modelMs searchMs queueMs } usage { passes tokensIn tokensOut } } }`

// ask is one latentAsk query of a test.
type ask struct {
	collection, question string
	// argument is the rest of latentAsk's, beside those of the field.
	argument, beside string
	// fields are asked for beside the trace; title where empty.
	fields string
}

func (a ask) query() string {
	fields := a.fields
	if fields == "" {
		fields = "title"
	}
	return fmt.Sprintf("{ Get { %s(latentAsk: {question: %q %s} %s) { %s %s } } }",
		a.collection, a.question, a.argument, a.beside, fields, trace)
}

// send asks, and expects no error. There must be objects, and every one of them
// must carry the same answer and hops.
func (a ask) send(t testing.TB, n *node) []object {
	t.Helper()
	r := post(t, n, a.query())
	require.Empty(t, r.messages())
	objects := r.Data.Get[a.collection]
	require.NotEmpty(t, objects)
	first := objects[0].Additional.LatentAsk
	require.NotNil(t, first)
	require.NotEmpty(t, first.Hops)
	for _, o := range objects {
		require.NotNil(t, o.Additional.LatentAsk)
		require.Equal(t, first.Answer, o.Additional.LatentAsk.Answer)
		require.Equal(t, first.Hops, o.Additional.LatentAsk.Hops)
	}
	return objects
}

// refused sends, and expects an error with each of these in it.
func (a ask) refused(t testing.TB, n *node, want ...string) {
	t.Helper()
	r := post(t, n, a.query())
	require.NotEmpty(t, r.Errors, "there was no error")
	require.Empty(t, r.Data.Get[a.collection])
	for _, w := range want {
		require.Contains(t, r.messages(), w)
	}
}

// outcome is what must be the same whenever the same question is asked of the
// same data: everything but the times.
type outcome struct {
	Answer client.Answer
	Hops   []client.Hop
	IDs    []string
	Places [][2]int
}

func outcomeOf(objects []object) outcome {
	first := objects[0].Additional.LatentAsk
	o := outcome{Answer: first.Answer}
	for _, h := range first.Hops {
		h.Ms = client.HopMs{}
		o.Hops = append(o.Hops, h)
	}
	for _, found := range objects {
		o.IDs = append(o.IDs, found.Additional.ID)
		o.Places = append(o.Places, [2]int{found.Additional.LatentAsk.Hop, found.Additional.LatentAsk.Rank})
	}
	return o
}

// baseline is the outcome of the tests' question on their common collection.
func baseline(t testing.TB, n *node) outcome {
	t.Helper()
	if knownBaseline == nil {
		o := outcomeOf(ask{collection: common, question: question}.send(t, n))
		knownBaseline = &o
	}
	return *knownBaseline
}

var knownBaseline *outcome

// searches are the hops that searched.
func searches(objects []object) []client.Hop {
	var out []client.Hop
	for _, h := range objects[0].Additional.LatentAsk.Hops {
		if h.Action == "query" {
			out = append(out, h)
		}
	}
	return out
}

func ids(objects []object) []string {
	out := make([]string, len(objects))
	for i, o := range objects {
		out[i] = o.Additional.ID
	}
	return out
}

// get runs an ordinary Get query and expects no error.
func get(t testing.TB, n *node, collection, arguments, fields string) []object {
	t.Helper()
	r := post(t, n, fmt.Sprintf("{ Get { %s(%s) { %s } } }", collection, arguments, fields))
	require.Empty(t, r.messages())
	return r.Data.Get[collection]
}

// vectorText writes a vector as GraphQL reads it, without loss.
func vectorText(t testing.TB, v []float32) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}
