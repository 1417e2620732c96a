package acceptance

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/test/inference"
	"github.com/latentask/latentask/vectorizer"
)

// holding is a vectorizer's service that is slow with some texts: those that
// have a mark in them wait until they are let go.
type holding struct {
	service http.Handler
	mark    string
	// held gets one value for each text that waits, letGo is closed to end that.
	held, letGo chan struct{}
}

func (h *holding) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if strings.Contains(string(body), h.mark) {
		h.held <- struct{}{}
		select {
		case <-h.letGo:
		case <-r.Context().Done():
		}
	}
	h.service.ServeHTTP(w, r)
}

// slowPages is how many objects are there before a slow write.
const slowPages = 20

// A write that began before the vector was in the schema, and waits for the
// collection's own vectorizer meanwhile, does not know of the vector. The job
// ends after such a write has, and the object has the vector of its text,
// whichever way it was written.
func TestAdoptWaitsForSlowWriters(t *testing.T) {
	encoder := openEncoder(t)
	n := start(t, setup{env: map[string]string{
		"ENABLE_MODULES": "text2vec-latent," + transformers,
		// Collections name their own.
		"TRANSFORMERS_INFERENCE_API":    "http://127.0.0.1:1",
		"TRANSFORMERS_WAIT_FOR_STARTUP": "false",
		"LATENTASK_MAX_WRITE_SECONDS":   "20",
	}})
	objects := func(object map[string]any) any { return map[string]any{"objects": []any{object}} }
	itself := func(object map[string]any) any { return object }
	for name, w := range map[string]slowWriter{
		"new":             {slowPages, "POST", "/objects", itself},
		"in a batch":      {slowPages, "POST", "/batch/objects", objects},
		"written over":    {1, "PUT", "/objects/%s/" + idAt(1), itself},
		"changed in part": {1, "PATCH", "/objects/%s/" + idAt(1), itself},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time is waiting
			w.write(t, n, encoder)
		})
	}
}

// slowWriter writes the object of a number by a request to a path, of whose
// body the object is made.
type slowWriter struct {
	object       int
	method, path string
	body         func(object map[string]any) any
}

// write adopts a collection while the writer waits for its vectorizer.
func (w slowWriter) write(t *testing.T, n *node, encoder *vectorizer.Encoder) {
	// slow is how long the job is at work when the write goes on: longer than it
	// would wait in a collection without a vectorizer.
	const slow = 12 * time.Second
	service := &holding{
		service: &inference.Container{Encoder: encoder, Change: permuted}, mark: "slowly",
		held: make(chan struct{}, 8), letGo: make(chan struct{}),
	}
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	letGo := sync.OnceFunc(func() { close(service.letGo) })
	t.Cleanup(letGo) // where the test fails before

	name := uniqueName(t)
	class := otherwise(name, nil)
	class.ModuleConfig = map[string]any{transformers: map[string]any{"inferenceUrl": server.URL}}
	create(t, n, class)
	paged(t, n, name, "", pages(slowPages))
	before := all(t, n, name, "")

	const text = "A page about lighthouses, written slowly."
	path := w.path
	if strings.Contains(path, "%s") {
		path = fmt.Sprintf(path, name)
	}
	ended := make(chan string, 1)
	go func() {
		status, body := rest(n.url, "", w.method, path, w.body(written(name, "", idAt(w.object), text, nil)))
		if status/100 == 2 && !strings.Contains(string(body), `"FAILED"`) {
			body = nil
		}
		ended <- string(body)
	}()
	select {
	case <-service.held:
	case said := <-ended:
		t.Fatalf("the writer did not wait: %s", said)
	case <-time.After(time.Minute):
		t.Fatal("the writer did not come to its vectorizer")
	}

	a := &adopting{t: t, n: n, args: append([]string{"adopt", "--collection", name}, one...)}
	a.start()
	defer func() { a.kill() }() // one that has ended stays as it is
	require.Eventually(t, func() bool {
		j := seen(n, name)
		if j == nil {
			return false
		}
		waits := j.Total.Filled == 0 && j.Waiting && time.Since(time.UnixMilli(j.StartedUnixMs)) > slow
		return waits || j.State != client.AdoptionRunning
	}, time.Minute, 100*time.Millisecond, "the tool said: %s", a.out)
	for id, o := range all(t, n, name, "") {
		require.Equal(t, before[id].Properties, o.Properties, "the writer is late")
	}
	letGo()
	require.Empty(t, <-ended)
	a.ends(toolTime)

	after := all(t, n, name, "")
	require.Equal(t, text, after[idAt(w.object)].text())
	requireVectors(t, n, name, "", after)
	require.NoError(t, a.err, "the tool said: %s", a.out)
	require.Contains(t, a.out.String(), "all is as it should be")
}
