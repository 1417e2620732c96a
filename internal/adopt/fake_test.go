package adopt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"

	"github.com/latentask/latentask/internal/client"
)

// jobSeconds is what the node in memory says that a job waits.
const jobSeconds = 10

// fakeNode is as much of a node as this package talks to, in memory.
type fakeNode struct {
	t *testing.T

	mu      sync.Mutex
	classes map[string]*models.Class
	tenants map[string]map[string]string // status by class and name
	// objects by class, tenant and id
	objects map[string]map[string]map[string]*models.Object
	job     *client.Adoption
	// jobSteps is what the job's state becomes with each look.
	jobSteps []client.Adoption
	started  []client.AdoptionRequest
	deny     map[string]int    // status by method and path
	said     map[string]string // its message
	// before is called before a request, outside of the lock; true drops it as a
	// node that dies does.
	before func(r *http.Request) bool
	// distances of nearText by id, 0 where there is none.
	distances map[string]float64
	// refuse is what a GraphQL query that is answered by an error has in it.
	refuse string
	// asked is called with a GraphQL query before it is answered, under the lock.
	asked func(query string)
	// perSecond is how fast the node embeds, measured what it embedded to tell.
	perSecond float64
	measured  []string
	// writes counts objects that were stored by batches.
	writes int
}

func newFake(t *testing.T) (*fakeNode, *Runner) {
	n := &fakeNode{
		t: t, classes: map[string]*models.Class{}, tenants: map[string]map[string]string{},
		objects: map[string]map[string]map[string]*models.Object{}, deny: map[string]int{}, said: map[string]string{},
	}
	server := httptest.NewServer(n)
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{URL: server.URL, APIKey: "key"})
	require.NoError(t, err)
	return n, &Runner{Client: c, Progress: io.Discard, Poll: time.Millisecond, Page: 7}
}

// locked is for what a test reads or changes after a run was cut off: a request
// of that run may still be at work.
func (n *fakeNode) locked(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

// add stores a collection.
func (n *fakeNode) add(class *models.Class, tenants ...models.Tenant) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.classes[class.Class] = class
	n.tenants[class.Class] = map[string]string{}
	n.objects[class.Class] = map[string]map[string]*models.Object{}
	for _, t := range tenants {
		n.tenants[class.Class][t.Name] = t.ActivityStatus
	}
}

// of are a tenant's objects by id. The lock is held.
func (n *fakeNode) of(class, tenant string) map[string]*models.Object {
	if n.objects[class][tenant] == nil {
		n.objects[class][tenant] = map[string]*models.Object{}
	}
	return n.objects[class][tenant]
}

// put stores an object as the user does; nil properties delete it.
func (n *fakeNode) put(class, tenant, id string, properties map[string]any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if properties == nil {
		delete(n.of(class, tenant), id)
		return
	}
	n.of(class, tenant)[id] = &models.Object{Class: class, ID: strfmt.UUID(id), Tenant: tenant, Properties: properties}
}

// blank takes all texts away.
func (n *fakeNode) blank(class string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, o := range n.of(class, "") {
		o.Properties = map[string]any{}
	}
}

// embed gives all objects of a collection a vector.
func (n *fakeNode) embed(class, vector string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, o := range n.of(class, "") {
		if vector == "" {
			o.Vector = []float32{1, 0}
		} else {
			o.Vectors = models.Vectors{vector: []float32{1, 0}}
		}
	}
}

// snapshot is a tenant's properties by id.
func (n *fakeNode) snapshot(class, tenant string) map[string]map[string]any {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := map[string]map[string]any{}
	for id, o := range n.of(class, tenant) {
		out[id] = maps.Clone(o.Properties.(map[string]any))
	}
	return out
}

func (n *fakeNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	before := n.before
	n.mu.Unlock()
	if before != nil && before(r) {
		panic(http.ErrAbortHandler)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	key := r.Method + " " + r.URL.Path
	if status, ok := n.deny[key]; ok {
		n.fail(w, status, n.said[key])
		return
	}
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	switch {
	case path[0] == "meta":
		n.answer(w, map[string]any{"version": "1.39.0", "modules": map[string]any{
			"qna-latent":      map[string]any{"state": "ready"},
			"text2vec-latent": map[string]any{"state": "ready", "model": "retriever", "dimension": 384},
		}})
	case path[0] == "modules":
		n.adoptions(w, r)
	case path[0] == "schema" && len(path) > 2 && path[2] == "tenants":
		n.serveTenants(w, r, path)
	case path[0] == "schema" && len(path) > 2:
		n.drop(w, path)
	case path[0] == "schema":
		n.schema(w, r, path)
	case r.URL.Path == "/v1/batch/objects":
		n.batch(w, r)
	case r.URL.Path == "/v1/batch/references":
		n.references(w, r)
	case path[0] == "objects" && r.Method == http.MethodDelete:
		delete(n.of(path[1], r.URL.Query().Get("tenant")), path[2])
		w.WriteHeader(http.StatusNoContent)
	case path[0] == "objects" && len(path) > 2:
		if o := n.of(path[1], r.URL.Query().Get("tenant"))[path[2]]; o != nil {
			n.answer(w, o)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	case path[0] == "objects":
		n.list(w, r)
	case path[0] == "graphql":
		n.graphql(w, r)
	default:
		n.fail(w, http.StatusNotFound, "no such path "+r.URL.Path)
	}
}

func (n *fakeNode) answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	data, err := json.Marshal(value)
	if err != nil {
		n.t.Error(err)
	}
	_, _ = w.Write(data) // one whose caller was killed goes nowhere
}

func (n *fakeNode) fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": []any{map[string]any{"message": message}}})
}

func (n *fakeNode) read(r *http.Request, into any) {
	err := json.NewDecoder(r.Body).Decode(into)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		panic(http.ErrAbortHandler) // its caller was killed
	}
	if err != nil {
		n.t.Error(err)
	}
}

func (n *fakeNode) adoptions(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/speed"):
		var request client.SpeedRequest
		n.read(r, &request)
		n.measured = request.Texts
		n.answer(w, client.Speed{Texts: len(request.Texts), PerSecond: n.perSecond, JobSeconds: jobSeconds})
	case r.Method == http.MethodPost:
		var request client.AdoptionRequest
		n.read(r, &request)
		n.started = append(n.started, request)
		if n.job == nil {
			n.job = &client.Adoption{Collection: request.Collection, Vector: request.Vector, State: client.AdoptionRunning}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(n.job)
	case r.Method == http.MethodDelete:
		n.job = nil
		w.WriteHeader(http.StatusNoContent)
	case strings.HasSuffix(r.URL.Path, "/adoptions"):
		n.answer(w, map[string]any{"adoptions": []any{}})
	case n.job == nil:
		n.fail(w, http.StatusNotFound, "no such job")
	default:
		if len(n.jobSteps) > 0 {
			next := n.jobSteps[0]
			next.Collection, next.Vector = n.job.Collection, n.job.Vector
			n.job, n.jobSteps = &next, n.jobSteps[1:]
		}
		n.answer(w, n.job)
	}
}

func (n *fakeNode) schema(w http.ResponseWriter, r *http.Request, path []string) {
	switch r.Method {
	case http.MethodGet:
		if class, ok := n.classes[path[1]]; ok {
			n.answer(w, class)
			return
		}
		n.fail(w, http.StatusNotFound, "no such class")
	case http.MethodDelete:
		delete(n.classes, path[1])
		delete(n.objects, path[1])
	default:
		var class models.Class
		n.read(r, &class)
		if _, ok := n.classes[class.Class]; !ok {
			if class.Vectorizer != "" && len(class.VectorConfig) > 0 {
				n.fail(w, http.StatusUnprocessableEntity, "creating a class with both is forbidden")
				return
			}
			n.tenants[class.Class] = map[string]string{}
			n.objects[class.Class] = map[string]map[string]*models.Object{}
		}
		n.classes[class.Class] = &class
		n.answer(w, class)
	}
}

func (n *fakeNode) serveTenants(w http.ResponseWriter, r *http.Request, path []string) {
	known := n.tenants[path[1]]
	if r.Method == http.MethodGet {
		list := []models.Tenant{}
		for _, name := range slices.Sorted(maps.Keys(known)) {
			if len(path) < 4 || path[3] == name {
				list = append(list, models.Tenant{Name: name, ActivityStatus: known[name]})
			}
		}
		switch {
		case len(path) == 4 && len(list) == 0:
			n.fail(w, http.StatusNotFound, "no such tenant")
			return
		case len(path) == 4:
			n.answer(w, list[0])
			return
		}
		n.answer(w, list)
		return
	}
	var list []models.Tenant
	n.read(r, &list)
	for _, t := range list {
		known[t.Name] = t.ActivityStatus
	}
	n.answer(w, list)
}

func (n *fakeNode) drop(w http.ResponseWriter, path []string) {
	delete(n.classes[path[1]].VectorConfig, path[3])
	w.WriteHeader(http.StatusOK)
}

// closed tells whether a tenant can't be read or written.
func (n *fakeNode) closed(class, tenant string) bool {
	return tenant != "" && n.tenants[class][tenant] != models.TenantActivityStatusACTIVE
}

func (n *fakeNode) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	class, tenant := q.Get("class"), q.Get("tenant")
	if n.closed(class, tenant) {
		n.fail(w, http.StatusUnprocessableEntity, "tenant not active")
		return
	}
	limit, _ := strconv.Atoi(q.Get("limit"))
	objects := n.of(class, tenant)
	list := []*models.Object{}
	for _, id := range slices.Sorted(maps.Keys(objects)) {
		if id > q.Get("after") && len(list) < limit {
			list = append(list, objects[id])
		}
	}
	n.answer(w, map[string]any{"objects": list})
}

func (n *fakeNode) batch(w http.ResponseWriter, r *http.Request) {
	var body struct{ Objects []*models.Object }
	n.read(r, &body)
	replies := make([]map[string]any, len(body.Objects))
	for i, o := range body.Objects {
		if n.closed(o.Class, o.Tenant) {
			n.fail(w, http.StatusUnprocessableEntity, "tenant not active")
			return
		}
		replies[i] = map[string]any{"id": o.ID, "result": map[string]any{"status": "SUCCESS"}}
		if values, _ := o.Properties.(map[string]any); values["title"] == "refuse me" {
			replies[i]["result"] = map[string]any{"errors": map[string]any{"error": []any{map[string]any{"message": "no"}}}}
			continue
		}
		n.writes++
		n.of(o.Class, o.Tenant)[string(o.ID)] = o
	}
	n.answer(w, replies)
}

func (n *fakeNode) references(w http.ResponseWriter, r *http.Request) {
	var list []*models.BatchReference
	n.read(r, &list)
	replies := make([]map[string]any, len(list))
	for i, reference := range list {
		replies[i] = map[string]any{"result": map[string]any{"status": "SUCCESS"}}
		from := strings.Split(strings.TrimPrefix(string(reference.From), beacon), "/")
		o := n.of(from[0], reference.Tenant)[from[1]]
		if o == nil {
			continue
		}
		values := o.Properties.(map[string]any)
		old, _ := values[from[2]].([]any)
		values[from[2]] = append(old, map[string]any{"beacon": string(reference.To), "href": "/somewhere"})
	}
	n.answer(w, replies)
}

var (
	queryClass  = regexp.MustCompile(`\{ (?:Get|Aggregate) \{ (\w+)`)
	queryTenant = regexp.MustCompile(`tenant: "([^"]*)"`)
	queryAny    = regexp.MustCompile(`path: \["(\w+)"\], operator: ContainsAny, valueText: (\[[^\]]*\])`)
	queryID     = regexp.MustCompile(`path: \["id"\], operator: Equal, valueText: "([^"]*)"`)
	queryAfter  = regexp.MustCompile(`after: "([^"]*)"`)
	queryLimit  = regexp.MustCompile(`limit: (\d+)`)
	queryNear   = regexp.MustCompile(`nearObject: \{id: "([^"]*)"(?:, targetVectors: \["(\w+)"\])?`)
)

// withVector are the objects that have the vector which a query near one of them
// searches, or what the node says against it.
func (n *fakeNode) withVector(class string, objects map[string]*models.Object, id, vector string) (map[string]*models.Object, string) {
	if schema := n.classes[class]; vector == "" && !modelsext.ClassHasLegacyVectorIndex(schema) {
		others := slices.DeleteFunc(named(schema), func(name string) bool {
			module, _ := vectorizerOf(schema.VectorConfig[name])
			return module == client.Vectorizer
		})
		if len(others) != 1 {
			return nil, "multiple vectors found, specify target vector"
		}
		vector = others[0]
	}
	if objects[id] == nil {
		return nil, "vector not found"
	}
	if !hasVector(objects[id], vector) {
		return nil, "vector not found for target: " + vector
	}
	objects = maps.Clone(objects)
	maps.DeleteFunc(objects, func(_ string, o *models.Object) bool { return !hasVector(o, vector) })
	return objects, ""
}

// graphql answers the queries that client writes.
func (n *fakeNode) graphql(w http.ResponseWriter, r *http.Request) {
	var body struct{ Query string }
	n.read(r, &body)
	find := func(e *regexp.Regexp, i int) string {
		if m := e.FindStringSubmatch(body.Query); m != nil {
			return m[i]
		}
		return ""
	}
	class, tenant := find(queryClass, 1), find(queryTenant, 1)
	if n.asked != nil {
		n.asked(body.Query)
	}
	objects := n.of(class, tenant)
	if n.refuse != "" && strings.Contains(body.Query, n.refuse) {
		n.answer(w, map[string]any{"errors": []any{map[string]any{"message": "refused"}}})
		return
	}
	if strings.Contains(body.Query, "Aggregate") {
		row := map[string]any{"meta": map[string]any{"count": len(objects)}}
		n.answer(w, map[string]any{"data": map[string]any{"Aggregate": map[string]any{class: []any{row}}}})
		return
	}
	if id := find(queryNear, 1); id != "" {
		var said string
		if objects, said = n.withVector(class, objects, id, find(queryNear, 2)); said != "" {
			n.answer(w, map[string]any{"errors": []any{map[string]any{"message": said}}})
			return
		}
	}
	limit, _ := strconv.Atoi(find(queryLimit, 1))
	if limit == 0 {
		limit = 1000
	}
	var values []string
	if list := find(queryAny, 2); list != "" {
		if err := json.Unmarshal([]byte(list), &values); err != nil {
			n.t.Error(err)
		}
	}
	rows := []any{}
	for _, id := range slices.Sorted(maps.Keys(objects)) {
		row := maps.Clone(objects[id].Properties.(map[string]any))
		property := find(queryAny, 1)
		value := id
		if property != "id" {
			value = fmt.Sprint(row[property])
		}
		if wanted := find(queryID, 1); wanted != "" && wanted != id {
			continue
		}
		if len(rows) == limit || (property != "" && !slices.Contains(values, value)) || id <= find(queryAfter, 1) {
			continue
		}
		row["_additional"] = map[string]any{"id": id, "distance": n.distances[id], "latentAsk": map[string]any{"answer": map[string]any{"text": "an answer"}}}
		rows = append(rows, row)
	}
	n.answer(w, map[string]any{"data": map[string]any{"Get": map[string]any{class: rows}}})
}
