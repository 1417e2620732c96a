package adopt

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/go-openapi/strfmt"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"
)

// idOf is the id of the i-th object of a test.
func idOf(i int) string { return uuid.NewSHA1(uuid.Nil, []byte(fmt.Sprint(i))).String() }

func linked(to ...int) []any {
	list := make([]any, len(to))
	for i, n := range to {
		list[i] = map[string]any{"beacon": beacon + "Docs/" + idOf(n), "href": "/v1/objects/Docs/" + idOf(n)}
	}
	return list
}

// asCopied are properties as the copy should have them.
func asCopied(properties map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range properties {
		if list, ok := referencesOf(value); ok {
			turned := references(&models.Object{Properties: map[string]any{name: value}}, "Docs", "Copy")[name]
			out[name] = turned
			_ = list
			continue
		}
		out[name] = value
	}
	return out
}

// requireSame compares a tenant's objects in the collection and its copy.
func requireSame(t *testing.T, n *fakeNode, tenant string) {
	t.Helper()
	want, have := n.snapshot("Docs", tenant), n.snapshot("Copy", tenant)
	require.Len(t, have, len(want))
	for id, properties := range want {
		got := have[id]
		for name, value := range got {
			if list, ok := referencesOf(value); ok {
				got[name] = list
			}
		}
		require.Equal(t, asCopied(properties), got, id)
	}
}

func TestCopy(t *testing.T) {
	n, r := newFake(t)
	n.add(decoded(t, unnamed))
	for i := range 50 {
		n.put("Docs", "", idOf(i), map[string]any{"title": fmt.Sprint("title ", i), "next": linked((i+1)%50, (i+2)%50), "tags": []any{"a"}})
	}
	p := planned(t, r, Options{Collection: "Docs", Into: "copy"})
	out, err := r.Copy(context.Background(), p)
	require.NoError(t, err)
	require.Equal(t, 50, out.Objects)
	require.Equal(t, 50+100, out.Written, "objects and their references")
	require.False(t, out.Unsettled)
	requireSame(t, n, "")
	class := n.classes["Copy"]
	require.Equal(t, "none", class.Vectorizer)
	require.Contains(t, class.VectorConfig, "latent")
	mark, ok := ReadMark(class.Description)
	require.True(t, ok)
	require.Equal(t, Mark{Of: "Docs", Way: Copied}, mark)

	// Again, after some changes: only those are written.
	n.put("Docs", "", idOf(1), map[string]any{"title": "new"})
	n.put("Docs", "", idOf(2), nil)
	n.put("Docs", "", idOf(99), map[string]any{"title": "more"})
	p = planned(t, r, Options{Collection: "Docs", Into: "Copy"})
	require.True(t, p.Continues)
	out, err = r.Copy(context.Background(), p)
	require.NoError(t, err)
	require.Equal(t, 2, out.Written)
	require.Equal(t, 1, out.Deleted)
	requireSame(t, n, "")
}

// TestCopyUnderWritersAndKills copies while the collection changes, the node
// dies in requests and the tool is killed, until a run comes through.
func TestCopyUnderWritersAndKills(t *testing.T) {
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 1))
		n, r := newFake(t)
		n.add(decoded(t, unnamed))
		for i := range 60 {
			n.put("Docs", "", idOf(i), map[string]any{"title": fmt.Sprint(i), "next": linked(random.IntN(60))})
		}
		changes := 200
		var kill context.CancelFunc
		n.before = func(*http.Request) bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			if changes == 0 {
				return false
			}
			changes--
			i := random.IntN(80)
			objects := n.of("Docs", "")
			if random.IntN(3) == 0 {
				delete(objects, idOf(i))
			} else {
				objects[idOf(i)] = &models.Object{
					Class: "Docs", ID: strfmt.UUID(idOf(i)),
					Properties: map[string]any{"title": fmt.Sprint("change ", changes), "next": linked(random.IntN(80))},
				}
			}
			if random.IntN(25) == 0 {
				kill()
			}
			return random.IntN(20) == 0
		}
		settled := false
		run := func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			n.locked(func() { kill = cancel })
			f, err := Gather(ctx, r.Client, Options{Collection: "Docs", Into: "Copy"})
			if err != nil {
				return
			}
			p, err := Make(Options{Collection: "Docs", Into: "Copy"}, f)
			require.NoError(t, err)
			out, err := r.Copy(ctx, p)
			n.locked(func() { settled = err == nil && !out.Unsettled && changes == 0 })
		}
		for i := 0; i < 200 && !settled; i++ {
			run()
		}
		require.True(t, settled)
		requireSame(t, n, "")
	}
}

func TestCopyOfTenants(t *testing.T) {
	n, r := newFake(t)
	n.add(decoded(t, tenanted),
		models.Tenant{Name: "on", ActivityStatus: models.TenantActivityStatusACTIVE},
		models.Tenant{Name: "off", ActivityStatus: models.TenantActivityStatusINACTIVE},
		models.Tenant{Name: "other", ActivityStatus: models.TenantActivityStatusINACTIVE})
	for _, tenant := range []string{"on", "off", "other"} {
		for i := range 20 {
			n.put("Docs", tenant, idOf(i), map[string]any{"title": tenant + fmt.Sprint(i)})
		}
	}
	status := map[string]string{"on": "ACTIVE", "off": "INACTIVE", "other": "INACTIVE"}
	// The first run is killed while a tenant is awake.
	ctx, kill := context.WithCancel(context.Background())
	n.before = func(r *http.Request) bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		if r.URL.Path == "/v1/batch/objects" && n.tenants["Docs"]["off"] == "ACTIVE" {
			kill()
			// A tool that is killed puts nothing back.
			n.deny["PUT /v1/schema/Docs/tenants"] = http.StatusForbidden
		}
		return false
	}
	_, err := r.Copy(ctx, planned(t, r, Options{Collection: "Docs", Into: "Copy"}))
	require.Error(t, err)
	n.locked(func() {
		require.Equal(t, "ACTIVE", n.tenants["Docs"]["off"])
		mark, _ := ReadMark(n.classes["Copy"].Description)
		require.Equal(t, "off", mark.Woken)
		n.before = nil
		delete(n.deny, "PUT /v1/schema/Docs/tenants")
	})
	// A run for another tenant puts it back first: there is room for one name.
	_, err = r.Copy(context.Background(), planned(t, r, Options{Collection: "Docs", Into: "Copy", Tenants: []string{"other"}}))
	require.NoError(t, err)
	n.locked(func() {
		require.Equal(t, status, n.tenants["Docs"])
		require.Equal(t, "INACTIVE", n.tenants["Copy"]["off"])
	})

	out, err := r.Copy(context.Background(), planned(t, r, Options{Collection: "Docs", Into: "Copy"}))
	require.NoError(t, err)
	require.Equal(t, 60, out.Objects)
	require.Equal(t, status, n.tenants["Docs"])
	require.Equal(t, status, n.tenants["Copy"])
	for tenant := range status {
		requireSame(t, n, tenant)
	}
	mark, _ := ReadMark(n.classes["Copy"].Description)
	require.Empty(t, mark.Woken)
}

func TestCopyTellsWhatTheNodeRefuses(t *testing.T) {
	n, r := newFake(t)
	n.add(decoded(t, unnamed))
	n.put("Docs", "", idOf(1), map[string]any{"title": "refuse me"})
	n.put("Docs", "", idOf(2), map[string]any{"title": "take me"})
	out, err := r.Copy(context.Background(), planned(t, r, Options{Collection: "Docs", Into: "Copy"}))
	require.ErrorIs(t, err, ErrRefused)
	require.ErrorContains(t, err, idOf(1)+": no")
	require.Equal(t, 1, out.Written)
}
