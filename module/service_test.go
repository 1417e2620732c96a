package module

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/sirupsen/logrus/hooks/test"

	"github.com/latentask/latentask/reasoner"
)

// held is an opener that waits to be told how it ends.
type held struct{ end chan func() (*model, error) }

func (h *held) open(ctx context.Context, _ Settings) (*model, error) {
	select {
	case f := <-h.end:
		return f()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func newHeldService() (*service, *held) {
	logger, _ := test.NewNullLogger()
	h := &held{end: make(chan func() (*model, error), 1)}
	return newService(Settings{Bundle: "/bundle"}, h.open, logger), h
}

func TestServiceStates(t *testing.T) {
	for _, tt := range []struct {
		state State
		end   func() (*model, error)
		code  int
		says  []string
	}{
		{StateReady, func() (*model, error) { return &model{retriever: "r", info: map[string]any{"device": "cpu"}}, nil }, 200, nil},
		{StateAbsent, func() (*model, error) { return nil, fmt.Errorf("%w at /bundle", errNoBundle) }, 503, []string{"no bundle at /bundle", EnvBundle}},
		{StateFailed, func() (*model, error) { return nil, errors.New("lm.onnx: SHA-256 differs") }, 503, []string{"lm.onnx: SHA-256 differs", EnvBundle}},
	} {
		t.Run(string(tt.state), func(t *testing.T) {
			s, h := newHeldService()
			s.start()
			assertState(t, s, StateLoading, 503)
			_, err := s.ready()
			if !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), "still loading") {
				t.Errorf("while loading: %v", err)
			}
			h.end <- tt.end
			<-s.done
			assertState(t, s, tt.state, tt.code)
			_, err = s.ready()
			if (err == nil) != (tt.state == StateReady) {
				t.Fatalf("ready is %v", err)
			}
			for _, part := range tt.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error does not say %q: %v", part, err)
				}
			}
			if err := s.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func assertState(t *testing.T, s *service, want State, code int) {
	t.Helper()
	w := httptest.NewRecorder()
	newQnA(s).RootHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/ready", nil))
	var body map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	// The handler has no authentication: nothing but the state may be told.
	if w.Code != code || len(body) != 1 || body["state"] != string(want) {
		t.Errorf("/ready answers %d %v, want %d %s", w.Code, body, code, want)
	}
	meta, err := newQnA(s).MetaInfo()
	if err != nil || meta["state"] != string(want) {
		t.Errorf("/v1/meta shows %v, %v", meta, err)
	}
	if want == StateReady && meta["device"] != "cpu" {
		t.Errorf("/v1/meta lacks the device: %v", meta)
	}
	if got := testutil.ToFloat64(s.metrics.state.WithLabelValues(string(want))); got != 1 {
		t.Errorf("the state's metric is %v", got)
	}
	if got := testutil.CollectAndCount(s.metrics.state); got != 4 {
		t.Errorf("the state has %d series", got)
	}
}

func TestPanicWhileOpeningFailsTheBundleAlone(t *testing.T) {
	s, h := newHeldService()
	h.end <- func() (*model, error) { panic("broken graph") }
	s.start()
	<-s.done
	assertState(t, s, StateFailed, 503)
}

func TestReadyTakesNoOtherMethodOrPath(t *testing.T) {
	s, _ := newHeldService()
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{http.MethodPost, "/ready", http.StatusMethodNotAllowed},
		{http.MethodGet, "/", http.StatusNotFound},
		{http.MethodGet, "/ready/more", http.StatusNotFound},
		{http.MethodHead, "/ready", http.StatusServiceUnavailable},
	} {
		w := httptest.NewRecorder()
		readiness(s).ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.want {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, w.Code, tt.want)
		}
	}
}

func TestCloseEndsAnOpeningAndClosesTheModelOnce(t *testing.T) {
	s, _ := newHeldService()
	s.start()
	if err := s.close(); err != nil {
		t.Error(err)
	}

	s, h := newHeldService()
	closed := 0
	failure := errors.New("close failed")
	h.end <- func() (*model, error) {
		return &model{close: func() error { closed++; return failure }}, nil
	}
	s.start()
	<-s.done
	for range 2 {
		if err := s.close(); !errors.Is(err, failure) {
			t.Errorf("got %v", err)
		}
	}
	if closed != 1 {
		t.Errorf("closed %d times", closed)
	}
}

func TestOpenModelWithoutABundle(t *testing.T) {
	_, err := openModel(context.Background(), Settings{Bundle: filepath.Join(t.TempDir(), "nothing")})
	if !errors.Is(err, errNoBundle) {
		t.Errorf("got %v", err)
	}
	// A folder that is there is meant to be a bundle.
	_, err = openModel(context.Background(), Settings{Bundle: t.TempDir()})
	if err == nil || errors.Is(err, errNoBundle) || !strings.Contains(err.Error(), "manifest.json") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

func TestSettings(t *testing.T) {
	for _, name := range []string{EnvBundle, EnvDevice, EnvThreads, EnvQueue, EnvMaxAsks, EnvMaxWrite} {
		t.Setenv(name, "")
	}
	got, err := SettingsFromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	if want := (Settings{Bundle: systemBundle, Device: "auto", MaxAsks: 4, MaxWrite: 75 * time.Second}); got != want {
		t.Errorf("defaults are %+v, want %+v", got, want)
	}

	t.Setenv(EnvBundle, "/b")
	t.Setenv(EnvDevice, "cuda:1")
	t.Setenv(EnvThreads, "3")
	t.Setenv(EnvQueue, "7")
	t.Setenv(EnvMaxAsks, "9")
	t.Setenv(EnvMaxWrite, "300")
	got, err = SettingsFromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	if want := (Settings{Bundle: "/b", Device: "cuda:1", Threads: 3, Queue: 7, MaxAsks: 9, MaxWrite: 5 * time.Minute}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}

	for name, values := range map[string][]string{
		EnvThreads:  {"-1", "many", "257"},
		EnvQueue:    {"-1", "1.5"},
		EnvMaxAsks:  {"0", "1001"},
		EnvMaxWrite: {"0", "3601", "1m"},
	} {
		for _, value := range values {
			t.Run(name+"="+value, func(t *testing.T) {
				t.Setenv(name, value)
				if _, err := SettingsFromEnvironment(); err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("got %v, want an error that names %s", err, name)
				}
			})
		}
	}
}

func TestGoMemoryLimit(t *testing.T) {
	const gib = 1 << 30
	for total, want := range map[uint64]int64{
		2 * gib:  1 * gib,
		4 * gib:  2 * gib,
		20 * gib: 16 * gib,
	} {
		got := goMemoryLimit(total)
		if diff := got - want; diff < -16 || diff > 16 {
			t.Errorf("of %d GiB: %d, want %d", total/gib, got, want)
		}
	}
}

func TestMetrics(t *testing.T) {
	m := newMetrics()
	registry := prometheus.NewRegistry()
	for range 2 {
		if err := m.register(registry); err != nil {
			t.Fatal(err)
		}
	}
	m.asked("", &reasoner.Result{Hops: []reasoner.Hop{{Action: reasoner.ActionQuery}, {Action: reasoner.ActionAnswer}}}, nil)
	m.asked(reasoner.ModeSingle, nil, reasoner.ErrOverloaded)
	m.asked(reasoner.ModeLatent, nil, nil)
	for labels, want := range map[[2]string]float64{
		{"LATENT", "answered"}: 1, {"SINGLE", "overloaded"}: 1, {"LATENT", "empty"}: 1,
	} {
		if got := testutil.ToFloat64(m.questions.WithLabelValues(labels[0], labels[1])); got != want {
			t.Errorf("questions %v: %v", labels, got)
		}
	}
	if got := testutil.CollectAndCount(m.duration); got != 1 {
		t.Errorf("durations of %d modes, want the answered one's", got)
	}
}

func TestOutcomes(t *testing.T) {
	for want, err := range map[string]error{
		"invalid":    askError(&reasoner.InputError{Field: "maxHops"}),
		"refused":    &ForeignVectorsError{},
		"overloaded": askError(reasoner.ErrOverloaded),
		"not_ready":  &NotReadyError{State: StateLoading},
		"canceled":   askError(context.Canceled),
		"failed":     askError(os.ErrInvalid),
	} {
		if got := outcome(nil, err); got != want {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
	// A collection of text2vec-latent under a bundle of another retriever.
	if got := outcome(nil, &RetrieverError{Named: "one", Bundle: "another"}); got != "refused" {
		t.Errorf("a bundle of another retriever is %q", got)
	}
	if got := outcome(&reasoner.Result{Answer: reasoner.Answer{Partial: true}}, nil); got != "partial" {
		t.Errorf("a partial answer is %q", got)
	}
	if got := outcome(&reasoner.Result{Answer: reasoner.Answer{Abstained: true}}, nil); got != "abstained" {
		t.Errorf("no answer is %q", got)
	}
}
