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

// planned gathers and plans as the command does.
func planned(t *testing.T, r *Runner, o Options) *Plan {
	t.Helper()
	f, err := Gather(context.Background(), r.Client, o)
	require.NoError(t, err)
	p, err := Make(o, f)
	require.NoError(t, err)
	return p
}

func TestInPlace(t *testing.T) {
	n, r := newFake(t)
	n.add(decoded(t, unnamed))
	n.jobSteps = []client.Adoption{
		{State: client.AdoptionRunning, Objects: 2000, Done: 1000, PerSecond: 100, SecondsLeft: 10},
		{
			State: client.AdoptionFinished, Objects: 2000, Done: 2000,
			Total: client.AdoptionCounts{Objects: 2000, Filled: 1600, Present: 300, WithoutText: 100, Cut: 7},
		},
	}
	var progress bytes.Buffer
	r.Progress = &progress
	p := planned(t, r, Options{Collection: "Docs", Rate: 50})
	job, err := r.InPlace(context.Background(), p)
	require.NoError(t, err)
	require.Equal(t, client.AdoptionFinished, job.State)
	require.Equal(t, []client.AdoptionRequest{{Collection: "Docs", Vector: "latent", Rate: 50, Tenants: []string{}}}, n.started)
	module, settings := vectorizerOf(n.classes["Docs"].VectorConfig["latent"])
	require.Equal(t, client.Vectorizer, module)
	require.Equal(t, []any{"body", "title"}, settings["properties"])
	require.Equal(t, "none", n.classes["Docs"].Vectorizer, "the unnamed vector stays")
	require.Contains(t, progress.String(), "interrupting this tool does not stop it")

	var out bytes.Buffer
	PrintJob(&out, job)
	require.Equal(t, "finished: 1,600 of 2,000 objects filled, 300 had the vector, 100 have no text, 7 are longer than the retriever reads\n", out.String())

	// A second run finds the vector and leaves the schema alone.
	n.deny["PUT /v1/schema/Docs"] = http.StatusForbidden
	p = planned(t, r, Options{Collection: "Docs"})
	require.True(t, p.Continues)
	_, err = r.InPlace(context.Background(), p)
	require.NoError(t, err)
}

func TestInPlaceInterrupted(t *testing.T) {
	n, r := newFake(t)
	n.add(decoded(t, unnamed))
	p := planned(t, r, Options{Collection: "Docs"})
	ctx, cancel := context.WithCancel(context.Background())
	n.before = func(req *http.Request) bool {
		if req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/Docs/latent") {
			cancel()
		}
		return false
	}
	_, err := r.InPlace(ctx, p)
	require.ErrorIs(t, err, ErrDetached)
	n.locked(func() { require.NotNil(t, n.job, "the job goes on") })
}

// TestInPlaceThroughARestart has the node away for some looks at the job.
func TestInPlaceThroughARestart(t *testing.T) {
	n, r := newFake(t)
	n.add(decoded(t, unnamed))
	n.jobSteps = []client.Adoption{{State: client.AdoptionFinished}}
	p := planned(t, r, Options{Collection: "Docs"})
	away := 5
	n.before = func(req *http.Request) bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		if req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/Docs/latent") && away > 0 {
			away--
			return true
		}
		return false
	}
	_, err := r.InPlace(context.Background(), p)
	require.NoError(t, err)
	require.Zero(t, away)
}

func TestInPlaceFailures(t *testing.T) {
	tests := map[string]struct {
		deny, message string
		status        int
		step          client.Adoption
		says          []string
		permission    bool
	}{
		"no right to the schema": {
			deny: "PUT /v1/schema/Docs", status: http.StatusForbidden, message: "user 'x' has insufficient permissions to update_collections",
			says: []string{"update_collections on Docs", "user 'x'"}, permission: true,
		},
		"no right to the data": {
			deny: "POST /v1/modules/qna-latent/adoptions", status: http.StatusForbidden, message: "no",
			says: []string{"update_data on Docs"}, permission: true,
		},
		"no valid key":           {deny: "PUT /v1/schema/Docs", status: http.StatusUnauthorized, says: []string{"update_collections"}, permission: true},
		"a schema that it won't": {deny: "PUT /v1/schema/Docs", status: http.StatusUnprocessableEntity, message: "vectors are immutable", says: []string{"immutable"}},
		"a job that fails":       {step: client.Adoption{State: client.AdoptionFailed, Error: "disk full", Done: 3}, says: []string{"disk full", "goes on"}},
		"a job that was stopped": {step: client.Adoption{State: client.AdoptionStopped, Done: 3}, says: []string{"stopped after 3"}},
		"a job that vanishes":    {deny: "GET /v1/modules/qna-latent/adoptions/Docs/latent", status: http.StatusNotFound, says: []string{"no such adoption"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n, r := newFake(t)
			n.add(decoded(t, unnamed))
			p := planned(t, r, Options{Collection: "Docs"})
			n.jobSteps = []client.Adoption{test.step}
			if test.deny != "" {
				n.deny[test.deny], n.said[test.deny] = test.status, test.message
			}
			_, err := r.InPlace(context.Background(), p)
			for _, text := range test.says {
				require.ErrorContains(t, err, text)
			}
			var permission *PermissionError
			if test.permission {
				require.ErrorAs(t, err, &permission)
			} else {
				require.NotErrorAs(t, err, &permission)
			}
		})
	}
}

func TestUndo(t *testing.T) {
	t.Run("a vector", func(t *testing.T) {
		n, r := newFake(t)
		n.add(decoded(t, adopted))
		n.job = &client.Adoption{}
		said, err := r.Undo(context.Background(), Options{Collection: "Docs"})
		require.NoError(t, err)
		require.Contains(t, said, "is gone")
		require.Empty(t, n.classes["Docs"].VectorConfig)
		require.Nil(t, n.job)
		said, err = r.Undo(context.Background(), Options{Collection: "Docs"})
		require.NoError(t, err)
		require.Contains(t, said, "has no vector")
	})
	t.Run("a vector of inactive tenants", func(t *testing.T) {
		n, r := newFake(t)
		class := decoded(t, adopted)
		class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
		n.add(class, models.Tenant{Name: "a", ActivityStatus: "ACTIVE"}, models.Tenant{Name: "b", ActivityStatus: "INACTIVE"})
		said, err := r.Undo(context.Background(), Options{Collection: "Docs"})
		require.NoError(t, err)
		require.Contains(t, said, "1 tenants are not")
	})
	t.Run("switched off", func(t *testing.T) {
		n, r := newFake(t)
		n.add(decoded(t, adopted))
		const path = "DELETE /v1/schema/Docs/vectors/latent/index"
		n.deny[path], n.said[path] = http.StatusInternalServerError, "set the environment variable "+DropSwitch+"=true to enable it"
		_, err := r.Undo(context.Background(), Options{Collection: "Docs"})
		require.ErrorIs(t, err, ErrDropDisabled)
		require.ErrorContains(t, err, DropSwitch+"=true")
	})
	t.Run("a vector of something else", func(t *testing.T) {
		n, r := newFake(t)
		n.add(decoded(t, oneNamed))
		_, err := r.Undo(context.Background(), Options{Collection: "Docs", Vector: "openai"})
		require.ErrorIs(t, err, ErrNotOurs)
	})
	t.Run("the only vector", func(t *testing.T) {
		n, r := newFake(t)
		class := decoded(t, adopted)
		class.Vectorizer, class.VectorIndexType, class.VectorIndexConfig = "", "", nil
		n.add(class)
		_, err := r.Undo(context.Background(), Options{Collection: "Docs"})
		require.ErrorIs(t, err, ErrNotOurs)
	})
	t.Run("a copy", func(t *testing.T) {
		n, r := newFake(t)
		n.add(decoded(t, unnamed))
		n.add(decoded(t, copyOfDocs))
		_, err := r.Undo(context.Background(), Options{Collection: "Docs", Into: "copy"})
		require.NoError(t, err)
		require.NotContains(t, n.classes, "Copy")
		require.Contains(t, n.classes, "Docs")
	})
	t.Run("what is no copy", func(t *testing.T) {
		n, r := newFake(t)
		n.add(decoded(t, unnamed))
		n.add(decoded(t, unmarked))
		_, err := r.Undo(context.Background(), Options{Collection: "Docs", Into: "Copy"})
		require.ErrorIs(t, err, ErrNotOurs)
		require.Contains(t, n.classes, "Copy")
	})
}
