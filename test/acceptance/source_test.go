package acceptance

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// cutOut is what stands at a source, in the object as the client gets it.
func cutOut(t *testing.T, n *node, collection string, s *client.Source) string {
	t.Helper()
	got, err := n.client.Weaviate().Data().ObjectsGetter().WithClassName(collection).WithID(s.ID).Do(context.Background())
	require.NoError(t, err)
	require.Len(t, got, 1)
	value := got[0].Properties.(map[string]any)[s.Property]
	if s.Index != nil {
		value = value.([]any)[*s.Index]
	}
	characters := []rune(value.(string))
	require.LessOrEqual(t, 0, s.Start)
	require.Less(t, s.Start, s.End)
	require.LessOrEqual(t, s.End, len(characters))
	return string(characters[s.Start:s.End])
}

// oneLine is a text as the model reads it.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestSourceIsAPlaceInTheStoredProperty asks a collection of texts beyond
// ASCII, with white space of all kinds, and looks every answer up where its
// source says.
func TestSourceIsAPlaceInTheStoredProperty(t *testing.T) {
	n := shared(t)
	name := uniqueName(t)
	class := schemaOf(name, client.Vectorizer)
	class.Properties = append(class.Properties, &models.Property{Name: "notes", DataType: []string{"text[]"}})
	create(t, n, class)
	list := passages(t)[:24]
	_, err := n.client.Load(context.Background(), func(yield func(map[string]any, error) bool) {
		for i, p := range list {
			text := strings.ReplaceAll(p.Text, " ", []string{" ", "  ", "\n", " \u00a0", "\r\n\t", "\u2003"}[i%6])
			object := map[string]any{"pid": p.PID, "title": "  " + p.Title + "\n"}
			if i%2 == 0 {
				object["text"] = "\u3000東京、Ærø 👩‍👩‍👧\n\n" + text
			} else {
				object["notes"] = []string{" ", "Ærø。", "👩‍👩‍👧 " + text}
			}
			if !yield(object, nil) {
				return
			}
		}
	}, client.Import{Collection: name, IDField: "pid"})
	require.NoError(t, err)

	sources, inList := 0, 0
	for i, p := range list[:6] {
		q := fmt.Sprintf("What is %s?", oneLine(p.Title))
		by := []string{"SPAN", "FREE", "SPAN"}[i%3]
		a := ask{collection: name, question: q, argument: "maxHops: 1, answerBy: " + by}.send(t, n)[0].Additional.LatentAsk.Answer
		require.Equal(t, by, a.By)
		if a.Source == nil {
			continue
		}
		sources++
		if a.Source.Index != nil {
			inList++
			require.Equal(t, "notes", a.Source.Property)
		}
		got := oneLine(cutOut(t, n, name, a.Source))
		if by == "FREE" { // the case may be another
			require.True(t, strings.EqualFold(a.Text, got), "%q stands there, the answer is %q", got, a.Text)
		} else {
			require.Equal(t, a.Text, got)
		}
	}
	require.Positive(t, sources, "no answer had a source")
	t.Logf("%d sources, %d in a list", sources, inList)
}

// TestLensShowsEveryLatent and changes nothing.
func TestLensShowsEveryLatent(t *testing.T) {
	n := commonCollection(t)
	plain := baseline(t, n)
	reply, err := n.client.Ask(context.Background(), client.Question{
		Collection: common, Text: question, Show: []string{"title"}, Details: true, Lens: true,
	})
	require.NoError(t, err)
	require.Equal(t, plain.Answer, reply.Answer)
	for _, h := range reply.Hops {
		if h.Action != "query" {
			require.Empty(t, h.Lens)
			continue
		}
		think, query := 0, 0
		for _, l := range h.Lens {
			require.Len(t, l.Words, 5)
			require.GreaterOrEqual(t, l.Words[0].Weight, l.Words[4].Weight)
			switch l.Kind {
			case "think":
				think++
				require.Equal(t, think, l.N)
			case "query":
				query++
				require.Equal(t, query, l.N)
			}
		}
		require.Positive(t, think)
		require.Positive(t, query)
	}
	require.Positive(t, reply.Usage.Passes)
	require.Greater(t, reply.Usage.TokensIn, reply.Usage.TokensOut)
}

// TestRoundsOfSearchAndAnswer is mode ITERATIVE.
func TestRoundsOfSearchAndAnswer(t *testing.T) {
	n := commonCollection(t)
	objects := ask{collection: common, question: question, argument: "mode: ITERATIVE, maxHops: 2"}.send(t, n)
	hops := searches(objects)
	require.NotEmpty(t, hops)
	require.LessOrEqual(t, len(hops), 2)
	require.Contains(t, hops[0].Subquery, question)
	for _, h := range hops {
		require.Equal(t, "hybrid", h.Search)
		require.Empty(t, h.Focus)
	}
}
