package acceptance

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-openapi/strfmt"
	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate-go-client/v5/weaviate/rbac"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/fit"
	"github.com/latentask/latentask/internal/survey"
	"github.com/latentask/latentask/test/inference"
)

// openSurveyModel opens the bundle as the command line tool does.
func openSurveyModel(t *testing.T) *survey.BundleModel {
	t.Helper()
	m, err := survey.OpenModel(required(t, "LATENTASK_BUNDLE"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// keyed is a node as seen by a user's key.
func keyed(t *testing.T, n *node, key string) *node {
	t.Helper()
	c, err := client.New(client.Config{URL: n.url, APIKey: key})
	require.NoError(t, err)
	as := *n
	as.client = c
	return &as
}

func surveyed(t *testing.T, n *node, m survey.Model, o survey.Options) *survey.Report {
	t.Helper()
	o.All = o.Vector == ""
	r, err := survey.Take(context.Background(), n.client, m, o)
	require.NoError(t, err)
	var text strings.Builder
	require.NoError(t, r.WriteText(&text))
	require.Contains(t, text.String(), "What to do")
	require.NoError(t, r.WriteHTML(filepath.Join(t.TempDir(), "report.html")))
	return r
}

// write stores objects with vectors, the unnamed one where name is empty.
func write(t *testing.T, n *node, collection, tenant, vector string, list []passage, vectors [][]float32) {
	t.Helper()
	objects := make([]*models.Object, len(list))
	for i, p := range list {
		o := &models.Object{
			Class: collection, Tenant: tenant, ID: strfmt.UUID(client.ObjectID(collection, tenant+p.PID)), Properties: p.properties(),
		}
		if vector == "" {
			o.Vector = vectors[i]
		} else {
			o.Vectors = models.Vectors{vector: vectors[i]}
		}
		objects[i] = o
	}
	refused, err := n.client.Write(context.Background(), objects)
	require.NoError(t, err)
	require.Empty(t, refused)
}

// TestCheckOfAStockNode surveys collections of a plain Weaviate with users and
// roles.
func TestCheckOfAStockNode(t *testing.T) {
	plain := required(t, "LATENTASK_PLAIN_NODE")
	m := openSurveyModel(t)
	serve := func(c *inference.Container) string {
		server := httptest.NewServer(c)
		t.Cleanup(server.Close)
		return server.URL
	}
	averaged := serve(&inference.Container{Encoder: m.Encoder, Averaged: true})
	foreign := serve(&inference.Container{Encoder: m.Encoder, Change: permuted})
	n := start(t, setup{binary: plain, noBundle: true, env: map[string]string{
		"ENABLE_MODULES": "text2vec-transformers", "TRANSFORMERS_INFERENCE_API": averaged,
		"AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
		"AUTHENTICATION_APIKEY_ENABLED":           "true",
		"AUTHENTICATION_APIKEY_ALLOWED_KEYS":      "admin-key,reader-key,stranger-key",
		"AUTHENTICATION_APIKEY_USERS":             "admin,reader,stranger",
		"AUTHORIZATION_RBAC_ENABLED":              "true",
		"AUTHORIZATION_RBAC_ROOT_USERS":           "admin",
	}})
	n = keyed(t, n, "admin-key")
	ctx := context.Background()

	list := passages(t)[:50]
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.Title + ". " + p.Text
	}
	own, err := m.Embed(ctx, texts)
	require.NoError(t, err)
	others := make([][]float32, len(own))
	for i, v := range own {
		others[i] = permuted(v)
	}

	transformers := func(name, url string) {
		class := schemaOf(name, "text2vec-transformers")
		class.ModuleConfig = map[string]any{"text2vec-transformers": map[string]any{"inferenceUrl": url}}
		create(t, n, class)
		load(t, n, name, "", list)
	}

	t.Run("text2vec-transformers with the retriever", func(t *testing.T) {
		transformers("Averaged", averaged)
		r := surveyed(t, n, m, survey.Options{Collection: "Averaged"})
		require.Equal(t, survey.Ask, r.Advice.Action, r.Advice.Why)
		require.Equal(t, len(list), *r.Collection.Objects)
		require.Empty(t, r.Node.State)
		v := r.Vectors[0]
		require.Equal(t, "text2vec-transformers", v.Vectorizer)
		require.Equal(t, averaged, v.Endpoint)
		require.Equal(t, []any{"cosine", "hnsw", "none", 384}, []any{v.Distance, v.Index, v.Quantization, v.Dimension})
		require.Equal(t, fit.Same, v.Fit.Kind)
		require.Greater(t, v.Fit.Median, 0.98)
		require.Len(t, v.Fit.Objects, fit.SampleSize)
		require.InDelta(t, 0.1, v.Space.Mean, 0.15)
		require.Empty(t, r.Unknown)
	})
	t.Run("text2vec-transformers with another model", func(t *testing.T) {
		transformers("Foreign", foreign)
		r := surveyed(t, n, m, survey.Options{Collection: "Foreign"})
		require.Equal(t, survey.Adopt, r.Advice.Action)
		require.Equal(t, fit.Other, r.Vectors[0].Fit.Kind)
		require.Positive(t, r.Advice.Cost.PerSecond)
		require.Equal(t, []string{"text", "title"}, r.Advice.Properties)
	})
	t.Run("vectors of one's own", func(t *testing.T) {
		create(t, n, schemaOf("Own", "none"))
		write(t, n, "Own", "", "", list, own)
		r := surveyed(t, n, m, survey.Options{Collection: "Own"})
		require.Equal(t, survey.Ask, r.Advice.Action, r.Advice.Why)
	})
	t.Run("named vectors", func(t *testing.T) {
		class := schemaOf("Named", "")
		class.VectorConfig = map[string]models.VectorConfig{"mine": vectorConfig("none", nil)}
		create(t, n, class)
		write(t, n, "Named", "", "mine", list, others)
		r := surveyed(t, n, m, survey.Options{Collection: "Named"})
		require.Equal(t, survey.Adopt, r.Advice.Action)
		require.Contains(t, r.Advice.Queries, `"mine"`)
		require.Contains(t, strings.Join(r.Advice.Notes, "\n"), "--into NamedLatent")

		class = schemaOf("Two", "")
		class.VectorConfig = map[string]models.VectorConfig{"a": vectorConfig("none", nil), "b": vectorConfig("none", nil)}
		create(t, n, class)
		write(t, n, "Two", "", "a", list, others)
		write(t, n, "Two", "", "b", list, own)
		r = surveyed(t, n, m, survey.Options{Collection: "Two"})
		require.Equal(t, []any{survey.Ask, "b"}, []any{r.Advice.Action, r.Advice.Vector})
		r = surveyed(t, n, m, survey.Options{Collection: "Two", Vector: "b"})
		require.Len(t, r.Vectors, 1)
	})
	t.Run("tenants", func(t *testing.T) {
		class := schemaOf("Tenants", "none")
		class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
		create(t, n, class)
		require.NoError(t, n.client.CreateTenants(ctx, "Tenants",
			models.Tenant{Name: "acme"}, models.Tenant{Name: "globex"}, models.Tenant{Name: "asleep"}))
		write(t, n, "Tenants", "acme", "", list[:20], own[:20])
		write(t, n, "Tenants", "globex", "", list, others)
		require.NoError(t, n.client.UpdateTenants(ctx, "Tenants", models.Tenant{Name: "asleep", ActivityStatus: "INACTIVE"}))
		r := surveyed(t, n, m, survey.Options{Collection: "Tenants"})
		require.Equal(t, &survey.Tenants{Active: 2, Inactive: 1}, r.Collection.Tenants)
		require.Equal(t, 70, *r.Collection.Objects)
		require.Equal(t, survey.Ask, surveyed(t, n, m, survey.Options{Collection: "Tenants", Tenant: "acme"}).Advice.Action)
		require.Equal(t, survey.Adopt, surveyed(t, n, m, survey.Options{Collection: "Tenants", Tenant: "globex"}).Advice.Action)
		_, err := survey.Take(ctx, n.client, m, survey.Options{Collection: "Tenants", All: true, Tenant: "asleep"})
		require.ErrorIs(t, err, survey.ErrTenant)
	})
	t.Run("empty", func(t *testing.T) {
		create(t, n, schemaOf("Empty", "none"))
		r := surveyed(t, n, m, survey.Options{Collection: "Empty"})
		require.Equal(t, survey.Adopt, r.Advice.Action)
		require.Contains(t, r.Advice.Why, "empty")
	})
	t.Run("objects without text", func(t *testing.T) {
		create(t, n, schemaOf("Bare", "none"))
		bare := append([]passage{{PID: "bare"}}, list[:9]...)
		write(t, n, "Bare", "", "", bare, others[:10])
		r := surveyed(t, n, m, survey.Options{Collection: "Bare"})
		require.Equal(t, survey.Sample{Objects: 10, WithoutText: 1}, r.Sample)
		require.Contains(t, strings.Join(r.Advice.Notes, "\n"), "1 of 10 sampled objects have no text")
	})

	t.Run("rights", func(t *testing.T) {
		create(t, n, schemaOf("Guarded", "none"))
		create(t, n, schemaOf("Hidden", "none"))
		write(t, n, "Guarded", "", "", list, own)
		require.NoError(t, n.client.Weaviate().Roles().Creator().WithRole(rbac.NewRole("readsOwn",
			rbac.CollectionsPermission{Actions: []string{"read_collections"}, Collection: "Guarded"},
			rbac.DataPermission{Actions: []string{"read_data"}, Collection: "Guarded"},
		)).Do(ctx))
		require.NoError(t, n.client.Weaviate().Users().DB().RolesAssigner().WithUserID("reader").WithRoles("readsOwn").Do(ctx))
		reader := keyed(t, n, "reader-key")
		r := surveyed(t, reader, m, survey.Options{Collection: "Guarded"})
		require.Equal(t, survey.Ask, r.Advice.Action)
		// Counting goes through GraphQL, which wants the schema of all collections.
		require.Len(t, r.Unknown, 1)
		require.Contains(t, r.Unknown[0], "read_collections")
		require.Nil(t, r.Collection.Objects)
		for name, key := range map[string]string{"Hidden": "reader-key", "Guarded": "stranger-key"} {
			_, err := survey.Take(ctx, keyed(t, n, key).client, m, survey.Options{Collection: name, All: true})
			require.Equal(t, 403, client.Status(err), "%s: %v", key, err)
			require.ErrorContains(t, err, "read_collections")
		}
		for _, key := range []string{"", "wrong-key"} {
			_, err := survey.Take(ctx, keyed(t, n, key).client, m, survey.Options{Collection: "Guarded", All: true})
			require.Equal(t, 401, client.Status(err), "%q: %v", key, err)
			require.ErrorContains(t, err, "--api-key")
		}
	})
}

// TestCheckAgreesWithTheNode: what is advised is what the node does at the first
// question, and its refusal names the commands.
func TestCheckAgreesWithTheNode(t *testing.T) {
	n := shared(t)
	m := openSurveyModel(t)
	list := passages(t)[:30]
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.Title + ". " + p.Text
	}
	own, err := m.Embed(context.Background(), texts)
	require.NoError(t, err)
	others := make([][]float32, len(own))
	for i, v := range own {
		others[i] = permuted(v)
	}

	name := uniqueName(t)
	create(t, n, schemaOf(name+"Own", "none"))
	write(t, n, name+"Own", "", "", list, own)
	r := surveyed(t, n, m, survey.Options{Collection: name + "Own"})
	require.Equal(t, survey.Ask, r.Advice.Action)
	require.Equal(t, "ready", r.Node.State)
	require.Len(t, r.Advice.Steps, 1)
	ask{collection: name + "Own", question: question, argument: "maxHops: 1"}.send(t, n)

	create(t, n, schemaOf(name+"Other", "none"))
	write(t, n, name+"Other", "", "", list, others)
	r = surveyed(t, n, m, survey.Options{Collection: name + "Other"})
	require.Equal(t, survey.Adopt, r.Advice.Action)
	ask{collection: name + "Other", question: question}.refused(t, n,
		"`latentask check --collection "+name+"Other`", "`latentask adopt --collection "+name+"Other`", "median cosine")

	create(t, n, schemaOf(name+"Latent", client.Vectorizer))
	load(t, n, name+"Latent", "", list)
	r = surveyed(t, n, m, survey.Options{Collection: name + "Latent"})
	require.Equal(t, survey.Ask, r.Advice.Action)
	require.Equal(t, fit.Same, r.Vectors[0].Fit.Kind)
}
