package adopt

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// measuring is a node that embeds 20 texts a second, with 100 objects of which
// every fourth has no text.
func measuring(t *testing.T, schema string) (*fakeNode, *Runner) {
	n, r := newFake(t)
	n.add(decoded(t, schema))
	n.perSecond = 20
	for i := range 100 {
		properties := map[string]any{"title": "A title", "body": strings.Repeat("Ten words are in this sentence of the long body. ", 14)}
		if i%4 == 0 {
			properties = map[string]any{"year": 1.0}
		}
		n.put("Docs", "", idOf(i), properties)
	}
	return n, r
}

func TestEstimate(t *testing.T) {
	ctx := context.Background()
	n, r := measuring(t, unnamed)
	p := planned(t, r, Options{Collection: "Docs"})
	require.Zero(t, p.Cost.Measured)
	require.NoError(t, r.Estimate(ctx, p))
	require.Equal(t, 20.0, p.Cost.PerSecond)
	require.LessOrEqual(t, p.Cost.Measured, client.SpeedSample)
	require.InDelta(t, float64(len(n.measured)), float64(p.Cost.Measured), 0)
	require.InDelta(t, 75.0/20+jobSeconds, p.Cost.Seconds, 1)
	require.Contains(t, n.measured[0], "this sentence")
	require.Contains(t, n.measured[0], "A title")
	var out bytes.Buffer
	p.Print(&out)
	require.Contains(t, out.String(), "about 14s: the node embeds 20 texts a second now")

	p = planned(t, r, Options{Collection: "Docs", Rate: 2})
	require.NoError(t, r.Estimate(ctx, p))
	require.InDelta(t, 75.0/2+jobSeconds, p.Cost.Seconds, 8, "the rate is lower than the speed; a sample tells how many have text")

	p = planned(t, r, Options{Collection: "Docs", Into: "Copy"})
	require.NoError(t, r.Estimate(ctx, p))
	require.InDelta(t, 75.0/20, p.Cost.Seconds, 1)
}

// Of long texts the node is sent what it may read of them.
func TestEstimateOfLongTexts(t *testing.T) {
	n, r := newFake(t)
	n.add(decoded(t, unnamed))
	n.perSecond = 20
	body := strings.Repeat("€", 10_000)
	for i := range 70 {
		n.put("Docs", "", idOf(i), map[string]any{"body": body})
	}
	p := planned(t, r, Options{Collection: "Docs"})
	require.NoError(t, r.Estimate(context.Background(), p))
	require.Len(t, n.measured, client.SpeedSample)
	for _, text := range n.measured {
		require.LessOrEqual(t, len(text), speedBytes)
		require.Greater(t, len(text), speedBytes-4)
		require.True(t, strings.HasPrefix(body, text), "it ends with a whole character")
	}
}

// Passages are counted in the sample, and cost as much in each replica.
func TestEstimateOfPassages(t *testing.T) {
	_, r := measuring(t, replicated)
	p := planned(t, r, Options{Collection: "Docs", Chunk: true})
	perObject := p.Cost.Memory / int64(p.Cost.Objects)
	require.NoError(t, r.Estimate(context.Background(), p))
	require.InDelta(t, 75*2, p.Cost.Passages, 40, "140 words are two passages")
	require.Equal(t, perObject*int64(p.Cost.Passages), p.Cost.Memory)
	require.Equal(t, int64(3*p.Cost.DiskPerObject*p.Cost.Passages), p.Cost.Disk)
	require.Positive(t, p.Cost.Seconds)
	require.LessOrEqual(t, p.Cost.Measured, client.SpeedSample)
	var out bytes.Buffer
	p.Print(&out)
	require.Contains(t, out.String(), "as many an object as a sample has")
	require.Contains(t, out.String(), "bytes a passage")
}

func TestEstimateWhereNothingTells(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(n *fakeNode)
		says  string
	}{
		"an older node": {func(n *fakeNode) { n.deny["POST /v1/modules/qna-latent/adoptions/speed"] = http.StatusNotFound }, "not known"},
		"no bundle": {func(n *fakeNode) {
			n.deny["POST /v1/modules/qna-latent/adoptions/speed"] = http.StatusServiceUnavailable
		}, "not known"},
		"a proxy that takes less": {func(n *fakeNode) {
			n.deny["POST /v1/modules/qna-latent/adoptions/speed"] = http.StatusRequestEntityTooLarge
		}, "not known"},
		"a node that takes less": {func(n *fakeNode) {
			n.deny["POST /v1/modules/qna-latent/adoptions/speed"] = http.StatusUnprocessableEntity
		}, "not known"},
		"an empty collection":   {func(n *fakeNode) { clear(n.objects["Docs"]) }, "there are none"},
		"no text in any object": {func(n *fakeNode) { n.blank("Docs") }, "not known"},
	} {
		t.Run(name, func(t *testing.T) {
			n, r := measuring(t, unnamed)
			c.spoil(n)
			p := planned(t, r, Options{Collection: "Docs"})
			require.NoError(t, r.Estimate(context.Background(), p))
			require.Zero(t, p.Cost.Measured)
			var out bytes.Buffer
			p.Print(&out)
			require.Contains(t, out.String(), c.says)
		})
	}
	n, r := measuring(t, unnamed)
	n.deny["POST /v1/modules/qna-latent/adoptions/speed"] = http.StatusForbidden
	p := planned(t, r, Options{Collection: "Docs"})
	var missing *PermissionError
	require.ErrorAs(t, r.Estimate(context.Background(), p), &missing)
	require.Equal(t, "read_data on Docs", missing.Permission)
}

// A sample is of active tenants alone.
func TestEstimateOfTenants(t *testing.T) {
	n, r := newFake(t)
	n.perSecond = 20
	n.add(decoded(t, tenanted), models.Tenant{Name: "on", ActivityStatus: "ACTIVE"}, models.Tenant{Name: "off", ActivityStatus: "INACTIVE"},
		models.Tenant{Name: "away", ActivityStatus: "OFFLOADED"})
	n.put("Docs", "on", idOf(1), map[string]any{"title": "active"})
	n.put("Docs", "off", idOf(1), map[string]any{"title": "inactive"})
	n.put("Docs", "away", idOf(1), map[string]any{"title": "offloaded"})
	p := planned(t, r, Options{Collection: "Docs"})
	require.Equal(t, []int{1, 1, 1, 2}, []int{p.Cost.Objects, p.Inactive, p.Offloaded, len(p.Tenants)})
	require.NoError(t, r.Estimate(context.Background(), p))
	require.Equal(t, []string{"active"}, n.measured)

	_, err := Make(Options{Collection: "Docs", Tenants: []string{"away"}}, Facts{
		Class: decoded(t, tenanted), Adopts: true, Retriever: client.Retriever{Enabled: true},
		Tenants: []models.Tenant{{Name: "away", ActivityStatus: "OFFLOADED"}},
	})
	require.ErrorIs(t, err, ErrOffloaded)
}
