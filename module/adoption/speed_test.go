package adoption

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/weaviate/weaviate/entities/models"
)

func TestMeasuringSpeed(t *testing.T) {
	const body = `{"collection":"Docs","texts":["a page","long page","another"]}`
	for _, tt := range []struct {
		name, key, body string
		change          func(*site)
		status          int
		says            string
	}{
		{"three texts", "ann", body, nil, 200, `"texts":3,"cut":1,`},
		{"no key", "", body, nil, 401, "anonymous"},
		{"no rights", "eve", body, nil, 403, "insufficient permissions to R"},
		{"no rights to the data", "ann", body, func(s *site) { s.rights.forbid = forbid("R", "data") }, 403, "insufficient permissions to R [data/collections/Docs/"},
		{"no right to write is needed", "ann", body, func(s *site) { s.rights.forbid = forbid("U", "data") }, 200, `"texts":3`},
		{"no collection", "ann", `{"collection":"Nowhere","texts":["a"]}`, nil, 404, "Nowhere"},
		{"no texts", "ann", `{"collection":"Docs","texts":[]}`, nil, 422, "1 to 64"},
		{"too many texts", "ann", `{"collection":"Docs","texts":["a"` + strings.Repeat(`,"a"`, 64) + `]}`, nil, 422, "1 to 64"},
		{"another field", "ann", `{"collection":"Docs","texts":["a"],"n":1}`, nil, 422, "unknown field"},
		{"two values", "ann", body + body, nil, 422, "more than one"},
		{"several at a time", "ann", `{"collection":"Docs","texts":["a"` + strings.Repeat(`,"a"`, 63) + `]}`, func(s *site) { s.model.batches = 3 }, 200, `"texts":64`},
		{"no encoder", "ann", body, func(s *site) { s.model.refused = errors.New("the node shuts down") }, 503, "shuts down"},
		{"no bundle", "ann", body, func(s *site) { s.model.err = errors.New("the bundle is still loading") }, 503, "still loading"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, "a")
			if tt.change != nil {
				tt.change(s)
			}
			response := s.do(http.MethodPost, "/adoptions/speed", tt.key, tt.body)
			if response.Code != tt.status || !strings.Contains(response.Body.String(), tt.says) {
				t.Fatalf("got %d %s, want %d and %q", response.Code, response.Body, tt.status, tt.says)
			}
			if tt.status != http.StatusOK {
				return
			}
			var speed Speed
			if err := json.Unmarshal(response.Body.Bytes(), &speed); err != nil {
				t.Fatal(err)
			}
			if speed.Seconds <= 0 || speed.PerSecond <= 0 {
				t.Errorf("nothing was measured: %+v", speed)
			}
			if s.model.open != 0 {
				t.Error("the encoder was not given back")
			}
			if len(s.cluster.tasks) != 0 {
				t.Error("measuring started a job")
			}
		})
	}
}

// A request that its client ended is no fault of the node's.
func TestSpeedOfARequestThatEnded(t *testing.T) {
	s := newSite(t, "a")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.service.Speed(ctx, &models.Principal{Username: "ann"}, SpeedRequest{Collection: "Docs", Texts: []string{"a"}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
