package acceptance

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	adoption "github.com/latentask/latentask/internal/adopt"
	"github.com/latentask/latentask/internal/client"
)

const inPlacePages = 40

// unchanged asserts that objects are as they were but for the new vector.
func unchanged(t testing.TB, before, after map[string]stored) {
	t.Helper()
	require.Len(t, after, len(before))
	for id, o := range after {
		was := before[id]
		require.Equal(t, was.LastUpdateTimeUnix, o.LastUpdateTimeUnix, "update time of %s", id)
		require.Equal(t, was.Properties, o.Properties, id)
		require.Equal(t, was.Vector, o.Vector, "unnamed vector of %s", id)
		for name, vector := range was.Vectors {
			require.Equal(t, vector, o.Vectors[name], "vector %q of %s", name, id)
		}
	}
}

// sameSchema compares two schemas. An absent member is as good as an empty one,
// Weaviate puts properties into another order with each update, and leaves the
// module's settings of properties behind when a vector is dropped.
func sameSchema(t testing.TB, before, after string) {
	t.Helper()
	decode := func(text string) map[string]any {
		var class map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &class))
		if vectors, _ := class["vectorConfig"].(map[string]any); len(vectors) == 0 {
			delete(class, "vectorConfig")
		}
		for _, p := range class["properties"].([]any) {
			modules, _ := p.(map[string]any)["moduleConfig"].(map[string]any)
			delete(modules, client.Vectorizer)
			if len(modules) == 0 {
				delete(p.(map[string]any), "moduleConfig")
			}
		}
		slices.SortFunc(class["properties"].([]any), func(a, b any) int {
			return strings.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
		})
		return class
	}
	require.Equal(t, decode(before), decode(after))
}

// Beside an unnamed vector of another model: the plan, the adoption, the
// verification of what is well and of what is not, and the way back.
func adoptUnnamed(t *testing.T, n *node) {
	name := uniqueName(t)
	create(t, n, otherwise(name, nil))
	texts := pages(inPlacePages)
	texts[3] = ""
	paged(t, n, name, "", texts)
	vector := all(t, n, name, "")[idAt(7)].Vector
	require.Len(t, vector, 384)
	schema, objects, queries := schemaText(t, n, name), all(t, n, name, ""), allQueries(t, n, name, vector)

	plan := well(t, n, "", "--collection", name, "--dry-run")
	for _, says := range []string{
		name + ` gets a vector "latent"`, "made of  text (those that its text2vec-transformers vector is made of)",
		"objects  40", "memory   about", "disk     about", "time     about ", ": the node embeds ",
		"queries that name no vector go on searching the unnamed one", "latentask adopt --undo --collection " + name,
	} {
		require.Contains(t, plan, says)
	}
	require.Positive(t, reported(t, n, "", "--collection", name, "--dry-run").Plan.Cost.PerSecond)
	require.Equal(t, schema, schemaText(t, n, name), "--dry-run changes nothing")
	require.Equal(t, objects, all(t, n, name, ""))
	status, _ := rest(n.url, "", "GET", "/modules/qna-latent/adoptions/"+name+"/latent", nil)
	require.Equal(t, 404, status, "--dry-run starts nothing")

	// A vector that nobody filled is seen, as is one that is not there.
	badly(t, n, "", []string{"--collection", name, "--verify"}, `has no vector "latent"`, "run latentask adopt first")
	addLatent(t, n, "", name)
	badly(t, n, "", append([]string{"--collection", name, "--verify"}, one...), "has text and no vector", "the verification found problems")

	out := well(t, n, "", append([]string{"--collection", name}, one...)...)
	require.Contains(t, out, name+` has a vector "latent"`)
	require.Contains(t, out, "finished: 39 of 40 objects filled, 1 have no text")
	require.Contains(t, out, "all is as it should be")
	after := all(t, n, name, "")
	unchanged(t, objects, after)
	requireVectors(t, n, name, "", after)
	require.Equal(t, queries, allQueries(t, n, name, vector))

	verify := append([]string{"--collection", name, "--verify", "--sample", "100"}, one...)
	v := reported(t, n, "", verify...).Verification
	require.Equal(t, []int{40, 1, 39, 0}, []int{v.Sample.Objects, v.Sample.WithoutText, v.Sample.Compared, v.Sample.Different})
	require.Greater(t, v.Sample.Least, 0.999)
	require.Contains(t, well(t, n, "", "--collection", name, "--undo"), `vector "latent" is gone`)
	sameSchema(t, schema, schemaText(t, n, name))
	for id, o := range all(t, n, name, "") {
		require.Empty(t, o.Vectors["latent"], id)
		require.Equal(t, objects[id].Vector, o.Vector, id)
	}
	require.Equal(t, queries, allQueries(t, n, name, vector))
	require.Contains(t, well(t, n, "", "--collection", name, "--undo"), `has no vector "latent"`)

	// The name is free: the same command does it all again.
	require.Contains(t, well(t, n, "", append([]string{"--collection", name}, one...)...), "finished: 39 of 40 objects filled")
	again := all(t, n, name, "")
	requireVectors(t, n, name, "", again)

	// An object that somebody gives another text's vector is named.
	stale := again[idAt(5)]
	status, body := rest(n.url, "", "PUT", "/objects/"+name+"/"+stale.ID,
		written(name, "", stale.ID, stale.text(), map[string][]float32{"latent": again[idAt(6)].Vectors["latent"]}))
	require.Equal(t, 200, status, "%s", body)
	badly(t, n, "", verify, "object "+stale.ID+": the stored vector and a fresh one have the cosine")
}

// Beside a single named vector of another model, queries that name none go on
// with it.
func adoptNamed(t *testing.T, n *node) {
	name := uniqueName(t)
	create(t, n, otherwise(name, map[string]models.VectorConfig{
		"own": vectorConfig(transformers, map[string]any{"properties": []string{"text"}}),
	}))
	paged(t, n, name, "", pages(inPlacePages))
	objects := all(t, n, name, "")
	vector := objects[idAt(7)].Vectors["own"]
	schema, queries := schemaText(t, n, name), allQueries(t, n, name, vector)

	r := reported(t, n, "", append([]string{"--collection", name, "--vector", "second"}, one...)...)
	require.Equal(t, adoption.InPlace, r.Plan.Way)
	require.Contains(t, r.Plan.Queries, `go on searching "own"`)
	require.Equal(t, client.AdoptionFinished, r.Job.State)
	require.Equal(t, inPlacePages, r.Job.Total.Filled)
	require.Empty(t, r.Verification.Problems)
	require.Equal(t, `the vector "own"`, r.Verification.Default)
	after := all(t, n, name, "")
	unchanged(t, objects, after)
	require.Len(t, after[idAt(1)].Vectors["second"], 384)
	require.Equal(t, queries, allQueries(t, n, name, vector))

	badly(t, n, "", []string{"--collection", name, "--vector", "third"}, `has a vector of text2vec-latent already, "second"`)
	badly(t, n, "", []string{"--collection", name, "--vector", "own", "--undo"}, "is of text2vec-transformers")
	require.Contains(t, well(t, n, "", "--collection", name, "--vector", "second", "--undo"), `vector "second" is gone`)
	sameSchema(t, schema, schemaText(t, n, name))
	require.Equal(t, queries, allQueries(t, n, name, vector))
}

// Beside several named vectors queries have to name theirs, before and after.
func adoptSeveral(t *testing.T, n *node) {
	name := uniqueName(t)
	create(t, n, otherwise(name, map[string]models.VectorConfig{
		"one": vectorConfig(transformers, map[string]any{"properties": []string{"text"}}), "two": vectorConfig("none", nil),
	}))
	paged(t, n, name, "", pages(inPlacePages), "two")
	objects := all(t, n, name, "")
	require.Len(t, objects[idAt(1)].Vectors["one"], 384)
	queries := textQueries(t, n, name, "one")
	nameless := "{ Get { " + name + "(nearVector: {vector: " + vectorText(t, own(1)) + "}) { text } } }"
	refused := post(t, n, nameless).messages()
	require.NotEmpty(t, refused)

	r := reported(t, n, "", append([]string{"--collection", name, "--rate", "500"}, one...)...)
	require.Contains(t, r.Plan.Queries, "as they had to before")
	require.Equal(t, "queries have to name a vector", r.Verification.Default)
	after := all(t, n, name, "")
	unchanged(t, objects, after)
	requireVectors(t, n, name, "", after)
	require.Equal(t, queries, textQueries(t, n, name, "one"))
	require.Equal(t, refused, post(t, n, nameless).messages())
	found := get(t, n, name, "nearVector: {vector: "+vectorText(t, own(7))+", targetVectors: [\"two\"]} limit: 1", "text _additional { id }")
	require.Equal(t, idAt(7), found[0].Additional.ID)
}

// Where users bring the vectors, and on a node that may not drop any: the way
// back says what it takes, and nothing is lost by asking for it.
func TestAdoptWithoutTheSwitch(t *testing.T) {
	n := shared(t)
	name := uniqueName(t)
	create(t, n, adoptee(name, nil))
	paged(t, n, name, "", pages(inPlacePages), "")
	objects, queries := all(t, n, name, ""), oldQueries(t, n, name, own(7))
	well(t, n, "", append([]string{"--collection", name}, one...)...)
	badly(t, n, "", []string{"--collection", name, "--undo"}, adoption.DropSwitch+"=true", "run this again")
	after := all(t, n, name, "")
	unchanged(t, objects, after)
	requireVectors(t, n, name, "", after)
	require.Equal(t, queries, oldQueries(t, n, name, own(7)))
	well(t, n, "", append([]string{"--collection", name, "--verify"}, one...)...)
	s := tool(t, n, "", "check", "--collection", name)
	require.Zero(t, s.code, s.err)
	require.Contains(t, s.out, "What to do: ask")
}

// adoptEqualsStart compares what a search finds in an adopted collection and in
// one that text2vec-latent embedded from the start, with Weaviate's defaults: the
// name of the collection, which only the latter's texts begin with, is the same
// for all of them.
func adoptEqualsStart(t *testing.T, n *node) {
	name := uniqueName(t)
	list := passages(t)
	create(t, n, schemaOf(name+"Start", client.Vectorizer))
	load(t, n, name+"Start", "", list)
	create(t, n, schemaOf(name, transformers))
	load(t, n, name, "", list)
	well(t, n, "", append([]string{"--collection", name}, one...)...)

	const depth = 5
	shared, total := 0, 0
	firsts, asked := 0, questions(t, 30)
	for _, q := range asked {
		find := func(collection, targets string) []string {
			var titles []string
			for _, o := range get(t, n, collection, "nearText: {concepts: ["+quoted(q)+"]"+targets+"} limit: 5", "title text") {
				titles = append(titles, o.Title+o.Text)
			}
			require.Len(t, titles, depth)
			return titles
		}
		start, adopted := find(name+"Start", ""), find(name, ` targetVectors: ["latent"]`)
		for _, title := range adopted {
			total++
			if slices.Contains(start, title) {
				shared++
			}
		}
		if start[0] == adopted[0] {
			firsts++
		}
	}
	t.Logf("of the first %d objects of %d questions %d of %d are the same, the first of %d", depth, len(asked), shared, total, firsts)
	require.Greater(t, float64(shared)/float64(total), 0.85)
	require.Greater(t, float64(firsts)/float64(len(asked)), 0.85)
}

// quoted is a text as GraphQL writes it.
func quoted(text string) string {
	data, _ := json.Marshal(text)
	return string(data)
}
