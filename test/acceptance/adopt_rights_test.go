package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
)

// The command works with the rights of the key that it is given and no more. An
// error names the one that lacks; a job goes on after a restart only while its
// starter has them.
func TestAdoptUnderRights(t *testing.T) {
	const adopterKey = "adopter-key"
	s := setup{dir: t.TempDir(), env: map[string]string{
		"AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
		"AUTHENTICATION_APIKEY_ENABLED":           "true",
		"AUTHENTICATION_APIKEY_ALLOWED_KEYS":      adminKey + "," + adopterKey + "," + writerKey + "," + readerKey + "," + nobodyKey,
		"AUTHENTICATION_APIKEY_USERS":             "admin,adopter,writer,reader,nobody",
		"AUTHORIZATION_RBAC_ENABLED":              "true",
		"AUTHORIZATION_RBAC_ROOT_USERS":           "admin",
	}}
	n, err := launch(t, s)
	require.NoError(t, err)
	s.ports = n.Ports()
	defer func() {
		if t.Failed() {
			t.Logf("the node's log ends with:\n%s", logTail(n.LogFile()))
		}
		_ = n.Stop()
	}()
	name := uniqueName(t)
	do := func(method, path string, body any, want int) []byte {
		t.Helper()
		status, answer := rest(n.url, adminKey, method, path, body)
		require.Equal(t, want, status, "%s %s: %s", method, path, answer)
		return answer
	}
	do("POST", "/schema", adoptee(name, nil), 200)
	on := func(kind, action string) map[string]any {
		return map[string]any{"action": action, kind: map[string]any{"collection": name}}
	}
	// Counting and asking go through GraphQL, which wants the schema of all
	// collections.
	readAll := map[string]any{"action": "read_collections", "collections": map[string]any{"collection": "*"}}
	role := func(role, user string, permissions ...any) {
		t.Helper()
		do("POST", "/authz/roles", map[string]any{"name": role, "permissions": permissions}, 201)
		do("POST", "/authz/users/"+user+"/assign", map[string]any{"roles": []string{role}, "userType": "db"}, 200)
	}
	role("reads", "reader", readAll, on("data", "read_data"))
	role("writes", "writer", readAll, on("data", "read_data"), on("data", "update_data"))
	role("adopts", "adopter", readAll, on("data", "read_data"), on("collections", "update_collections"))
	role("fills", "adopter", on("data", "update_data"))

	var objects []any
	for i, text := range pages(200) {
		objects = append(objects, written(name, "", idAt(i), text, map[string][]float32{"": own(i)}))
	}
	do("POST", "/batch/objects", map[string]any{"objects": objects}, 200)
	schema := do("GET", "/schema/"+name, nil, 200)

	collection := []string{"--collection", name}
	refused := func(key string, says ...string) {
		t.Helper()
		badly(t, n, key, collection, says...)
		require.JSONEq(t, string(schema), string(do("GET", "/schema/"+name, nil, 200)), "a refusal changes nothing")
	}
	refused("", "--api-key")
	refused("wrong-key", "--api-key")
	refused(nobodyKey, "it needs the permission read_collections", "insufficient permissions")
	refused(readerKey, "it needs the permission update_collections on "+name, "insufficient permissions")
	refused(writerKey, "it needs the permission update_collections on "+name, "user 'writer'")
	require.Contains(t, well(t, n, readerKey, "--collection", name, "--dry-run"), ": the node embeds ")

	// check reads, and needs no more than that.
	checked := tool(t, n, readerKey, "check", "--collection", name)
	require.Zero(t, checked.code, checked.err)
	require.Contains(t, checked.out, "What to do: adopt in place")
	require.Contains(t, checked.out, "objects             200")
	require.NotZero(t, tool(t, n, nobodyKey, "check", "--collection", name).code)

	addLatent(t, n, adminKey, name)
	badly(t, n, readerKey, collection, "it needs the permission update_data on "+name, "user 'reader'")

	// The tool waits for a node that is away, and tells why the job did not go on.
	ctx, cancel := context.WithTimeout(context.Background(), toolTime)
	defer cancel()
	watching := command(ctx, t, n, adopterKey, "adopt", "--collection", name, "--rate", "15")
	var out, said bytes.Buffer
	watching.Stdout, watching.Stderr = &out, &said
	require.NoError(t, watching.Start())
	ended := make(chan error, 1)
	go func() { ended <- watching.Wait() }()
	filled := func() int {
		var j client.Adoption
		_, body := rest(n.url, adminKey, "GET", "/modules/qna-latent/adoptions/"+name+"/latent", nil)
		if json.Unmarshal(body, &j) != nil {
			return 0
		}
		return j.Total.Filled
	}
	require.Eventually(t, func() bool { return filled() > 0 }, time.Minute, 100*time.Millisecond)
	do("POST", "/authz/users/adopter/revoke", map[string]any{"roles": []string{"fills"}, "userType": "db"}, 200)
	n.Kill()
	n, err = launch(t, s)
	require.NoError(t, err)
	err = <-ended
	require.Error(t, err, "%s%s", &out, &said)
	require.Contains(t, said.String(), "the job failed after")
	require.Contains(t, said.String(), "the job's starter may not go on")
	require.Contains(t, said.String(), "user 'adopter' has insufficient permissions to update_data")
	require.Less(t, filled(), 200)

	// Who may goes on with it.
	do("POST", "/authz/users/adopter/assign", map[string]any{"roles": []string{"fills"}, "userType": "db"}, 200)
	done := well(t, n, adopterKey, append(collection, one...)...)
	require.Contains(t, done, "had the vector")
	require.Contains(t, done, "all is as it should be")
}
