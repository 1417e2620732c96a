package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	adoption "github.com/latentask/latentask/internal/adopt"
	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/test/inference"
)

// toolBinary is the command line tool: LATENTASK_TOOL, else the one beside the
// node, where `make build` puts it.
func toolBinary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("LATENTASK_TOOL"); path != "" {
		return path
	}
	path := filepath.Join(filepath.Dir(required(t, "LATENTASK_NODE")), "latentask")
	_, err := os.Stat(path)
	require.NoError(t, err, "LATENTASK_TOOL is not set, and the tool is not beside the node")
	return path
}

// said is what a run of the tool left.
type said struct {
	// code is the exit status, out what it printed, err what it said beside.
	code     int
	out, err string
}

// toolTime bounds a run of the tool.
const toolTime = 5 * time.Minute

// command is a run of the tool on a node, with a key or without. It ends with
// ctx, by a kill.
func command(ctx context.Context, t testing.TB, n *node, key string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, toolBinary(t), args...)
	cmd.Env = append(os.Environ(), "WEAVIATE_URL="+n.url, "WEAVIATE_API_KEY="+key)
	return cmd
}

// tool runs the tool to its end.
func tool(t testing.TB, n *node, key string, args ...string) said {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), toolTime)
	defer cancel()
	cmd := command(ctx, t, n, key, args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	runErr := cmd.Run()
	require.NoError(t, ctx.Err(), "%v took too long:\n%s\n%s", args, &out, &err)
	if _, exited := runErr.(*exec.ExitError); !exited {
		require.NoError(t, runErr)
	}
	return said{code: cmd.ProcessState.ExitCode(), out: out.String(), err: err.String()}
}

// well runs `latentask adopt`, which must end well, and returns what it printed.
func well(t testing.TB, n *node, key string, args ...string) string {
	t.Helper()
	s := tool(t, n, key, append([]string{"adopt"}, args...)...)
	require.Zero(t, s.code, "adopt %v\n%s\n%s", args, s.out, s.err)
	return s.out
}

// badly runs `latentask adopt`, which must end with an error that says all this.
func badly(t testing.TB, n *node, key string, args []string, says ...string) said {
	t.Helper()
	s := tool(t, n, key, append([]string{"adopt"}, args...)...)
	require.NotZero(t, s.code, "adopt %v\n%s\n%s", args, s.out, s.err)
	for _, text := range says {
		require.Contains(t, s.out+s.err, text)
	}
	return s
}

// report is what `latentask adopt --json` prints.
type report struct {
	Plan         *adoption.Plan
	Job          *client.Adoption
	Outcome      *adoption.Outcome
	Verification *adoption.Verification
}

// reported runs `latentask adopt --json`, which must end well.
func reported(t testing.TB, n *node, key string, args ...string) report {
	t.Helper()
	var r report
	out := well(t, n, key, append(args, "--json")...)
	require.NoError(t, json.Unmarshal([]byte(out), &r), "%s", out)
	return r
}

// one asks a single question at the end, which is enough to see that it is
// answered.
var one = []string{"--ask", "What is page 7 about?"}

// schemaText is a collection's schema as the node gives it.
func schemaText(t testing.TB, n *node, name string) string {
	t.Helper()
	status, body := rest(n.url, "", "GET", "/schema/"+name, nil)
	require.Equal(t, 200, status, "%s", body)
	return string(body)
}

// noCollection asserts that there is none of a name.
func noCollection(t testing.TB, n *node, name string) {
	t.Helper()
	status, body := rest(n.url, "", "GET", "/schema/"+name, nil)
	require.Equal(t, 404, status, "%s", body)
}

// pages are texts of a collection, each about something else.
func pages(n int) []string {
	towns := []string{"Lisbon", "Oslo", "Nairobi", "Quito", "Hanoi", "Perth", "Bergen", "Odesa", "Fez", "Turin"}
	trades := []string{"shipyards", "cork mills", "tea houses", "printing works", "observatories", "glass kilns", "salt pans"}
	list := make([]string, n)
	for i := range list {
		list[i] = "Page " + code(i) + " is about the " + trades[i%len(trades)] + " of " + towns[i%len(towns)] + "."
	}
	return list
}

const transformers = "text2vec-transformers"

// TestAdoptCommand runs `latentask adopt` as users do, on one node that has
// another vectorizer beside text2vec-latent and may drop vectors.
func TestAdoptCommand(t *testing.T) {
	encoder := openEncoder(t)
	container := httptest.NewServer(&inference.Container{Encoder: encoder, Change: permuted})
	t.Cleanup(container.Close)
	n := start(t, setup{env: map[string]string{
		"ENABLE_MODULES":             "text2vec-latent," + transformers,
		"TRANSFORMERS_INFERENCE_API": container.URL,
		adoption.DropSwitch:          "true",
		// A vector is dropped when tasks are looked for, once a minute by default.
		"DISTRIBUTED_TASKS_SCHEDULER_TICK_INTERVAL_SECONDS": "5",
	}})
	for name, f := range map[string]func(*testing.T, *node){
		"unnamed": adoptUnnamed, "named": adoptNamed, "several": adoptSeveral, "start": adoptEqualsStart,
		"into": adoptInto, "chunk": adoptChunk, "tenants": adoptTenants,
	} {
		t.Run(name, func(t *testing.T) {
			// Most of the time is waiting for a job to be old enough to end.
			t.Parallel()
			f(t, n)
		})
	}
}

// otherwise is a collection of pages that another model embeds.
func otherwise(name string, vectors map[string]models.VectorConfig) *models.Class {
	class := adoptee(name, vectors)
	if vectors == nil {
		class.Vectorizer = transformers
	}
	return class
}

// paged stores pages, with vectors for the names given.
func paged(t testing.TB, n *node, name, tenant string, texts []string, vectors ...string) {
	t.Helper()
	var objects []map[string]any
	for i, text := range texts {
		var own4 map[string][]float32
		for k, vector := range vectors {
			if own4 == nil {
				own4 = map[string][]float32{}
			}
			own4[vector] = own(i + 1000*k)
		}
		objects = append(objects, written(name, tenant, idAt(i), text, own4))
	}
	store(t, n, objects)
}
