package adoption

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	openapi "github.com/go-openapi/errors"
	"github.com/weaviate/weaviate/cluster/distributedtask"
	"github.com/weaviate/weaviate/entities/models"
)

// site is a Service on a node of fakes, with users "ann", who may all, "eve",
// who may nothing, and anonymous ones, who are not let in.
type site struct {
	*bench
	cluster *fakeCluster
	service *Service
	handler http.Handler
}

func newSite(t *testing.T, shards ...string) *site {
	s := &site{bench: newBench(t, shards...), cluster: &fakeCluster{}}
	s.rights.forbid = func(p *models.Principal, _, _ string) bool { return p == nil || p.Username == "eve" }
	s.service = NewService(&Host{
		Node: testNode, Dir: s.store.dir, Storage: s.storage, Schema: s.schema, Cluster: s.cluster, Ready: func() bool { return true },
		Rights: s.rights, Known: s.rights,
		Authenticate: func(r *http.Request) (*models.Principal, error) {
			return authenticate(r, false, func(token string, _ []string) (*models.Principal, error) {
				if token != "ann" && token != "eve" {
					return nil, openapi.New(http.StatusUnauthorized, "unauthorized: invalid api key")
				}
				return &models.Principal{Username: token, UserType: models.UserTypeInputDb}, nil
			})
		},
		Resolve: func(_ *models.Principal, collection string) (string, error) { return collection, nil },
	}, s.model, nil, NewMetrics(), 0, quiet())
	s.service.lag = 0
	s.handler = s.service.Handler()
	return s
}

// work runs the node's part of the job that was started, to its end.
func (s *site) work() {
	s.t.Helper()
	provider := s.service.Provider()
	provider.SetCompletionRecorder(&fakeRecorder{})
	handle, err := provider.StartTask(s.cluster.tasks[0].Clone())
	if err != nil {
		s.t.Fatal(err)
	}
	<-handle.Done()
}

func (s *site) do(method, path, key, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response := httptest.NewRecorder()
	s.handler.ServeHTTP(response, request)
	return response
}

const startBody = `{"collection":"Docs","vector":"latent","rate":0,"tenants":[]}`

func TestHTTP(t *testing.T) {
	for _, tt := range []struct {
		name, method, path, key, body string
		change                        func(*site)
		status                        int
		says                          string
	}{
		{"start", "POST", "/adoptions", "ann", startBody, nil, 202, `"state":"running"`},
		{"list", "GET", "/adoptions", "ann", "", nil, 200, `{"adoptions":[]}`},
		{"no key", "POST", "/adoptions", "", startBody, nil, 401, "anonymous access not enabled"},
		{"no key, list", "GET", "/adoptions", "", "", nil, 401, "anonymous"},
		{"wrong key", "POST", "/adoptions", "mallory", startBody, nil, 401, "invalid api key"},
		{"no rights", "POST", "/adoptions", "eve", startBody, nil, 403, "insufficient permissions to R"},
		{"no rights to write", "POST", "/adoptions", "ann", startBody, func(s *site) { s.rights.forbid = forbid("U", "data") }, 403, "insufficient permissions to U [data/collections/Docs/"},
		{"no rights to see", "GET", "/adoptions/Docs/latent", "eve", "", nil, 403, "insufficient"},
		{"no rights to stop", "DELETE", "/adoptions/Docs/latent", "eve", "", nil, 403, "insufficient"},
		{"no job", "GET", "/adoptions/Docs/latent", "ann", "", nil, 404, "no adoption"},
		{"no job to stop", "DELETE", "/adoptions/Docs/latent", "ann", "", nil, 404, "no adoption"},
		{"no collection", "POST", "/adoptions", "ann", `{"collection":"Nowhere","vector":"latent"}`, nil, 404, `"Nowhere\"`},
		{"no vector", "POST", "/adoptions", "ann", `{"collection":"Docs","vector":"laten"}`, nil, 404, "add it to the schema"},
		{"another vectorizer", "POST", "/adoptions", "ann", `{"collection":"Docs","vector":"other"}`, nil, 422, "not of text2vec-latent"},
		{"nothing named", "POST", "/adoptions", "ann", `{}`, nil, 422, "must be named"},
		{"no JSON", "POST", "/adoptions", "ann", `collection`, nil, 422, "JSON"},
		{"two values", "POST", "/adoptions", "ann", startBody + startBody, nil, 422, "more than one"},
		{"unknown field", "POST", "/adoptions", "ann", `{"collection":"Docs","vector":"latent","speed":1}`, nil, 422, "speed"},
		{"negative rate", "POST", "/adoptions", "ann", `{"collection":"Docs","vector":"latent","rate":-1}`, nil, 422, "rate"},
		{"tenants of none", "POST", "/adoptions", "ann", `{"collection":"Docs","vector":"latent","tenants":["x"]}`, nil, 422, "no tenants"},
		{"no bundle", "POST", "/adoptions", "ann", startBody, func(s *site) { s.model.never = errors.New("the bundle is still loading") }, 503, "still loading"},
		{"another retriever's", "POST", "/adoptions", "ann", startBody, func(s *site) { s.model.other = errors.New("the vector is of another retriever") }, 409, "another retriever"},
		{"not built for it", "POST", "/adoptions", "ann", startBody, func(s *site) { s.service.host.Storage = nil }, 409, "latentask build"},
		{"shards of the list", "GET", "/adoptions?shards=-1", "ann", "", nil, 422, "shards"},
		{"shards", "GET", "/adoptions/Docs/latent?shards=many", "ann", "", nil, 422, "shards"},
		{"cluster fails", "POST", "/adoptions", "ann", startBody, func(s *site) { s.cluster.err = errors.New("no leader") }, 500, "no leader"},
		{"another method", "PUT", "/adoptions", "ann", "", nil, 405, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, "a")
			if tt.change != nil {
				tt.change(s)
			}
			response := s.do(tt.method, tt.path, tt.key, tt.body)
			if response.Code != tt.status || !strings.Contains(response.Body.String(), tt.says) {
				t.Fatalf("got %d %s, want %d and %q", response.Code, response.Body, tt.status, tt.says)
			}
			if tt.status >= 400 && tt.status != 405 {
				var fault models.ErrorResponse
				if err := json.Unmarshal(response.Body.Bytes(), &fault); err != nil || len(fault.Error) != 1 {
					t.Errorf("not an error as Weaviate tells them: %s", response.Body)
				}
				if len(s.cluster.tasks) != 0 {
					t.Error("a refused request started a job")
				}
			}
		})
	}
}

func TestAnonymousWhereAllowed(t *testing.T) {
	never := func(string, []string) (*models.Principal, error) { return nil, errors.New("called") }
	request := httptest.NewRequest("GET", "/adoptions", nil)
	if p, err := authenticate(request, true, never); p != nil || err != nil {
		t.Errorf("got %v, %v", p, err)
	}
	for _, header := range []string{"Basic YTpi", "Bearer ", "Bearer"} {
		request.Header.Set("Authorization", header)
		if _, err := authenticate(request, true, never); err == nil {
			t.Errorf("%q was let in", header)
		}
	}
}

func TestStartIsIdempotent(t *testing.T) {
	s := newSite(t, "a")
	if got := s.do("POST", "/adoptions", "ann", startBody).Code; got != http.StatusAccepted {
		t.Fatalf("got %d", got)
	}
	if got := s.do("POST", "/adoptions", "ann", startBody).Code; got != http.StatusOK {
		t.Errorf("the same job again: %d", got)
	}
	if len(s.cluster.tasks) != 1 || s.cluster.version != 1 {
		t.Errorf("%d tasks, version %d", len(s.cluster.tasks), s.cluster.version)
	}
	s.cluster.tasks[0].Status = distributedtask.TaskStatusFinished
	if got := s.do("POST", "/adoptions", "ann", startBody).Code; got != http.StatusAccepted || s.cluster.version != 2 {
		t.Errorf("a finished one: %d, version %d", got, s.cluster.version)
	}
}

// A job that runs is not another one than was asked for.
func TestStartOfAnotherJobThanRuns(t *testing.T) {
	s := newSite(t, "a", "b")
	s.schema.class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
	for i := range s.schema.placed {
		s.schema.placed[i].Status = models.TenantActivityStatusHOT
	}
	s.do("POST", "/adoptions", "ann", `{"collection":"Docs","vector":"latent","rate":7,"tenants":["a"]}`)
	for _, tt := range []struct {
		body, says string
		status     int
	}{
		{`{"collection":"Docs","vector":"latent","rate":7,"tenants":["a"]}`, `"rate":7`, 200},
		{`{"collection":"Docs","vector":"latent","tenants":["a","a"]}`, `"tenants":["a"]`, 200},
		{`{"collection":"Docs","vector":"latent","rate":8,"tenants":["a"]}`, "at 7 objects a second", 409},
		{`{"collection":"Docs","vector":"latent","rate":7,"tenants":["b"]}`, "for 1 tenants", 409},
		{`{"collection":"Docs","vector":"latent","rate":7}`, "for 1 tenants", 409},
	} {
		if got := s.do("POST", "/adoptions", "ann", tt.body); got.Code != tt.status || !strings.Contains(got.Body.String(), tt.says) {
			t.Errorf("%s: got %d %s, want %d and %q", tt.body, got.Code, got.Body, tt.status, tt.says)
		}
	}
	if s.cluster.version != 1 {
		t.Errorf("%d jobs were started", s.cluster.version)
	}
}

// Who may write to some tenants alone can stop what he started for them.
func TestStopOfSomeTenants(t *testing.T) {
	s := newSite(t, "a", "b")
	s.schema.class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
	for i := range s.schema.placed {
		s.schema.placed[i].Status = models.TenantActivityStatusHOT
	}
	s.rights.forbid = func(_ *models.Principal, verb, resource string) bool {
		return verb == "U" && !strings.Contains(resource, "shards/a/")
	}
	if got := s.do("POST", "/adoptions", "ann", `{"collection":"Docs","vector":"latent","tenants":["a"]}`); got.Code != 202 {
		t.Fatalf("got %d %s", got.Code, got.Body)
	}
	if got := s.do("DELETE", "/adoptions/Docs/latent", "ann", ""); got.Code != 204 {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
	s.rights.forbid = nil
	s.do("POST", "/adoptions", "ann", startBody)
	s.rights.forbid = forbid("U", "data")
	if got := s.do("DELETE", "/adoptions/Docs/latent", "ann", ""); got.Code != 403 {
		t.Errorf("a job of all tenants: %d %s", got.Code, got.Body)
	}
}

// Names of tenants are for those who may list them.
func TestTenantsThatOneMayNotSee(t *testing.T) {
	s := newSite(t, "acme", "globex")
	s.service.settle = settling{}
	s.schema.class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
	for i := range s.schema.placed {
		s.schema.placed[i].Status = models.TenantActivityStatusHOT
		s.storage.put(s.schema.placed[i].Name, idOf(i), "text", false)
	}
	s.do("POST", "/adoptions", "ann", `{"collection":"Docs","vector":"latent","tenants":["acme","globex"]}`)
	s.work()
	s.cluster.tasks[0].Status, s.cluster.tasks[0].Error = distributedtask.TaskStatusFailed, `shard "globex": disk full`

	s.rights.forbid = func(_ *models.Principal, verb, resource string) bool {
		return verb == "R" && strings.HasSuffix(resource, "shards/globex")
	}
	for _, path := range []string{"/adoptions/Docs/latent", "/adoptions"} {
		got := s.do("GET", path, "ann", "").Body.String()
		if strings.Contains(got, "globex") || !strings.Contains(got, `"tenant":"acme"`) || !strings.Contains(got, `"leftOut":1`) {
			t.Errorf("%s: %s", path, got)
		}
		if !strings.Contains(got, `"total":{"objects":2,"filled":2`) {
			t.Errorf("%s does not count all: %s", path, got)
		}
	}
	s.rights.forbid = nil
	if got := s.do("GET", "/adoptions/Docs/latent", "ann", "").Body.String(); !strings.Contains(got, "disk full") || !strings.Contains(got, `"tenant":"globex"`) {
		t.Errorf("who may see all sees %s", got)
	}
}

func TestListedShards(t *testing.T) {
	s := newSite(t)
	job := &Job{Collection: testClass, Shards: []Shard{
		{Name: "a", State: StateFinished}, {Name: "b", State: ShardPending}, {Name: "c", State: StateFinished}, {Name: "d", State: StateRunning},
	}}
	for _, tt := range []struct {
		limit int
		want  string
	}{{4, "abcd"}, {3, "dba"}, {1, "d"}, {0, ""}} {
		got := *job
		got.Shards = slices.Clone(job.Shards)
		if err := s.service.limitShards(t.Context(), nil, &got, tt.limit); err != nil {
			t.Fatal(err)
		}
		names := ""
		for _, shard := range got.Shards {
			names += shard.Name
		}
		if names != tt.want || got.LeftOut != 4-len(tt.want) {
			t.Errorf("%d shards: %q, %d left out", tt.limit, names, got.LeftOut)
		}
	}
}

func TestListShowsWhatOneMayRead(t *testing.T) {
	s := newSite(t, "a")
	s.do("POST", "/adoptions", "ann", startBody)
	if got := s.do("GET", "/adoptions", "eve", ""); got.Code != 200 || strings.Contains(got.Body.String(), "Docs") {
		t.Errorf("eve sees %d %s", got.Code, got.Body)
	}
	if got := s.do("GET", "/adoptions", "ann", ""); !strings.Contains(got.Body.String(), `"starter":"ann"`) {
		t.Errorf("ann sees %s", got.Body)
	}
}

// Nothing of a key is kept, and the units are the nodes that hold the shards.
func TestWhatTheClusterIsTold(t *testing.T) {
	s := newSite(t, "a", "b", "c")
	s.schema.placed[1].Nodes = []string{"node3", testNode}
	s.schema.placed[2].Nodes = []string{"node2"}
	s.do("POST", "/adoptions", "ann", startBody)
	task := s.cluster.tasks[0]
	units := make([]string, 0, 3)
	for unit := range task.Units {
		units = append(units, unit)
	}
	slices.Sort(units)
	if strings.Join(units, " ") != "node1 node2 node3" {
		t.Errorf("units are %v", units)
	}
	if got := string(task.Payload); strings.Contains(got, "Bearer") || !strings.Contains(got, `"username":"ann"`) {
		t.Errorf("payload is %s", got)
	}
}

func TestInactiveTenantsNeedTheRightToActivate(t *testing.T) {
	s := newSite(t, "warm", "cold")
	s.schema.class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
	s.schema.placed[0].Status = models.TenantActivityStatusHOT
	s.schema.placed[1].Status = models.TenantActivityStatusCOLD
	s.rights.forbid = forbid("U", "schema")
	if got := s.do("POST", "/adoptions", "ann", startBody); got.Code != 403 || !strings.Contains(got.Body.String(), "shards/cold") {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
	warm := strings.Replace(startBody, `[]`, `["warm"]`, 1)
	if got := s.do("POST", "/adoptions", "ann", warm); got.Code != 202 {
		t.Errorf("the active tenant alone: %d %s", got.Code, got.Body)
	}
	absent := strings.Replace(startBody, `[]`, `["hot"]`, 1)
	if got := s.do("POST", "/adoptions", "ann", absent); got.Code != 404 {
		t.Errorf("a tenant that is not there: %d %s", got.Code, got.Body)
	}
}

// A collection or a vector that was made through another node a moment ago.
func TestStartWaitsForTheSchema(t *testing.T) {
	s := newSite(t, "a")
	s.schema.late = 2
	if got := s.do("POST", "/adoptions", "ann", startBody); got.Code != http.StatusNotFound {
		t.Errorf("a collection that is not there: %d %s", got.Code, got.Body)
	}
	s.service.lag = time.Minute
	if got := s.do("POST", "/adoptions", "ann", startBody); got.Code != http.StatusAccepted {
		t.Errorf("a collection that comes late: %d %s", got.Code, got.Body)
	}
}

// A job's whole way through the provider, as the scheduler of tasks takes it.
func TestProvider(t *testing.T) {
	s := newSite(t, "a")
	s.fillWith("a", 100)
	s.do("POST", "/adoptions", "ann", startBody)
	s.service.settle = settling{}
	recorder := &fakeRecorder{}
	provider := s.service.Provider()
	provider.SetCompletionRecorder(recorder)
	run := func() {
		t.Helper()
		handle, err := provider.StartTask(s.cluster.tasks[0].Clone())
		if err != nil {
			t.Fatal(err)
		}
		<-handle.Done()
	}
	run()
	if message, ended := recorder.ended[testNode]; !ended || message != "" {
		t.Fatalf("ended %v with %q", ended, message)
	}
	s.storage.check(t)
	s.cluster.tasks[0].Status = distributedtask.TaskStatusFinished
	var job Job
	response := s.do("GET", "/adoptions/Docs/latent", "ann", "")
	if err := json.Unmarshal(response.Body.Bytes(), &job); err != nil {
		t.Fatal(err)
	}
	if job.State != StateFinished || job.Objects != 100 || job.Done != 100 || len(job.Shards) != 1 || job.Shards[0].Filled != 100 {
		t.Errorf("got %s", response.Body)
	}

	// A node that has no part in it, or has done its own, does nothing.
	task := s.cluster.tasks[0]
	task.Units[testNode].Status = distributedtask.UnitStatusCompleted
	before := s.model.embedded
	idle := func() {
		t.Helper()
		handle, err := provider.StartTask(task.Clone())
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-handle.Done():
			t.Error("it is done, and would be started again")
		default:
		}
		handle.Terminate()
		<-handle.Done()
	}
	idle()
	task.Units = map[string]*distributedtask.Unit{"node2": {ID: "node2"}}
	idle()
	if s.model.embedded != before {
		t.Error("it worked")
	}
}

func TestProviderTellsWhyItFailed(t *testing.T) {
	s := newSite(t, "a")
	s.fillWith("a", 5)
	s.do("POST", "/adoptions", "ann", startBody)
	s.rights.gone = map[string]bool{"ann": true}
	recorder := &fakeRecorder{}
	provider := s.service.Provider()
	provider.SetCompletionRecorder(recorder)
	handle, err := provider.StartTask(s.cluster.tasks[0])
	if err != nil {
		t.Fatal(err)
	}
	<-handle.Done()
	if got := recorder.ended[testNode]; !strings.Contains(got, `no user "ann"`) {
		t.Errorf("told %q", got)
	}
}

// What is stopped is not told to have failed, and keeps what it has filled.
func TestStop(t *testing.T) {
	s := newSite(t, "a")
	s.fillWith("a", 10*batchSize)
	s.do("POST", "/adoptions", "ann", startBody)
	recorder := &fakeRecorder{}
	provider := s.service.Provider()
	provider.SetCompletionRecorder(recorder)
	stored := make(chan struct{})
	n := 0
	var handle distributedtask.TaskHandle
	started := make(chan struct{})
	s.storage.beforeFill = func(string, [][]byte) {
		if n++; n == 2*batchSize/storeSize {
			close(stored)
			<-started
			handle.Terminate()
		}
	}
	handle, err := provider.StartTask(s.cluster.tasks[0].Clone())
	if err != nil {
		t.Fatal(err)
	}
	<-stored
	if got := s.do("DELETE", "/adoptions/Docs/latent", "ann", "").Code; got != http.StatusNoContent {
		t.Errorf("got %d", got)
	}
	close(started)
	<-handle.Done()
	if len(recorder.ended) != 0 {
		t.Errorf("told %v", recorder.ended)
	}
	job, err := s.service.Job(context.Background(), &models.Principal{Username: "ann"}, testClass, testVector, maxShards)
	if err != nil || job.State != StateStopped || job.Shards[0].Filled < batchSize || job.Shards[0].State != StateStopped {
		t.Errorf("got %+v, %v", job, err)
	}
}

func TestShardsOfOtherNodes(t *testing.T) {
	s := newSite(t, "a", "b")
	s.schema.placed[1].Nodes = []string{"node2"}
	s.do("POST", "/adoptions", "ann", startBody)
	unit := s.cluster.tasks[0].Units["node2"]
	unit.Status, unit.Progress = distributedtask.UnitStatusInProgress, 0.5
	job, err := s.service.Job(context.Background(), &models.Principal{Username: "ann"}, testClass, testVector, maxShards)
	if err != nil {
		t.Fatal(err)
	}
	if len(job.Shards) != 1 || job.Shards[0].Node != "node2" || job.Shards[0].State != StateRunning {
		t.Errorf("shards %+v", job.Shards)
	}
	if len(job.Nodes) != 2 || job.Nodes[1].Progress != 0.5 {
		t.Errorf("nodes %+v", job.Nodes)
	}

	// Of a job that is another node's alone.
	delete(s.cluster.tasks[0].Units, testNode)
	job, err = s.service.Job(context.Background(), &models.Principal{Username: "ann"}, testClass, testVector, maxShards)
	if err != nil || len(job.Shards) != 1 || job.Shards[0].Node != "node2" {
		t.Errorf("got %+v, %v", job, err)
	}
}
