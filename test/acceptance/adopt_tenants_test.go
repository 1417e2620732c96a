package acceptance

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"
)

// activities are a collection's tenants and whether they are active.
func activities(t testing.TB, n *node, name string) map[string]bool {
	t.Helper()
	list, err := n.client.Tenants(context.Background(), name)
	require.NoError(t, err)
	active := map[string]bool{}
	for _, tenant := range list {
		active[tenant.Name] = tenant.ActivityStatus == models.TenantActivityStatusACTIVE || tenant.ActivityStatus == models.TenantActivityStatusHOT
	}
	return active
}

// activate makes tenants active, or inactive.
func activate(t testing.TB, n *node, name string, active bool, tenants ...string) {
	t.Helper()
	status := models.TenantActivityStatusINACTIVE
	if active {
		status = models.TenantActivityStatusACTIVE
	}
	for _, tenant := range tenants {
		require.NoError(t, n.client.UpdateTenants(context.Background(), name, models.Tenant{Name: tenant, ActivityStatus: status}))
	}
}

// Tenants that are inactive are activated for the time that they are worked on,
// in place as for a copy, and only those that are meant.
func adoptTenants(t *testing.T, n *node) {
	ctx := context.Background()
	name := uniqueName(t)
	into := name + "Copy"
	class := adoptee(name, nil)
	class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
	create(t, n, class)
	t.Cleanup(func() { _ = n.client.DeleteCollection(ctx, into) })
	names := []string{"acme", "globex", "initech"}
	before := map[string]map[string]stored{}
	for _, tenant := range names {
		require.NoError(t, n.client.CreateTenants(ctx, name, models.Tenant{Name: tenant}))
		texts := pages(12)
		for i := range texts {
			texts[i] += " It belongs to " + tenant + "."
		}
		paged(t, n, name, tenant, texts, "")
		before[tenant] = all(t, n, name, tenant)
	}
	activate(t, n, name, false, "globex", "initech")
	asleep := map[string]bool{"acme": true, "globex": false, "initech": false}
	require.Equal(t, asleep, activities(t, n, name))

	// A node without a module for it keeps tenants; one that asks for more than
	// the collection has is told so.
	status, body := rest(n.url, "", "PUT", "/schema/"+name+"/tenants", []any{map[string]any{"name": "globex", "activityStatus": "OFFLOADED"}})
	require.GreaterOrEqual(t, status, 400, "%s", body)
	require.Contains(t, string(body), "offload-s3 module is not enabled")
	badly(t, n, "", []string{"--collection", name, "--tenants", "hooli"}, `has no tenant "hooli"`)

	// A copy first: beside a vector of the same name there is none.
	r := reported(t, n, "", append([]string{"--collection", name, "--into", into}, one...)...)
	require.Equal(t, []int{36, 2}, []int{r.Outcome.Objects, r.Plan.Inactive})
	require.Empty(t, r.Verification.Problems)
	require.Equal(t, 2, r.Verification.Inactive)
	require.Equal(t, asleep, activities(t, n, name))
	require.Equal(t, asleep, activities(t, n, into))
	activate(t, n, name, true, "globex", "initech")
	activate(t, n, into, true, "globex", "initech")
	for _, tenant := range names {
		requireCopy(t, n, name, into, tenant)
		require.Equal(t, before[tenant], all(t, n, name, tenant))
	}
	well(t, n, "", "--collection", name, "--into", into, "--undo")
	activate(t, n, name, false, "globex", "initech")

	// One alone, then all.
	r = reported(t, n, "", append([]string{"--collection", name, "--tenants", "globex"}, one...)...)
	require.Equal(t, 12, r.Job.Total.Filled)
	require.Len(t, r.Job.Shards, 1)
	require.Equal(t, asleep, activities(t, n, name))
	out := well(t, n, "", append([]string{"--collection", name}, one...)...)
	require.Contains(t, out, "2 tenants are not active: each is activated, worked on and put back")
	require.Contains(t, out, "24 of 36 objects filled, 12 had the vector")
	require.Contains(t, out, "2 tenants are not active and were not looked at")
	require.Equal(t, asleep, activities(t, n, name))
	activate(t, n, name, true, "globex", "initech")
	for _, tenant := range names {
		after := all(t, n, name, tenant)
		unchanged(t, before[tenant], after)
		requireVectors(t, n, name, tenant, after)
	}
	v := reported(t, n, "", append([]string{"--collection", name, "--verify", "--sample", "100"}, one...)...).Verification
	require.Len(t, v.Tenants, 3)
	require.Equal(t, 36, v.Sample.Compared)

	// Weaviate takes a vector out of a tenant's objects while that is active.
	activate(t, n, name, false, "initech")
	require.Contains(t, well(t, n, "", "--collection", name, "--undo"), "1 tenants are not: its name is free when all have been")
	activate(t, n, name, true, "initech")
	for _, tenant := range names {
		require.Len(t, all(t, n, name, tenant), 12)
	}
}
