package acceptance

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	adoption "github.com/latentask/latentask/internal/adopt"
)

const beacon = "weaviate://localhost/"

// withoutReferences are an object's properties without those that refer to
// others, and the beacons of those.
func withoutReferences(o stored) (map[string]any, map[string][]string) {
	plain, references := map[string]any{}, map[string][]string{}
	for name, value := range o.Properties {
		list, ok := value.([]any)
		if !ok {
			plain[name] = value
			continue
		}
		for _, v := range list {
			references[name] = append(references[name], v.(map[string]any)["beacon"].(string))
		}
	}
	return plain, references
}

// requireCopy asserts that a collection is the copy of another: ids, properties,
// vectors, and references, of which those into the collection point into the
// copy.
func requireCopy(t testing.TB, n *node, name, into, tenant string) {
	t.Helper()
	originals, copies := all(t, n, name, tenant), all(t, n, into, tenant)
	require.Len(t, copies, len(originals))
	for id, o := range originals {
		plain, references := withoutReferences(o)
		copied, have := withoutReferences(copies[id])
		require.Equal(t, plain, copied, id)
		for property, beacons := range references {
			for i := range beacons {
				beacons[i] = strings.Replace(beacons[i], beacon+name+"/", beacon+into+"/", 1)
			}
			require.ElementsMatch(t, beacons, have[property], "%s of %s", property, id)
		}
		require.Len(t, have, len(references), id)
		require.Equal(t, o.Vector, copies[id].Vector, id)
		for vector, value := range o.Vectors {
			require.Equal(t, value, copies[id].Vectors[vector], "%s of %s", vector, id)
		}
	}
	requireVectors(t, n, into, tenant, copies)
}

// refer adds references, each from an object's property to an object.
func refer(t testing.TB, n *node, links [][2]string) {
	t.Helper()
	var list []map[string]any
	for _, link := range links {
		list = append(list, map[string]any{"from": beacon + link[0], "to": beacon + link[1]})
	}
	status, body := rest(n.url, "", "POST", "/batch/references", list)
	require.Equal(t, 200, status, "%s", body)
	require.NotContains(t, string(body), `"FAILED"`)
}

// A copy keeps ids, properties, vectors and references, leaves the original as
// it is, and is brought up to date by the same command.
func adoptInto(t *testing.T, n *node) {
	name := uniqueName(t)
	authors, into := name+"Author", name+"Copy"
	create(t, n, adoptee(authors, nil))
	class := adoptee(name, map[string]models.VectorConfig{"own": vectorConfig("none", nil)})
	class.Properties = append(class.Properties,
		&models.Property{Name: "next", DataType: []string{name}}, &models.Property{Name: "by", DataType: []string{authors}})
	create(t, n, class)
	t.Cleanup(func() { _ = n.client.DeleteCollection(context.Background(), into) })
	texts := pages(30)
	texts[4] = ""
	paged(t, n, authors, "", []string{"Ann Ames wrote it.", "Bo Berg wrote it."}, "")
	paged(t, n, name, "", texts, "own")
	var links [][2]string
	for i := range texts {
		links = append(links,
			[2]string{name + "/" + idAt(i) + "/next", name + "/" + idAt((i+1)%len(texts))},
			[2]string{name + "/" + idAt(i) + "/by", authors + "/" + idAt(i%2)})
	}
	links = append(links, [2]string{name + "/" + idAt(9) + "/next", name + "/" + idAt(9)})
	refer(t, n, links)
	schema, objects := schemaText(t, n, name), all(t, n, name, "")

	copying := append([]string{"--collection", name, "--into", into}, one...)
	plan := well(t, n, "", append(copying, "--dry-run")...)
	require.Contains(t, plan, name+" is copied into "+into)
	require.Contains(t, plan, "the node embeds")
	noCollection(t, n, into)

	r := reported(t, n, "", copying...)
	require.Equal(t, []int{30, 0, 0}, []int{r.Outcome.Objects, r.Outcome.Deleted, r.Outcome.Dangling})
	require.Empty(t, r.Verification.Problems)
	requireCopy(t, n, name, into, "")
	require.Equal(t, objects, all(t, n, name, ""), "the original stays as it is")
	require.Equal(t, schema, schemaText(t, n, name))
	copies := all(t, n, into, "")

	// Again: nothing is written.
	again := reported(t, n, "", copying...).Outcome
	require.Equal(t, adoption.Outcome{Objects: 30, Passes: 1}, *again)
	require.Equal(t, copies, all(t, n, into, ""))

	// What was written meanwhile is seen by --verify, and brought over by the
	// next run.
	status, body := rest(n.url, "", "PUT", "/objects/"+name+"/"+idAt(1), written(name, "", idAt(1), "Page one was written anew.", map[string][]float32{"own": own(1)}))
	require.Equal(t, 200, status, "%s", body)
	status, body = rest(n.url, "", "POST", "/objects", written(name, "", idAt(77), "Page 77 came later.", map[string][]float32{"own": own(77)}))
	require.Equal(t, 200, status, "%s", body)
	status, body = rest(n.url, "", "DELETE", "/objects/"+name+"/"+idAt(2), nil)
	require.Equal(t, 204, status, "%s", body)
	status, body = rest(n.url, "", "DELETE", "/objects/"+name+"/"+idAt(9)+"/references/next",
		map[string]any{"beacon": beacon + name + "/" + idAt(9)})
	require.Equal(t, 204, status, "%s", body)
	verify := append([]string{"--sample", "100", "--verify"}, copying...)
	badly(t, n, "", verify, "object "+idAt(1)+" has another text in "+into, "object "+idAt(77)+" is not in "+into)
	later := reported(t, n, "", copying...)
	require.Equal(t, []int{30, 1}, []int{later.Outcome.Objects, later.Outcome.Deleted})
	require.Less(t, later.Outcome.Written, 12, "only what changed is written")
	require.Empty(t, later.Verification.Problems)
	requireCopy(t, n, name, into, "")
	well(t, n, "", verify...)

	badly(t, n, "", []string{"--collection", name, "--into", authors}, "the name is taken", authors)
	badly(t, n, "", []string{"--collection", name, "--into", authors, "--undo"}, "made by something else")
	objects = all(t, n, name, "")
	require.Contains(t, well(t, n, "", "--collection", name, "--into", into, "--undo"), "collection "+into+" is deleted")
	noCollection(t, n, into)
	require.Equal(t, objects, all(t, n, name, ""))
	require.Len(t, all(t, n, authors, ""), 2)
}
