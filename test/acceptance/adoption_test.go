package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// rest sends one request and returns its status and body; the status is 0 where
// there was no answer.
func rest(url, key, method, path string, body any) (int, []byte) {
	var data []byte
	if body != nil {
		data, _ = json.Marshal(body)
	}
	request, err := http.NewRequest(method, url+"/v1"+path, bytes.NewReader(data))
	if err != nil {
		return 0, nil
	}
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil
	}
	defer response.Body.Close()
	out, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil
	}
	return response.StatusCode, out
}

// adoptee is a collection whose vectors are brought along: an unnamed one, or
// those of the configurations given.
func adoptee(name string, vectors map[string]models.VectorConfig) *models.Class {
	class := &models.Class{
		Class: name,
		Properties: []*models.Property{
			{Name: "text", DataType: []string{"text"}},
			{Name: "seen", DataType: []string{"date"}},
			{Name: "n", DataType: []string{"int"}},
		},
		VectorConfig: vectors,
	}
	if vectors == nil {
		class.Vectorizer, class.VectorIndexType = "none", "hnsw"
	}
	return class
}

// latent is the configuration of the vector that is added: of the text alone, so
// that collections of different names have equal vectors, and an object without
// text has none.
func latent() models.VectorConfig {
	return vectorConfig(client.Vectorizer, map[string]any{"vectorizeClassName": false, "properties": []string{"text"}})
}

// addLatent adds the vector to a collection that is there.
func addLatent(t testing.TB, n *node, key, name string) {
	t.Helper()
	status, body := rest(n.url, key, "GET", "/schema/"+name, nil)
	require.Equal(t, 200, status, "%s", body)
	var class map[string]any
	require.NoError(t, json.Unmarshal(body, &class))
	vectors, _ := class["vectorConfig"].(map[string]any)
	if vectors == nil {
		vectors = map[string]any{}
	}
	vectors["latent"] = latent()
	class["vectorConfig"] = vectors
	status, body = rest(n.url, key, "PUT", "/schema/"+name, class)
	require.Equal(t, 200, status, "%s", body)
}

// adopt starts a job.
func adopt(t testing.TB, n *node, name string, rate int) {
	t.Helper()
	status, body := rest(n.url, "", "POST", "/modules/qna-latent/adoptions",
		map[string]any{"collection": name, "vector": "latent", "rate": rate})
	require.Contains(t, []int{200, 202}, status, "%s", body)
}

// job is how far a job is.
func job(t testing.TB, n *node, name string) *client.Adoption {
	t.Helper()
	status, body := rest(n.url, "", "GET", "/modules/qna-latent/adoptions/"+name+"/latent", nil)
	require.Equal(t, 200, status, "%s", body)
	var j client.Adoption
	require.NoError(t, json.Unmarshal(body, &j))
	return &j
}

// finished waits for a job's end.
func finished(t testing.TB, n *node, name string) *client.Adoption {
	t.Helper()
	var j *client.Adoption
	require.Eventually(t, func() bool {
		j = job(t, n, name)
		return j.State != client.AdoptionRunning
	}, 5*time.Minute, 200*time.Millisecond)
	require.Equal(t, client.AdoptionFinished, j.State, j.Error)
	return j
}

// stored is an object as it is read.
type stored struct {
	ID                 string               `json:"id"`
	Properties         map[string]any       `json:"properties"`
	Vector             []float32            `json:"vector"`
	Vectors            map[string][]float32 `json:"vectors"`
	LastUpdateTimeUnix int64                `json:"lastUpdateTimeUnix"`
}

func (s stored) text() string {
	text, _ := s.Properties["text"].(string)
	return text
}

// all are a collection's, or tenant's, objects by id.
func all(t testing.TB, n *node, name, tenant string) map[string]stored {
	t.Helper()
	objects := map[string]stored{}
	for after := ""; ; {
		path := "/objects?limit=200&include=vector&class=" + name + "&after=" + after
		if tenant != "" {
			path += "&tenant=" + tenant
		}
		status, body := rest(n.url, "", "GET", path, nil)
		require.Equal(t, 200, status, "%s", body)
		var page struct{ Objects []stored }
		require.NoError(t, json.Unmarshal(body, &page))
		if len(page.Objects) == 0 {
			return objects
		}
		for _, o := range page.Objects {
			objects[o.ID] = o
			after = o.ID
		}
	}
}

// written is an object as it is written.
func written(name, tenant, id, text string, vectors map[string][]float32) map[string]any {
	properties := map[string]any{"seen": "2024-05-06T07:08:09Z", "n": len(text)}
	if text != "" {
		properties["text"] = text
	}
	o := map[string]any{"class": name, "id": id, "properties": properties}
	if v, ok := vectors[""]; ok {
		o["vector"] = v
	} else if vectors != nil {
		o["vectors"] = vectors
	}
	if tenant != "" {
		o["tenant"] = tenant
	}
	return o
}

func idAt(i int) string { return uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "%d", i)).String() }

// own is a vector of four dimensions that tells objects apart.
func own(i int) []float32 {
	rng := rand.New(rand.NewPCG(uint64(i), 3))
	return []float32{rng.Float32() + 0.1, rng.Float32(), rng.Float32(), rng.Float32()}
}

// store writes objects in batches.
func store(t testing.TB, n *node, objects []map[string]any) {
	t.Helper()
	for chunk := range slices.Chunk(objects, 100) {
		status, body := rest(n.url, "", "POST", "/batch/objects", map[string]any{"objects": chunk})
		require.Equal(t, 200, status, "%s", body)
		require.NotContains(t, string(body), `"FAILED"`)
	}
}

// imports tells collections of embeddedTexts apart.
var imports atomic.Int64

// embeddedTexts are the vectors that an import into a collection of
// text2vec-latent gives texts.
func embeddedTexts(t testing.TB, n *node, texts []string) map[string][]float32 {
	t.Helper()
	name := fmt.Sprintf("%sImported%d", uniqueName(t), imports.Add(1))
	create(t, n, adoptee(name, map[string]models.VectorConfig{"latent": latent()}))
	slices.Sort(texts)
	texts = slices.Compact(texts)
	var objects []map[string]any
	for i, text := range texts {
		objects = append(objects, written(name, "", idAt(i), text, nil))
	}
	store(t, n, objects)
	vectors := map[string][]float32{}
	for _, o := range all(t, n, name, "") {
		vectors[o.text()] = o.Vectors["latent"]
	}
	return vectors
}

// requireVectors asserts that each object's new vector is that of its text, and
// that its index finds it.
func requireVectors(t testing.TB, n *node, name, tenant string, objects map[string]stored) {
	t.Helper()
	var texts []string
	for _, o := range objects {
		if o.text() != "" {
			texts = append(texts, o.text())
		}
	}
	want := embeddedTexts(t, n, texts)
	wrong, missing := 0, 0
	for id, o := range objects {
		if o.text() == "" {
			require.Empty(t, o.Vectors["latent"], id)
			continue
		}
		if len(o.Vectors["latent"]) == 0 {
			missing++
		} else if cosine(o.Vectors["latent"], want[o.text()]) < 0.9999 {
			wrong++
		}
	}
	require.Zero(t, missing, "objects of %d without the vector", len(objects))
	require.Zero(t, wrong, "objects of %d whose vector is not of their text", len(objects))

	ids := slices.Sorted(maps.Keys(objects))
	for i := 0; i < len(ids); i += 1 + len(ids)/40 {
		o := objects[ids[i]]
		if o.text() == "" {
			continue
		}
		found := nearest(t, n, name, tenant, "latent", o.Vectors["latent"], 1)[0]
		if o.text() != found.text() {
			everything := nearest(t, n, name, tenant, "latent", o.Vectors["latent"], len(objects))
			at := slices.IndexFunc(everything, func(s stored) bool { return s.ID == o.ID })
			require.Equal(t, o.text(), found.text(), "the nearest to the vector of %s, which is found at place %d of %d of %d objects",
				o.ID, at, len(everything), len(objects))
		}
	}
}

// nearest are the objects nearest to a vector, in order.
func nearest(t testing.TB, n *node, name, tenant, target string, vector []float32, limit int) []stored {
	t.Helper()
	arguments := fmt.Sprintf("nearVector: {vector: %s, targetVectors: [%q]} limit: %d", vectorText(t, vector), target, limit)
	if tenant != "" {
		arguments += fmt.Sprintf(" tenant: %q", tenant)
	}
	status, body := rest(n.url, "", "POST", "/graphql",
		map[string]any{"query": "{ Get { " + name + "(" + arguments + ") { text _additional { id } } } }"})
	require.Equal(t, 200, status)
	var reply struct {
		Data struct {
			Get map[string][]struct {
				Text       string
				Additional struct{ ID string } `json:"_additional"`
			}
		}
	}
	require.NoError(t, json.Unmarshal(body, &reply), "%s", body)
	var found []stored
	for _, hit := range reply.Data.Get[name] {
		found = append(found, stored{ID: hit.Additional.ID, Properties: map[string]any{"text": hit.Text}})
	}
	require.NotEmpty(t, found, "%s", body)
	return found
}

// A collection with an unnamed vector is filled beside it, and nothing else of
// its objects changes.
func TestAdoptionBesideAnUnnamedVector(t *testing.T) {
	n := shared(t)
	name := uniqueName(t)
	create(t, n, adoptee(name, nil))
	var objects []map[string]any
	for i := range 150 {
		text := fmt.Sprintf("Page %d is about the town of %s.", i, code(i))
		if i%10 == 0 {
			text = ""
		}
		objects = append(objects, written(name, "", idAt(i), text, map[string][]float32{"": own(i)}))
	}
	objects[1]["properties"].(map[string]any)["text"] = strings.Repeat("A long page of many words. ", 200)
	store(t, n, objects)
	before := all(t, n, name, "")
	addLatent(t, n, "", name)
	adopt(t, n, name, 0)
	j := finished(t, n, name)
	sum := j.Total
	require.Equal(t, client.AdoptionCounts{Objects: 150, Filled: 135, WithoutText: 15, Cut: 1}, sum)
	require.Equal(t, []int{150, 150}, []int{j.Objects, j.Done})

	after := all(t, n, name, "")
	requireVectors(t, n, name, "", after)
	for id, o := range after {
		require.Equal(t, before[id].LastUpdateTimeUnix, o.LastUpdateTimeUnix, "update time of %s", id)
		require.Equal(t, before[id].Vector, o.Vector)
		require.Equal(t, before[id].Properties, o.Properties)
	}
	// The old queries go on, and a question finds its own vector.
	found := get(t, n, name, "nearVector: {vector: "+vectorText(t, own(7))+"} limit: 1", "_additional { id }")
	require.Equal(t, idAt(7), found[0].Additional.ID)
	require.NotEmpty(t, ask{collection: name, fields: "text", question: "What is page 7 about?", argument: "maxHops: 1, search: VECTOR"}.send(t, n))

	// Again: nothing is left to do.
	adopt(t, n, name, 0)
	again := finished(t, n, name).Total
	require.Equal(t, client.AdoptionCounts{Objects: 150, Present: 135, WithoutText: 15}, again)
}

// Tenants are filled one after the other; one that was inactive is activated for
// that and put back.
func TestAdoptionOfTenants(t *testing.T) {
	n := shared(t)
	ctx := context.Background()
	name := uniqueName(t)
	class := adoptee(name, nil)
	class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
	create(t, n, class)
	tenants := []models.Tenant{{Name: "acme"}, {Name: "globex"}, {Name: "initech"}}
	require.NoError(t, n.client.Weaviate().Schema().TenantsCreator().WithClassName(name).WithTenants(tenants...).Do(ctx))
	for k, tenant := range tenants {
		var objects []map[string]any
		for i := range 30 {
			objects = append(objects, written(name, tenant.Name, idAt(i), fmt.Sprintf("Page %d of %s, %s.", i, tenant.Name, code(i+k)), map[string][]float32{"": own(i)}))
		}
		store(t, n, objects)
	}
	set := func(tenant, status string) {
		require.NoError(t, n.client.Weaviate().Schema().TenantsUpdater().WithClassName(name).
			WithTenants(models.Tenant{Name: tenant, ActivityStatus: status}).Do(ctx))
	}
	set("globex", models.TenantActivityStatusINACTIVE)
	addLatent(t, n, "", name)
	adopt(t, n, name, 0)
	j := finished(t, n, name)
	require.Equal(t, 90, j.Total.Filled)
	require.Len(t, j.Shards, 3)

	list, err := n.client.Weaviate().Schema().TenantsGetter().WithClassName(name).Do(ctx)
	require.NoError(t, err)
	for _, tenant := range list {
		inactive := tenant.ActivityStatus == models.TenantActivityStatusINACTIVE || tenant.ActivityStatus == models.TenantActivityStatusCOLD
		require.Equal(t, tenant.Name == "globex", inactive, "%s is %s", tenant.Name, tenant.ActivityStatus)
	}
	set("globex", models.TenantActivityStatusACTIVE)
	for _, tenant := range tenants {
		objects := all(t, n, name, tenant.Name)
		require.Len(t, objects, 30)
		requireVectors(t, n, name, tenant.Name, objects)
	}
}
