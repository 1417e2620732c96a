package tracepage

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
)

func distance(f float64) *float64 { return &f }

// example is a reply with everything that a page can show.
func example() (Question, *client.Reply) {
	q := Question{Text: "Where was the director of <Ove> born?", Collection: "Passage", URL: "http://node", Show: []string{"title", "text", "pid"}}
	return q, &client.Reply{
		Answer: client.Answer{
			Text: "Lidingö", Confidence: 0.81, StoppedBy: "action", By: "SPAN",
			Source: &client.Source{ID: "b", Property: "text", Start: 9, End: 16},
		},
		Usage: client.Usage{Passes: 7, TokensIn: 512, TokensOut: 4},
		Hops: []client.Hop{
			{
				N: 1, Action: "query", IDs: []string{"a", "gone"}, Search: "hybrid", Ms: client.HopMs{Model: 400, Search: 6, Decode: 90},
				Keywords: []client.Word{{Word: "director", Weight: 2}, {Word: "ove", Weight: 1}},
				Found:    []client.Found{{ID: "a", Distance: distance(0.31), Score: 0.9, VectorRank: 1, KeywordRank: 2}, {ID: "gone", Score: 0.2, KeywordRank: 5}},
				Thought:  "I need the director.", Subquery: "director of A Man Called Ove",
				Lens: []client.Latent{{Kind: "think", N: 1, Words: []client.Token{{Text: " director", Weight: 0.4}, {Text: "\n", Weight: 0.1}}}},
			},
			{
				N: 2, Action: "query", IDs: []string{"b"}, Search: "vector", Ms: client.HopMs{Model: 500, Search: 3},
				Focus: []client.Word{{Word: "holm", Weight: 0.92}},
				Found: []client.Found{{ID: "b", Distance: distance(0.25), VectorRank: 1}},
				Lens:  []client.Latent{{Kind: "query", N: 3, Words: []client.Token{{Text: " Holm", Weight: 0.7}}, Focus: []string{"holm"}}},
			},
			{N: 3, Action: "answer", Ms: client.HopMs{Model: 80}},
		},
		Timings: client.Timings{TotalMs: 1000, ModelMs: 980, SearchMs: 9, QueueMs: 2},
		Objects: []client.Object{
			{ID: "a", Properties: map[string]any{"title": "A Man Called Ove", "text": "A film by <Hannes Holm>.", "pid": "p-17"}},
			{ID: "b", Properties: map[string]any{"title": "Hannes Holm", "text": "Född på  Lidingö i 1962."}},
		},
	}
}

func TestPageShowsEverything(t *testing.T) {
	q, reply := example()
	var b strings.Builder
	require.NoError(t, Write(&b, q, reply))
	text := b.String()
	for _, part := range []string{
		"Where was the director of &lt;Ove&gt; born?", "Lidingö", "confidence 0.81", "the model chose to answer", "7 passes",
		"A film by &lt;Hannes Holm&gt;.", "hybrid search", "<b>0.310</b>", "vector rank", "keyword rank", "left out by the limit",
		"I need the director.", "director of A Man Called Ove", "holm<small>0.92</small>", "director<small>×2</small>",
		"think 1", "director<small>40%</small>", "↵<small>10%</small>", "query 3", "<mark>holm</mark>",
		"Född på  <mark>Lidingö</mark> i 1962.", `href="#p2-1"`, `id="p2-1"`,
		"hop 1, model 400 ms", "hop 1, search 6.0 ms", "hop 1, into words 90 ms", "answer, model 80 ms", `style="width: 50.00%"`,
	} {
		require.Contains(t, text, part)
	}
	for _, loaded := range []string{"src=", "http-equiv", "@import", "url(", "<script", "<link"} {
		require.NotContains(t, text, loaded, "nothing is loaded")
	}
	require.Contains(t, text, `<p class="soft mono">p-17</p>`, "a key is set apart from texts")
	require.Contains(t, text, `<i style="width: 92%"></i>`)
	require.NotContains(t, text, "ZgotmplZ", "the template took every value")
}

func TestSourceIsMarkedWhereItStands(t *testing.T) {
	require.Equal(t, text{"日本の", "首都", "は東京"}, split("日本の首都は東京", 3, 5))
	require.Equal(t, text{Before: "short"}, split("short", 2, 9), "a place outside marks nothing")
	require.Equal(t, text{Before: "short"}, split("short", 3, 3))

	second := 1
	o := client.Object{ID: "a", Properties: map[string]any{"title": "T", "tags": []any{"one", "two"}}}
	p := newPassage(Question{Show: []string{"title", "tags"}}, "a", map[string]client.Object{"a": o},
		&client.Source{ID: "a", Property: "tags", Index: &second, Start: 0, End: 3})
	require.Equal(t, []text{{Before: "one"}, {Mark: "two"}}, p.Texts)
	require.Equal(t, "T", p.Title)

	p = newPassage(Question{Show: []string{"title"}}, "a", map[string]client.Object{"a": o},
		&client.Source{ID: "a", Property: "title", Start: 0, End: 1})
	require.Equal(t, []text{{Mark: "T"}}, p.Texts, "also in a title")
}

func TestPageOfAnEmptyReply(t *testing.T) {
	var b strings.Builder
	require.NoError(t, Write(&b, Question{Text: "?"}, &client.Reply{}))
	require.Contains(t, b.String(), "no answer")
}
