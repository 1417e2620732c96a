package acceptance

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"
	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/latentask/latentask/internal/client"
)

// oldQueries asks a collection in every way that names no vector, and returns
// what each found.
func oldQueries(t testing.TB, n *node, name string, vector []float32) map[string]string {
	t.Helper()
	v := vectorText(t, vector)
	results := map[string]string{}
	for kind, arguments := range map[string]string{
		"nearVector":         "nearVector: {vector: " + v + "} limit: 3",
		"nearVector, cosine": "nearVector: {vector: " + v + ", certainty: 0.6} limit: 3",
		"nearObject":         fmt.Sprintf("nearObject: {id: %q} limit: 3", idAt(4)),
		"hybrid":             `hybrid: {query: "page", vector: ` + v + `, alpha: 0.5} limit: 3`,
	} {
		status, body := rest(n.url, "", "POST", "/graphql", map[string]any{"query": "{ Get { " + name + "(" + arguments + ") { text _additional { id certainty distance } } } }"})
		require.Equal(t, 200, status)
		require.NotContains(t, string(body), `"errors"`, kind)
		results["GraphQL "+kind] = string(body)
	}
	status, body := rest(n.url, "", "POST", "/graphql", map[string]any{
		"query": "{ Aggregate { " + name + "(nearVector: {vector: " + v + "} objectLimit: 5) { meta { count } } } }",
	})
	require.Equal(t, 200, status)
	require.NotContains(t, string(body), `"errors"`)
	results["GraphQL aggregate"] = string(body)

	connection, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", n.Ports().GRPC), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	weaviate := pb.NewWeaviateClient(connection)
	packed := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(x))
	}
	half := float32(0.5)
	vectors := []*pb.Vectors{{VectorBytes: packed, Type: pb.Vectors_VECTOR_TYPE_SINGLE_FP32}}
	for kind, request := range map[string]*pb.SearchRequest{
		"nearVector": {NearVector: &pb.NearVector{Vectors: vectors}},
		"nearObject": {NearObject: &pb.NearObject{Id: idAt(4)}},
		"hybrid":     {HybridSearch: &pb.Hybrid{Query: "page", Vectors: vectors, UseAlphaParam: true, AlphaParam: &half}},
	} {
		request.Collection, request.Limit, request.Uses_127Api = name, 3, true
		request.Metadata = &pb.MetadataRequest{Uuid: true, Distance: true, Certainty: true}
		reply, err := weaviate.Search(ctx, request)
		require.NoError(t, err, kind)
		found := ""
		for _, r := range reply.Results {
			found += fmt.Sprintln(r.Metadata.Id, r.Metadata.Distance, r.Metadata.Certainty)
		}
		results["gRPC "+kind] = found
	}
	five := uint32(5)
	reply, err := weaviate.Aggregate(ctx, &pb.AggregateRequest{
		Collection: name, ObjectsCount: true, ObjectLimit: &five,
		Search: &pb.AggregateRequest_NearVector{NearVector: &pb.NearVector{Vectors: vectors}},
	})
	require.NoError(t, err)
	results["gRPC aggregate"] = fmt.Sprint(reply.GetSingleResult().GetObjectsCount())
	return results
}

// A collection with one named vector is asked as before when it has a second one
// of text2vec-latent: by every query that names no vector, and by writers who
// send one vector alone.
func TestAdoptionBesideASingleNamedVector(t *testing.T) {
	n := shared(t)
	name := uniqueName(t)
	create(t, n, adoptee(name, map[string]models.VectorConfig{"own": vectorConfig("none", nil)}))
	var objects []map[string]any
	for i := range 40 {
		objects = append(objects, written(name, "", idAt(i), fmt.Sprintf("Page %d is about %s.", i, code(i)), map[string][]float32{"own": own(i)}))
	}
	store(t, n, objects)
	before := oldQueries(t, n, name, own(7))

	addLatent(t, n, "", name)
	require.Equal(t, before, oldQueries(t, n, name, own(7)), "before anything is filled")
	adopt(t, n, name, 0)
	require.Equal(t, 40, finished(t, n, name).Total.Filled)
	require.Equal(t, before, oldQueries(t, n, name, own(7)), "after")

	// A writer of one vector means the old one, and has the new one made.
	status, body := rest(n.url, "", "POST", "/objects", written(name, "", idAt(99), "Page 99 was written later.", map[string][]float32{"": own(99)}))
	require.Equal(t, 200, status, "%s", body)
	after := all(t, n, name, "")
	require.Equal(t, own(99), after[idAt(99)].Vectors["own"])
	requireVectors(t, n, name, "", after)

	// A question takes the vector that it can search.
	ask{collection: name, fields: "text", question: "What is page 7 about?", argument: "maxHops: 1, search: VECTOR"}.send(t, n)
	ask{collection: name, fields: "text", question: "What is page 7 about?", argument: `targetVectors: ["own"]`}.refused(t, n, "own")
}

// With several vectors of others there is no default, and never was; a question
// takes the one of text2vec-latent, and of two of those it must name one.
func TestAdoptionBesideSeveralNamedVectors(t *testing.T) {
	n := shared(t)
	name := uniqueName(t)
	create(t, n, adoptee(name, map[string]models.VectorConfig{
		"one": vectorConfig("none", nil), "two": vectorConfig("none", nil),
	}))
	var objects []map[string]any
	for i := range 20 {
		objects = append(objects, written(name, "", idAt(i), fmt.Sprintf("Page %d is about %s.", i, code(i)),
			map[string][]float32{"one": own(i), "two": own(i + 100)}))
	}
	store(t, n, objects)
	addLatent(t, n, "", name)
	adopt(t, n, name, 0)
	finished(t, n, name)
	requireVectors(t, n, name, "", all(t, n, name, ""))
	require.Contains(t, post(t, n, "{ Get { "+name+"(nearVector: {vector: "+vectorText(t, own(1))+"}) { text } } }").messages(), "specify target vector")
	question := ask{collection: name, fields: "text", question: "What is page 7 about?", argument: "maxHops: 1, search: VECTOR"}
	question.send(t, n)

	status, body := rest(n.url, "", "GET", "/schema/"+name, nil)
	require.Equal(t, 200, status)
	var class map[string]any
	require.NoError(t, json.Unmarshal(body, &class))
	class["vectorConfig"].(map[string]any)["latent2"] = latent()
	status, body = rest(n.url, "", "PUT", "/schema/"+name, class)
	require.Equal(t, 200, status, "%s", body)
	question.refused(t, n, `"latent", "latent2"`)
}

// keys are those of TestAdoptionNeedsRights.
const (
	adminKey, writerKey, readerKey, nobodyKey = "admin-key", "writer-key", "reader-key", "nobody-key"
)

// A job needs the rights that a batch import would need, names the one that is
// missing, and is not seen by those who may not see the collection. One that was
// started by somebody who has lost his rights does not go on after a restart.
func TestAdoptionNeedsRights(t *testing.T) {
	s := setup{dir: t.TempDir(), env: map[string]string{
		"AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
		"AUTHENTICATION_APIKEY_ENABLED":           "true",
		"AUTHENTICATION_APIKEY_ALLOWED_KEYS":      adminKey + "," + writerKey + "," + readerKey + "," + nobodyKey,
		"AUTHENTICATION_APIKEY_USERS":             "admin,writer,reader,nobody",
		"AUTHORIZATION_RBAC_ENABLED":              "true",
		"AUTHORIZATION_RBAC_ROOT_USERS":           "admin",
	}}
	n, err := launch(t, s)
	require.NoError(t, err)
	defer func() {
		if t.Failed() {
			t.Logf("the node's log ends with:\n%s", logTail(n.LogFile()))
		}
		_ = n.Stop()
	}()
	name := uniqueName(t)
	do := func(key, method, path string, body any, want int) []byte {
		t.Helper()
		status, answer := rest(n.url, key, method, path, body)
		require.Equal(t, want, status, "%s %s as %q: %s", method, path, key, answer)
		return answer
	}
	do(adminKey, "POST", "/schema", adoptee(name, nil), 200)
	read := map[string]any{"action": "read_collections", "collections": map[string]any{"collection": name}}
	update := map[string]any{"action": "update_data", "data": map[string]any{"collection": name}}
	do(adminKey, "POST", "/authz/roles", map[string]any{"name": "writer", "permissions": []any{read, update}}, 201)
	do(adminKey, "POST", "/authz/roles", map[string]any{"name": "reader", "permissions": []any{read}}, 201)
	do(adminKey, "POST", "/authz/users/writer/assign", map[string]any{"roles": []string{"writer"}, "userType": "db"}, 200)
	do(adminKey, "POST", "/authz/users/reader/assign", map[string]any{"roles": []string{"reader"}, "userType": "db"}, 200)

	var objects []any
	for i := range 200 {
		objects = append(objects, written(name, "", idAt(i), fmt.Sprintf("Page %d is about %s.", i, code(i)), map[string][]float32{"": own(i)}))
	}
	do(adminKey, "POST", "/batch/objects", map[string]any{"objects": objects}, 200)
	addLatent(t, n, adminKey, name)

	const path = "/modules/qna-latent/adoptions"
	request := map[string]any{"collection": name, "vector": "latent", "rate": 20}
	do("", "POST", path, request, 401)
	do("wrong", "POST", path, request, 401)
	do("", "GET", path, nil, 401)
	require.Contains(t, string(do(readerKey, "POST", path, request, 403)), "insufficient permissions to update_data [[Domain: data, Collection: "+name)
	do(nobodyKey, "POST", path, request, 403)
	do(writerKey, "POST", path, request, 202)
	require.NotContains(t, string(do(nobodyKey, "GET", path, nil, 200)), name)
	require.Contains(t, string(do(readerKey, "GET", path, nil, 200)), name)
	do(nobodyKey, "GET", path+"/"+name+"/latent", nil, 403)
	do(readerKey, "DELETE", path+"/"+name+"/latent", nil, 403)

	// The rights end while the node is down, as far as the job can tell.
	do(adminKey, "POST", "/authz/users/writer/revoke", map[string]any{"roles": []string{"writer"}, "userType": "db"}, 200)
	n.Kill()
	n, err = launch(t, s)
	require.NoError(t, err)
	var j client.Adoption
	require.Eventually(t, func() bool {
		_, body := rest(n.url, adminKey, "GET", path+"/"+name+"/latent", nil)
		return json.Unmarshal(body, &j) == nil && j.State == client.AdoptionFailed
	}, time.Minute, 200*time.Millisecond)
	require.Contains(t, j.Error, "writer")
	require.Contains(t, j.Error, "insufficient permissions")
	require.Less(t, j.Total.Filled, 200)

	// Somebody who may finishes it.
	do(adminKey, "POST", path, map[string]any{"collection": name, "vector": "latent"}, 202)
	require.Eventually(t, func() bool {
		_, body := rest(n.url, adminKey, "GET", path+"/"+name+"/latent", nil)
		return json.Unmarshal(body, &j) == nil && j.State == client.AdoptionFinished
	}, time.Minute, 200*time.Millisecond)
	require.Equal(t, 200, j.Total.Filled+j.Total.Present)
}
