package acceptance

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

func TestWhereHoldsInEveryHop(t *testing.T) {
	n := commonCollection(t)
	inPart := map[string]bool{}
	for _, p := range passages(t) {
		inPart[client.ObjectID(common, p.PID)] = p.Part == 1
	}
	for _, q := range questions(t, 2) {
		objects := ask{
			collection: common, question: q, fields: "title part",
			beside: `where: {path: ["part"], operator: Equal, valueInt: 1}`,
		}.send(t, n)
		for _, h := range searches(objects) {
			require.Equal(t, "hybrid", h.Search)
			for _, id := range h.IDs {
				require.True(t, inPart[id], "hop %d of %q left the filter", h.N, q)
			}
		}
		for _, o := range objects {
			require.Equal(t, 1, o.Part)
		}
	}
	// Nothing passes this filter, so there is nowhere to put an answer.
	r := post(t, n, ask{
		collection: common, question: question,
		beside: `where: {path: ["part"], operator: Equal, valueInt: 7}`,
	}.query())
	require.Empty(t, r.messages())
	require.Empty(t, r.Data.Get[common])
}

func TestLimitAndOffsetCutTheEvidence(t *testing.T) {
	n := commonCollection(t)
	all := baseline(t, n)
	require.GreaterOrEqual(t, len(all.IDs), 3)
	for _, c := range []struct {
		beside string
		want   []string
	}{
		{"limit: 2", all.IDs[:2]},
		{"limit: 1 offset: 2", all.IDs[2:3]},
		{"limit: 100", all.IDs},
	} {
		got := outcomeOf(ask{collection: common, question: question, beside: c.beside}.send(t, n))
		require.Equal(t, c.want, got.IDs, c.beside)
		require.Equal(t, all.Answer, got.Answer, "a page changes no answer")
		require.Equal(t, all.Hops, got.Hops, "a page changes no hop")
	}
	r := post(t, n, ask{collection: common, question: question, beside: "limit: 5 offset: 90"}.query())
	require.Empty(t, r.messages())
	require.Empty(t, r.Data.Get[common])
}

func TestHopsAndPassages(t *testing.T) {
	n := commonCollection(t)
	for _, c := range []struct {
		argument       string
		hops, passages int
	}{
		{"maxHops: 1", 1, 3},
		{"maxHops: 2 passagesPerHop: 2", 2, 2},
		{"maxHops: 1 passagesPerHop: 50", 1, 50},
		{"maxHops: 2 passagesPerHop: 2 search: VECTOR", 2, 2},
	} {
		objects := ask{collection: common, question: question, argument: c.argument}.send(t, n)
		hops := searches(objects)
		require.LessOrEqual(t, len(hops), c.hops, c.argument)
		for _, h := range hops {
			require.Len(t, h.IDs, c.passages, c.argument)
		}
	}
}

func TestNamedVectors(t *testing.T) {
	n := shared(t)
	name := uniqueName(t)
	class := schemaOf(name, "")
	class.VectorConfig = map[string]models.VectorConfig{
		"by_title": vectorConfig(client.Vectorizer, map[string]any{"properties": []string{"title"}}),
		"by_text":  vectorConfig(client.Vectorizer, map[string]any{"properties": []string{"text"}, "vectorizeClassName": false}),
	}
	create(t, n, class)
	load(t, n, name, "", passages(t)[:30])

	// Without a target the two that fit are named.
	ask{collection: name, question: question}.refused(t, n, "targetVectors", "by_title", "by_text")
	distances := map[string][]float64{}
	for _, target := range []string{"by_title", "by_text"} {
		objects := ask{collection: name, question: question, argument: `search: VECTOR, targetVectors: ["` + target + `"]`}.send(t, n)
		hop := searches(objects)[0]
		replayed := get(t, n, name, `nearVector: {vector: `+vectorText(t, hop.Vector)+`, targetVectors: ["`+target+`"]} limit: 3`,
			"_additional { id }")
		require.Equal(t, ids(replayed), hop.IDs, target)
		distances[target] = hop.Distances
	}
	require.NotEqual(t, distances["by_title"], distances["by_text"], "the two targets are searched in vectors of their own")
	ask{collection: name, question: question, argument: `targetVectors: ["by_title", "by_text"]`}.refused(t, n, "targetVectors")
	ask{collection: name, question: question, argument: `targetVectors: ["nobody"]`}.refused(t, n, "nobody")

	single := uniqueName(t) + "Single"
	only := schemaOf(single, "")
	only.VectorConfig = map[string]models.VectorConfig{"only": vectorConfig(client.Vectorizer, nil)}
	create(t, n, only)
	load(t, n, single, "", passages(t)[:30])
	ask{collection: single, question: question}.send(t, n)
}

func TestSeveralTextProperties(t *testing.T) {
	n := commonCollection(t)
	byDefault := baseline(t, n)
	same := outcomeOf(ask{collection: common, question: question, argument: `properties: ["title", "text"]`}.send(t, n))
	require.Equal(t, byDefault, same, "the vectorised text properties, in schema order, are the default")

	// Titles alone are another reading, and the properties that are read need
	// not be asked for.
	titles := ask{
		collection: common, question: question, argument: `properties: ["title"]`, fields: "part",
	}.send(t, n)
	require.Empty(t, titles[0].Title)
	require.Equal(t, byDefault.Hops[0].Vector, searches(titles)[0].Vector, "the first hop has read nothing yet")
}
