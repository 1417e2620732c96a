package acceptance

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// TestTenantsNeverSeeEachOther fills two tenants with passages that contradict
// each other, under the same titles.
func TestTenantsNeverSeeEachOther(t *testing.T) {
	n := shared(t)
	ctx := context.Background()
	name := uniqueName(t)
	class := schemaOf(name, client.Vectorizer)
	class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
	create(t, n, class)
	require.NoError(t, n.client.Weaviate().Schema().TenantsCreator().WithClassName(name).
		WithTenants(models.Tenant{Name: "acme"}, models.Tenant{Name: "globex"}, models.Tenant{Name: "empty"}).Do(ctx))

	of := func(tenant, director, city string) []passage {
		list := []passage{
			{Title: "A Man Called Ove", Text: "A Man Called Ove is a film that was directed by " + director + "."},
			{Title: director, Text: director + " is a film director who was born in " + city + "."},
			{Title: "Fredrik Backman", Text: "Fredrik Backman wrote the book of the same name. He lives in " + city + "."},
			{Title: "Rolf Lassgård", Text: "Rolf Lassgård has the leading role in films of " + director + "."},
		}
		for i, p := range passages(t)[:20] {
			list = append(list, passage{Title: p.Title, Text: p.Text, Part: i % 3})
		}
		for i := range list {
			list[i].PID = tenant + list[i].Title
		}
		return list
	}
	data := map[string][]passage{
		"acme":   of("acme", "Hannes Holm", "Lidingö"),
		"globex": of("globex", "Greta Novak", "Ljubljana"),
	}
	for tenant, list := range data {
		load(t, n, name, tenant, list)
	}
	for tenant, list := range data {
		own := titlesByID(name, list)
		for _, q := range []string{question, "Where was the director of the film with Rolf Lassgård born?", "Who directed A Man Called Ove?"} {
			objects := ask{collection: name, question: q, beside: `tenant: "` + tenant + `"`}.send(t, n)
			for _, h := range searches(objects) {
				require.Equal(t, "hybrid", h.Search)
				for _, id := range h.IDs {
					require.Contains(t, own, id, "%s: hop %d of %q found another tenant's passage", tenant, h.N, q)
				}
			}
			for _, o := range objects {
				require.Contains(t, own, o.Additional.ID)
			}
		}
	}

	require.Empty(t, post(t, n, ask{collection: name, question: question, beside: `tenant: "empty"`}.query()).Data.Get[name])
	ask{collection: name, question: question}.refused(t, n, "tenant")
	ask{collection: name, question: question, beside: `tenant: "nobody"`}.refused(t, n, "nobody")
}
