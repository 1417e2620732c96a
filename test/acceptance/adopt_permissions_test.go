package acceptance

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	adoption "github.com/latentask/latentask/internal/adopt"
)

// permission is a right to do something with a collection.
type permission struct{ action, collection string }

// holder is a user who has some permissions.
type holder struct {
	t         *testing.T
	n         *node
	user, key string
	// roles hold one permission each.
	roles map[permission]string
}

// admin sends a request as somebody who may do everything.
func (h *holder) admin(method, path string, body any, want int) []byte {
	h.t.Helper()
	status, answer := rest(h.n.url, adminKey, method, path, body)
	require.Equal(h.t, want, status, "%s %s: %s", method, path, answer)
	return answer
}

func (h *holder) give(permissions ...permission) {
	h.t.Helper()
	for _, p := range permissions {
		if h.roles[p] == "" {
			h.roles[p] = fmt.Sprint(h.user, len(h.roles))
			_, kind, _ := strings.Cut(p.action, "_")
			h.admin("POST", "/authz/roles", map[string]any{"name": h.roles[p], "permissions": []any{
				map[string]any{"action": p.action, kind: map[string]any{"collection": p.collection}},
			}}, 201)
		}
		h.admin("POST", "/authz/users/"+h.user+"/assign", map[string]any{"roles": []string{h.roles[p]}, "userType": "db"}, 200)
	}
}

func (h *holder) take(p permission) {
	h.t.Helper()
	h.admin("POST", "/authz/users/"+h.user+"/revoke", map[string]any{"roles": []string{h.roles[p]}, "userType": "db"}, 200)
}

// needed is what the tool says it lacks.
var needed = regexp.MustCompile(`it needs the permission ([^:]*):`)

// lacking runs `latentask adopt` without each of the permissions in turn, in
// their order, and each time it must name the one that it lacks. In the end the
// user has them all.
func (h *holder) lacking(args []string, permissions ...permission) {
	h.t.Helper()
	for _, p := range permissions {
		h.take(p)
		s := badly(h.t, h.n, h.key, args)
		named := needed.FindStringSubmatch(s.err)
		require.NotNil(h.t, named, "without %v: %s", p, s.err)
		require.Contains(h.t, named[1], p.action, "without %v: %s", p, s.err)
		if p.collection != "*" && strings.Contains(named[1], " on ") {
			require.Contains(h.t, named[1], p.collection, "without %v: %s", p, s.err)
		}
		h.give(p)
	}
}

// fill stores pages, with vectors of the users'.
func (h *holder) fill(name, tenant string, count int) {
	h.t.Helper()
	var objects []any
	for i, text := range pages(count) {
		objects = append(objects, written(name, tenant, idAt(i), text, map[string][]float32{"": own(i)}))
	}
	require.NotContains(h.t, string(h.admin("POST", "/batch/objects", map[string]any{"objects": objects}, 200)), `"FAILED"`)
}

// briefly is a verification of a few objects.
var briefly = append([]string{"--sample", "5"}, one...)

// A key needs the permissions that docs/your-collection.md lists for each way,
// and no others; without one of them the tool names it. TestAdoptUnderRights
// shows that of adopting in place.
func TestAdoptPermissions(t *testing.T) {
	ways := map[string]func(*testing.T, *holder){
		"copy": copyWithPermissions, "passages": chunkWithPermissions, "back": undoWithPermissions, "unseen": tenantsUnseen,
	}
	keys, users := []string{adminKey}, []string{"admin"}
	for way := range ways {
		keys, users = append(keys, way+"-key"), append(users, way)
	}
	n := start(t, setup{env: map[string]string{
		"AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
		"AUTHENTICATION_APIKEY_ENABLED":           "true",
		"AUTHENTICATION_APIKEY_ALLOWED_KEYS":      strings.Join(keys, ","),
		"AUTHENTICATION_APIKEY_USERS":             strings.Join(users, ","),
		"AUTHORIZATION_RBAC_ENABLED":              "true",
		"AUTHORIZATION_RBAC_ROOT_USERS":           "admin",
		adoption.DropSwitch:                       "true",
	}})
	for way, f := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			f(t, &holder{t: t, n: n, user: way, key: way + "-key", roles: map[permission]string{}})
		})
	}
}

func copyWithPermissions(t *testing.T, h *holder) {
	name := uniqueName(t)
	into := name + "Copy"
	h.admin("POST", "/schema", adoptee(name, nil), 200)
	h.fill(name, "", 30)
	schema := h.admin("GET", "/schema/"+name, nil, 200)
	// In the order in which they are asked for, as each step leaves less to do.
	permissions := []permission{
		{"read_collections", "*"}, {"read_data", name},
		{"create_collections", into}, {"update_collections", into},
		{"read_data", into}, {"create_data", into}, {"update_data", into},
	}
	h.give(permissions...)
	deletes := permission{"delete_data", into}
	h.give(deletes)
	args := append([]string{"--collection", name, "--into", into}, briefly...)
	h.lacking(args, permissions...)
	require.Contains(t, well(t, h.n, h.key, args...), "all is as it should be")

	// Nothing had to be deleted so far.
	h.admin("DELETE", "/objects/"+name+"/"+idAt(3), nil, 204)
	h.lacking(args, deletes)
	require.Contains(t, well(t, h.n, h.key, args...), "29 objects: 0 written, 1 deleted")
	require.JSONEq(t, string(schema), string(h.admin("GET", "/schema/"+name, nil, 200)))

	back := permission{"delete_collections", into}
	h.give(back)
	h.lacking([]string{"--collection", name, "--into", into, "--undo"}, back)
	require.Contains(t, well(t, h.n, h.key, "--collection", name, "--into", into, "--undo"), "collection "+into+" is deleted")
}

func chunkWithPermissions(t *testing.T, h *holder) {
	name := uniqueName(t)
	into := name + "Passages"
	class := adoptee(name, nil)
	class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
	h.admin("POST", "/schema", class, 200)
	h.admin("POST", "/schema/"+name+"/tenants", []models.Tenant{{Name: "acme"}, {Name: "globex"}}, 200)
	for _, tenant := range []string{"acme", "globex"} {
		h.fill(name, tenant, 15)
	}
	inactive := func(collection string) bool {
		t.Helper()
		body := string(h.admin("GET", "/schema/"+collection+"/tenants/globex", nil, 200))
		return strings.Contains(body, models.TenantActivityStatusINACTIVE) || strings.Contains(body, models.TenantActivityStatusCOLD)
	}
	h.admin("PUT", "/schema/"+name+"/tenants", []models.Tenant{{Name: "globex", ActivityStatus: models.TenantActivityStatusINACTIVE}}, 200)
	require.True(t, inactive(name))
	permissions := []permission{
		{"read_collections", "*"}, {"read_data", name},
		{"create_collections", into}, {"create_tenants", into},
		{"read_data", into}, {"create_data", into}, {"update_data", into},
		// For the tenant that is not active, the second one.
		{"update_collections", into}, {"update_tenants", name}, {"update_tenants", into},
	}
	// What is not seen can't be missed: tenantsUnseen has read_tenants.
	deletes, seen := permission{"delete_data", into}, []permission{{"read_tenants", name}, {"read_tenants", into}}
	h.give(permissions...)
	h.give(deletes)
	h.give(seen...)
	args := append([]string{"--collection", name, "--chunk"}, briefly...)
	h.lacking(args, permissions...)
	require.Contains(t, well(t, h.n, h.key, args...), "all is as it should be")
	require.True(t, inactive(name))
	require.True(t, inactive(into))

	h.admin("DELETE", "/objects/"+name+"/"+idAt(3)+"?tenant=acme", nil, 204)
	h.lacking(args, deletes)
	require.Contains(t, well(t, h.n, h.key, args...), "29 objects: 0 written, 1 deleted")

	back := permission{"delete_collections", into}
	h.give(back)
	h.lacking([]string{"--collection", name, "--chunk", "--undo"}, back)
	require.Contains(t, well(t, h.n, h.key, "--collection", name, "--chunk", "--undo"), "collection "+into+" is deleted")
}

func undoWithPermissions(t *testing.T, h *holder) {
	name := uniqueName(t)
	h.admin("POST", "/schema", adoptee(name, nil), 200)
	h.fill(name, "", 15)
	well(t, h.n, adminKey, append([]string{"--collection", name}, briefly...)...)
	permissions := []permission{{"read_collections", name}, {"update_collections", name}, {"update_data", name}}
	h.give(permissions...)
	h.lacking([]string{"--collection", name, "--undo"}, permissions...)
	// Weaviate takes half a minute for it, which need not be waited for.
	a := &adopting{t: t, n: h.n, key: h.key, args: []string{"adopt", "--collection", name, "--undo"}}
	a.start()
	defer func() { a.kill() }() // one that has ended stays as it is
	require.Eventually(t, func() bool {
		return strings.Contains(a.out.String(), "the node takes the vector out of every object")
	}, time.Minute, 50*time.Millisecond, "the tool said: %s", a.out)
	require.NoError(t, a.cmd.Process.Signal(os.Interrupt))
	a.ends(time.Minute)
	require.NoError(t, a.err, "the tool said: %s", a.out)
	require.Contains(t, a.out.String(), "the node goes on taking it out of the objects of "+name)
}

// Weaviate leaves the tenants out of a list that a key may not see, so that
// none looks like a collection without any: the tool says so, and does not find
// that all is well.
func tenantsUnseen(t *testing.T, h *holder) {
	name := uniqueName(t)
	class := adoptee(name, nil)
	class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
	h.admin("POST", "/schema", class, 200)
	h.admin("POST", "/schema/"+name+"/tenants", []models.Tenant{{Name: "acme"}}, 200)
	h.fill(name, "acme", 15)
	h.give(permission{"read_collections", "*"}, permission{"read_data", name}, permission{"update_collections", name}, permission{"update_data", name})
	for _, way := range [][]string{nil, {"--into", name + "Copy"}, {"--chunk"}} {
		badly(t, h.n, h.key, append([]string{"--collection", name, "--dry-run"}, way...), "read_tenants on "+name)
	}
}
