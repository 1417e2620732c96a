package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"
)

// passagesOfAll are the passages of a collection by their objects' ids.
func passagesOfAll(t testing.TB, n *node, name string) map[string][]stored {
	t.Helper()
	byObject := map[string][]stored{}
	for _, p := range all(t, n, name, "") {
		of := p.Properties["object"].(string)
		byObject[of] = append(byObject[of], p)
	}
	return byObject
}

// Passages of long texts stand at the characters that they name, refer to their
// object, and are written again only where a text changed.
func adoptChunk(t *testing.T, n *node) {
	name := uniqueName(t)
	into := name + "Passages"
	class := adoptee(name, nil)
	class.Properties = append(class.Properties,
		&models.Property{Name: "title", DataType: []string{"text"}}, &models.Property{Name: "notes", DataType: []string{"text[]"}})
	create(t, n, class)
	t.Cleanup(func() { _ = n.client.DeleteCollection(context.Background(), into) })
	// Sentences of characters of one to four bytes.
	long := func(i, sentences int) string {
		var b strings.Builder
		for k := range sentences {
			fmt.Fprintf(&b, "Das Ærø-Museum №%d verwahrt %s 𝄞 unter „Größe %d“ – die dritte Übersicht in Ordnung, sagt 李 dem Boten.  ", i, code(i), k)
		}
		return b.String()
	}
	var objects []map[string]any
	for i := range 14 {
		properties := map[string]any{"title": "Mappe " + code(i), "text": long(i, 1+2*(i%7)), "n": i}
		switch i {
		case 5:
			properties["notes"] = []string{"Eine 𝄞 Notiz.", long(100, 6)}
		case 6:
			properties = map[string]any{"n": i}
		}
		objects = append(objects, map[string]any{"class": name, "id": idAt(i), "properties": properties, "vector": own(i)})
	}
	store(t, n, objects)
	schema, originals := schemaText(t, n, name), all(t, n, name, "")

	chunking := append([]string{"--collection", name, "--chunk"}, one...)
	plan := reported(t, n, "", append(chunking, "--dry-run")...).Plan
	require.Greater(t, plan.Cost.Passages, 14)
	require.Positive(t, plan.Cost.PerSecond)
	noCollection(t, n, into)

	r := reported(t, n, "", chunking...)
	require.Empty(t, r.Verification.Problems)
	require.Equal(t, 14, r.Outcome.Objects)
	byObject := passagesOfAll(t, n, into)
	require.Len(t, byObject, 13, "an object without text has none")
	require.Equal(t, plan.Cost.Passages, r.Outcome.Written, "the sample was of all objects")
	require.Greater(t, len(byObject[idAt(5)]), 4)
	for id, list := range byObject {
		original := originals[id].Properties
		for _, p := range list {
			value := original[p.Properties["property"].(string)]
			if texts, ok := value.([]any); ok {
				value = texts[int(p.Properties["index"].(float64))]
			}
			characters := []rune(value.(string))
			require.Equal(t, p.text(), string(characters[int(p.Properties["start"].(float64)):int(p.Properties["end"].(float64))]))
			require.Equal(t, original["title"], p.Properties["title"])
			require.EqualValues(t, len(list), p.Properties["parts"])
			reference := p.Properties["of"].([]any)[0].(map[string]any)["beacon"].(string)
			require.Equal(t, beacon+name+"/"+id, reference)
			require.Len(t, p.Vector, 384)
		}
	}

	// An answer cites the object through the reference.
	question := ask{
		collection: into, question: "Was verwahrt das Museum unter " + code(5) + "?", argument: "maxHops: 1",
		fields: "object of { ... on " + name + " { title _additional { id } } }",
	}
	status, body := rest(n.url, "", "POST", "/graphql", map[string]any{"query": question.query()})
	require.Equal(t, 200, status)
	require.NotContains(t, string(body), `"errors"`)
	cited := decodeCited(t, body, into)
	require.NotEmpty(t, cited)
	for object, of := range cited {
		require.Equal(t, object, of)
		require.Contains(t, originals, object)
	}

	again := reported(t, n, "", chunking...).Outcome
	require.Equal(t, []int{0, 0}, []int{again.Written, again.Deleted})
	requireSameObjects(t, byObject, passagesOfAll(t, n, into)) // nothing is written again

	// Of a text that grew shorter its passages go, of one that is gone all do, and
	// the others stay untouched.
	status, body = rest(n.url, "", "PUT", "/objects/"+name+"/"+idAt(3), map[string]any{
		"class": name, "id": idAt(3), "vector": own(3), "properties": map[string]any{"title": "Mappe neu", "text": "Nur noch ein Satz."},
	})
	require.Equal(t, 200, status, "%s", body)
	status, body = rest(n.url, "", "DELETE", "/objects/"+name+"/"+idAt(5), nil)
	require.Equal(t, 204, status, "%s", body)
	verify := append([]string{"--sample", "100", "--verify"}, chunking...)
	badly(t, n, "", verify, "object "+idAt(3)+": 1 of its passages lack or are not those of its text")
	later := reported(t, n, "", chunking...)
	require.Equal(t, 1, later.Outcome.Written)
	require.Equal(t, len(byObject[idAt(3)])-1+len(byObject[idAt(5)]), later.Outcome.Deleted)
	require.Empty(t, later.Verification.Problems)
	now := passagesOfAll(t, n, into)
	require.Equal(t, "Nur noch ein Satz.", now[idAt(3)][0].text())
	delete(byObject, idAt(3))
	delete(byObject, idAt(5))
	delete(now, idAt(3))
	requireSameObjects(t, byObject, now)
	well(t, n, "", verify...)

	require.Contains(t, well(t, n, "", "--collection", name, "--chunk", "--undo"), "collection "+into+" is deleted")
	noCollection(t, n, into)
	require.Equal(t, schema, schemaText(t, n, name))
}

// requireSameObjects compares lists whose order does not matter.
func requireSameObjects(t testing.TB, before, after map[string][]stored) {
	t.Helper()
	byID := func(lists map[string][]stored) map[string]stored {
		out := map[string]stored{}
		for list := range maps.Values(lists) {
			for _, o := range list {
				out[o.ID] = o
			}
		}
		return out
	}
	require.Equal(t, byID(before), byID(after))
}

// decodeCited are the ids that passages of an answer name, each with that of the
// object that they refer to.
func decodeCited(t testing.TB, body []byte, collection string) map[string]string {
	t.Helper()
	var reply struct {
		Data struct {
			Get map[string][]struct {
				Object string
				Of     []struct {
					Additional struct{ ID string } `json:"_additional"`
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(body, &reply), "%s", body)
	cited := map[string]string{}
	for _, p := range reply.Data.Get[collection] {
		require.Len(t, p.Of, 1, "%s", body)
		cited[p.Object] = p.Of[0].Additional.ID
	}
	return cited
}
