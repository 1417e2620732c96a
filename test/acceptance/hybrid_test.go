package acceptance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// fused is how deep the sides of a hybrid hop are fused.
const fused = 100

// files are long pages, each with a code at its end that stands in no other.
// The vector is made of the first 256 word pieces and knows nothing of it.
func files(t testing.TB) []passage {
	list := passages(t)
	var out []passage
	for i := 0; i+5 <= len(list); i += 5 {
		text := ""
		for _, p := range list[i : i+5] {
			text += p.Text + " "
		}
		out = append(out, passage{
			PID:   fmt.Sprint("file", i),
			Title: fmt.Sprintf("File %c", 'A'+i/5),
			Text:  text + fmt.Sprintf("Kept under %s.", code(len(out))),
		})
	}
	return out
}

// code is that of the i-th of files.
func code(i int) string { return fmt.Sprintf("%c%c-%d", 'K'+i%10, 'Z'-i%13, 1009+i*137) }

// TestHybridHopFindsACodeName asks for codes that stand in one page each, where
// its vector does not reach.
func TestHybridHopFindsACodeName(t *testing.T) {
	n := shared(t)
	name := uniqueName(t)
	create(t, n, schemaOf(name, client.Vectorizer))
	list := files(t)
	load(t, n, name, "", list)

	const asked = 4
	byVector := 0
	for i := range asked {
		q := "What is kept under " + code(i) + "?"
		wanted := client.ObjectID(name, list[i].PID)
		if slices.Contains(ids(ask{collection: name, question: q, argument: "search: VECTOR, maxHops: 1"}.send(t, n)), wanted) {
			byVector++
		}
		hop := searches(ask{collection: name, question: q, argument: "maxHops: 1"}.send(t, n))[0]
		require.Equal(t, "hybrid", hop.Search)
		require.Equal(t, wanted, hop.IDs[0], q)
		require.Equal(t, 1, hop.Found[0].KeywordRank, q)
	}
	require.Less(t, byVector, asked, "the vectors alone found every code")
}

// TestHybridHopsCanBeReplayed makes both searches of every hop again, by
// Weaviate's own operators.
func TestHybridHopsCanBeReplayed(t *testing.T) {
	n := commonCollection(t)
	focused := false
	for _, q := range questions(t, 3) {
		hops := searches(ask{collection: common, question: q, argument: "search: HYBRID"}.send(t, n))
		requireReplayed(t, n, common, q, hops)
		focused = focused || slices.ContainsFunc(hops, func(h client.Hop) bool { return len(h.Focus) > 0 })
	}
	require.True(t, focused, "no hop of any question had a focus") // of one that is answered after the first search none has
}

// requireReplayed makes both searches of hybrid hops again, by Weaviate's own
// operators, and asserts that they find the same.
func requireReplayed(t testing.TB, n *node, collection, q string, hops []client.Hop) {
	t.Helper()
	found := map[string]bool{}
	for _, h := range hops {
		require.Equal(t, "hybrid", h.Search)
		require.NotEmpty(t, h.Keywords)
		words := ""
		for _, k := range h.Keywords {
			words += strings.Repeat(k.Word+" ", int(k.Weight))
		}
		near := get(t, n, collection, fmt.Sprintf("nearVector: {vector: %s} limit: %d", vectorText(t, h.Vector), fused), "_additional { id distance }")
		keyword := get(t, n, collection, fmt.Sprintf(`bm25: {query: %q, properties: ["title", "text"]} limit: %d`, words, fused), "_additional { id }")
		whole := get(t, n, collection, fmt.Sprintf(`hybrid: {query: %q, vector: %s, alpha: 0.35, properties: ["title", "text"]} limit: %d`,
			words, vectorText(t, h.Vector), len(h.IDs)+len(found)), "_additional { id }")
		var fresh []string
		for _, id := range ids(whole) {
			if !found[id] && len(fresh) < len(h.IDs) {
				fresh = append(fresh, id)
			}
		}
		require.Equal(t, fresh, h.IDs, "hop %d of %q", h.N, q)
		for i, f := range h.Found {
			require.Equal(t, h.IDs[i], f.ID)
			require.Equal(t, f.VectorRank, slices.Index(ids(near), f.ID)+1, "hop %d of %q", h.N, q)
			require.Equal(t, f.KeywordRank, slices.Index(ids(keyword), f.ID)+1, "hop %d of %q", h.N, q)
			require.NotNil(t, f.Distance)
			if f.VectorRank > 0 {
				require.InDelta(t, near[f.VectorRank-1].Additional.Distance, *f.Distance, 1e-5)
			}
			found[f.ID] = true
		}
	}
}

// TestSingleHybridIsOneHybridSearch compares mode SINGLE with Weaviate's own
// hybrid operator, on a collection of several shards.
func TestSingleHybridIsOneHybridSearch(t *testing.T) {
	n := shared(t)
	name := uniqueName(t)
	class := schemaOf(name, client.Vectorizer)
	class.ShardingConfig = map[string]any{"desiredCount": 3}
	create(t, n, class)
	load(t, n, name, "", append(files(t), passages(t)...))
	for _, q := range []string{question, "What is kept under " + code(7) + "?"} {
		objects := ask{collection: name, question: q, argument: "mode: SINGLE, search: HYBRID"}.send(t, n)
		hop := searches(objects)[0]
		require.Len(t, searches(objects), 1)
		require.Equal(t, "hybrid", hop.Search)
		own := get(t, n, name, fmt.Sprintf(`hybrid: {query: %q, alpha: 0.5, properties: ["title", "text"]} limit: %d`, q, len(hop.IDs)), "_additional { id }")
		require.Equal(t, ids(own), hop.IDs, q)
	}
}

// TestHybridNeedsSearchableText asks collections whose text no keyword search
// can find.
func TestHybridNeedsSearchableText(t *testing.T) {
	n := shared(t)
	no := false
	for name, change := range map[string]func(*models.Property){
		"Unindexed":   func(p *models.Property) { p.IndexSearchable = &no },
		"WholeValues": func(p *models.Property) { p.Tokenization = models.PropertyTokenizationField },
	} {
		t.Run(name, func(t *testing.T) {
			collection := uniqueName(t)
			class := schemaOf(collection, client.Vectorizer)
			for _, p := range class.Properties[:2] {
				change(p)
			}
			create(t, n, class)
			load(t, n, collection, "", passages(t)[:10])
			ask{collection: collection, question: question, argument: "search: HYBRID"}.refused(t, n,
				"latentAsk.search", collection, `"title", "text"`)
			for _, argument := range []string{"maxHops: 1", "maxHops: 1, search: AUTO", "maxHops: 1, search: VECTOR", "maxHops: 1, mode: SINGLE"} {
				for _, h := range searches(ask{collection: collection, question: question, argument: argument}.send(t, n)) {
					require.Equal(t, "vector", h.Search)
					require.Empty(t, h.Keywords)
				}
			}
		})
	}
}

// TestKeywordsAloneStillHaveADistance looks for an object so far from the
// question that the vector side does not list it.
func TestKeywordsAloneStillHaveADistance(t *testing.T) {
	n := shared(t)
	name := uniqueName(t)
	create(t, n, schemaOf(name, client.Vectorizer))
	var list []passage
	for i := range 5 * fused {
		list = append(list, passage{PID: fmt.Sprint(i), Title: fmt.Sprint("Mill ", i), Text: fmt.Sprintf("In which city by which river does the mill number %d stand?", i)})
	}
	load(t, n, name, "", list)
	far := client.ObjectID(name, "far")
	asked := ask{collection: name, question: "In which city by which river does the mill of Kvarn stand?", argument: "search: HYBRID, maxHops: 1"}
	opposite := slices.Clone(searches(asked.send(t, n))[0].Vector)
	for i := range opposite {
		opposite[i] = -opposite[i]
	}
	write(t, n, name, "", "", []passage{{PID: "far", Title: "Kvarn", Text: "The mill of Kvarn."}}, [][]float32{opposite})
	objects := asked.send(t, n)
	hop := searches(objects)[0]
	i := slices.Index(hop.IDs, far)
	require.GreaterOrEqual(t, i, 0)
	require.Zero(t, hop.Found[i].VectorRank, "the vector side found it")
	near := get(t, n, name, "nearVector: {vector: "+vectorText(t, hop.Vector)+"} limit: 1000", "_additional { id distance }")
	want := near[slices.Index(ids(near), far)].Additional.Distance
	require.InDelta(t, want, *hop.Found[i].Distance, 1e-5)
	for _, o := range objects {
		if o.Additional.ID == far {
			require.InDelta(t, want, o.Additional.Distance, 1e-5)
			require.Empty(t, o.Additional.Vector)
		}
	}
}

// TestReferencesOfTheEvidence asks for what the objects refer to.
func TestReferencesOfTheEvidence(t *testing.T) {
	n := shared(t)
	ctx := context.Background()
	people, pages := uniqueName(t)+"Person", uniqueName(t)+"Page"
	create(t, n, &models.Class{Class: people, Vectorizer: "none", Properties: []*models.Property{{Name: "name", DataType: []string{"text"}}}})
	class := schemaOf(pages, client.Vectorizer)
	class.Properties = append(class.Properties, &models.Property{Name: "author", DataType: []string{people}})
	create(t, n, class)
	list := passages(t)[:10]
	load(t, n, pages, "", list)
	person := client.ObjectID(people, "1")
	_, err := n.client.Weaviate().Data().Creator().WithClassName(people).WithID(person).WithProperties(map[string]any{"name": "Maren"}).Do(ctx)
	require.NoError(t, err)
	for _, p := range list {
		require.NoError(t, n.client.Weaviate().Data().ReferenceCreator().WithClassName(pages).WithID(client.ObjectID(pages, p.PID)).
			WithReferenceProperty("author").WithReference(n.client.Weaviate().Data().ReferencePayloadBuilder().
			WithClassName(people).WithID(person).Payload()).Do(ctx))
	}
	for _, search := range []string{"VECTOR", "HYBRID"} {
		result, err := n.client.Weaviate().GraphQL().Raw().WithQuery(fmt.Sprintf(
			"{ Get { %s(latentAsk: {question: %q, search: %s} limit: 2) { title author { ... on %s { name } } } } }",
			pages, question, search, people)).Do(ctx)
		require.NoError(t, err)
		require.Empty(t, result.Errors)
		objects := result.Data["Get"].(map[string]any)[pages].([]any)
		require.Len(t, objects, 2)
		for _, o := range objects {
			require.Equal(t, []any{map[string]any{"name": "Maren"}}, o.(map[string]any)["author"], search)
		}
	}
}
