package adopt

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/go-openapi/strfmt"
	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// long is a text of n passages.
func long(n int, word string) string {
	sentence := strings.TrimSpace(strings.Repeat(word+" ", passageWords)) + "."
	return strings.TrimSpace(strings.Repeat(sentence+" ", n))
}

// requirePassages compares what is stored with what the texts give now.
func requirePassages(t *testing.T, n *fakeNode, p *Plan) {
	t.Helper()
	want := map[string]string{}
	for id, properties := range n.snapshot("Docs", "") {
		object := &models.Object{ID: strfmt.UUID(id), Properties: properties}
		for _, passage := range passagesOf(p, object, "") {
			values := passage.Properties.(map[string]any)
			want[string(passage.ID)] = fmt.Sprint(values[objectProperty], values[placeProperty], values[textProperty])
		}
	}
	have := map[string]string{}
	for id, values := range n.snapshot("DocsPassages", "") {
		have[id] = fmt.Sprint(values[objectProperty], values[placeProperty], values[textProperty])
	}
	require.Equal(t, want, have)
}

func TestPassages(t *testing.T) {
	n, r := newFake(t)
	n.add(decoded(t, unnamed))
	for i := range 40 {
		n.put("Docs", "", idOf(i), map[string]any{"title": fmt.Sprint("title ", i), "body": long(1+i%3, "word")})
	}
	n.put("Docs", "", idOf(100), map[string]any{"year": 1.0})
	n.put("Docs", "", idOf(101), map[string]any{"title": "a title alone"})
	p := planned(t, r, Options{Collection: "Docs", Chunk: true})
	out, err := r.Passages(context.Background(), p)
	require.NoError(t, err)
	require.Equal(t, 42, out.Objects)
	require.Zero(t, out.Deleted)
	requirePassages(t, n, p)
	class := n.classes["DocsPassages"]
	require.Equal(t, client.Vectorizer, class.Vectorizer)
	require.True(t, made(class, "Docs", Passages))

	passage := n.snapshot("DocsPassages", "")[passageID(idOf(2), "body", 0, 1)]
	require.Equal(t, "title 2", passage[titleProperty])
	require.Equal(t, "body", passage[propertyProperty])
	require.EqualValues(t, 3, passage[partsProperty])
	require.Equal(t, idOf(2), passage[objectProperty])
	require.Equal(t, []any{map[string]any{"beacon": beacon + "Docs/" + idOf(2)}}, passage[ofProperty])

	// Again, after some changes: only those are written.
	n.put("Docs", "", idOf(0), map[string]any{"title": "title 0", "body": "new"})
	n.put("Docs", "", idOf(2), map[string]any{"title": "title 2", "body": long(2, "word")}) // had 3
	n.put("Docs", "", idOf(5), nil)                                                         // had 3
	n.put("Docs", "", idOf(8), map[string]any{"year": 2.0})                                 // had 3
	p = planned(t, r, Options{Collection: "Docs", Chunk: true})
	require.True(t, p.Continues)
	out, err = r.Passages(context.Background(), p)
	require.NoError(t, err)
	require.Equal(t, 1+2, out.Written, "one new text, two passages of three that are now of two")
	require.Equal(t, 1+3+3, out.Deleted)
	requirePassages(t, n, p)
}

// TestPassagesUnderWritersAndKills cuts while the texts change, the node dies in
// requests and the tool is killed, until a run comes through.
func TestPassagesUnderWritersAndKills(t *testing.T) {
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 2))
		n, r := newFake(t)
		n.add(decoded(t, unnamed))
		for i := range 40 {
			n.put("Docs", "", idOf(i), map[string]any{"title": fmt.Sprint(i), "body": long(random.IntN(3), "word")})
		}
		changes := 150
		var kill context.CancelFunc
		n.before = func(*http.Request) bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			if changes == 0 {
				return false
			}
			changes--
			id := idOf(random.IntN(50))
			if random.IntN(3) == 0 {
				delete(n.of("Docs", ""), id)
			} else {
				n.of("Docs", "")[id] = &models.Object{Class: "Docs", ID: strfmt.UUID(id), Properties: map[string]any{
					"title": "t", "body": long(random.IntN(4), []string{"one", "two"}[random.IntN(2)]),
				}}
			}
			if random.IntN(25) == 0 {
				kill()
			}
			return random.IntN(20) == 0
		}
		var p *Plan
		settled := false
		run := func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			n.locked(func() { kill = cancel })
			f, err := Gather(ctx, r.Client, Options{Collection: "Docs", Chunk: true})
			if err != nil {
				return
			}
			p, err = Make(Options{Collection: "Docs", Chunk: true}, f)
			require.NoError(t, err)
			var quiet bool
			n.locked(func() { quiet = changes == 0 })
			out, err := r.Passages(ctx, p)
			settled = err == nil && !out.Unsettled && quiet
		}
		for i := 0; i < 200 && !settled; i++ {
			run()
		}
		require.True(t, settled)
		requirePassages(t, n, p)
	}
}

func TestHeadings(t *testing.T) {
	tests := []struct {
		properties, body []string
		heading          string
	}{
		{[]string{"body", "title"}, []string{"body"}, "title"},
		{[]string{"Name", "body"}, []string{"body"}, "Name"},
		{[]string{"title"}, []string{"title"}, ""},
		{[]string{"a", "b"}, []string{"a", "b"}, ""},
	}
	for _, test := range tests {
		heading, body := headed(test.properties)
		require.Equal(t, test.heading, heading)
		require.Equal(t, test.body, body)
	}
}
