package module

import (
	"testing"
	"time"

	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/search"
)

func TestExpiry(t *testing.T) {
	asked := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	config := func(deleteOn string, ttl int64) *models.ObjectTTLConfig {
		return &models.ObjectTTLConfig{Enabled: true, FilterExpiredObjects: true, DeleteOn: deleteOn, DefaultTTL: ttl}
	}
	shown := config("until", 0)
	shown.FilterExpiredObjects = false
	off := config("until", 0)
	off.Enabled = false
	until := func(v any) search.Result { return search.Result{Schema: map[string]any{"until": v}} }
	past, future := "2030-01-01T11:59:59Z", "2030-01-01T12:00:01Z"
	for name, tt := range map[string]struct {
		config *models.ObjectTTLConfig
		object search.Result
		want   bool
	}{
		"no configuration":  {nil, until(past), false},
		"switched off":      {off, until(past), false},
		"shown until gone":  {shown, until(past), false},
		"past":              {config("until", 0), until(past), true},
		"now":               {config("until", 0), until("2030-01-01T12:00:00Z"), true},
		"future":            {config("until", 0), until(future), false},
		"time zone":         {config("until", 0), until("2030-01-01T13:00:00+02:00"), true},
		"seconds are added": {config("until", 10), until(past), false},
		"no time":           {config("until", 0), until(nil), false},
		"not a time":        {config("until", 0), until("soon"), false},
		"created":           {config("_creationTimeUnix", 60), search.Result{Created: asked.Add(-time.Hour).UnixMilli()}, true},
		"just created":      {config("_creationTimeUnix", 60), search.Result{Created: asked.UnixMilli()}, false},
		"updated":           {config("_lastUpdateTimeUnix", 60), search.Result{Created: asked.UnixMilli(), Updated: asked.Add(-time.Hour).UnixMilli()}, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExpiry(&models.Class{ObjectTTLConfig: tt.config}, asked)
			if got := e.hides(tt.object); got != tt.want {
				t.Errorf("hidden: %v, want %v", got, tt.want)
			}
		})
	}
}

func TestExpiredObjectsAreNotRead(t *testing.T) {
	b := newBench(t)
	b.engine.queries, b.engine.limit = []string{"Knox"}, 3
	b.class.ObjectTTLConfig = &models.ObjectTTLConfig{Enabled: true, FilterExpiredObjects: true, DeleteOn: "until"}
	b.repo.objects[0].properties["until"] = "2001-01-01T00:00:00Z"
	results, err := b.ask(dto.GetParams{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(results); got != "b c" && got != "c b" {
		t.Errorf("found %q", got)
	}
}
