package module

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/google/uuid"
	"github.com/sirupsen/logrus/hooks/test"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/storobj"
	"github.com/weaviate/weaviate/usecases/config"
	"github.com/weaviate/weaviate/usecases/modules"
)

// The text of a stored object is that of the same object when it is imported,
// whatever the types of its other properties.
func TestTextOfAStoredObjectIsThatOfAnImport(t *testing.T) {
	class := passageClass(VectorizerName)
	class.Properties = append(class.Properties,
		&models.Property{Name: "born", DataType: []string{"date"}},
		&models.Property{Name: "days", DataType: []string{"date[]"}},
		&models.Property{Name: "key", DataType: []string{"uuid"}},
		&models.Property{Name: "keys", DataType: []string{"uuid[]"}},
		&models.Property{Name: "alive", DataType: []string{"boolean"}},
		&models.Property{Name: "place", DataType: []string{"geoCoordinates"}},
	)
	at := time.Date(1514, 5, 6, 7, 8, 9, 123456789, time.UTC)
	latitude, longitude := float32(55.9), float32(-3.2)
	key := uuid.MustParse("0b3a4b1e-6a5c-4f7e-9a3b-1c2d3e4f5a6b")
	values := map[string]any{
		"title": "Knox", "text": "He wrote.", "tags": []string{"scots", "reform"}, "year": 1558.0,
		"born": at, "days": []time.Time{at, at}, "key": key, "keys": []uuid.UUID{key}, "alive": false,
		"place": &models.GeoCoordinates{Latitude: &latitude, Longitude: &longitude},
	}
	for name, settings := range map[string]map[string]any{
		"defaults":         {},
		"no class name":    {"vectorizeClassName": false},
		"named properties": {"properties": []any{"title", "year", "born", "key", "alive"}},
		"nothing":          {"properties": []any{"place"}, "vectorizeClassName": false},
	} {
		t.Run(name, func(t *testing.T) {
			class.ModuleConfig = map[string]any{VectorizerName: settings}
			m, embed := newTestText2Vec(t)
			if _, _, err := m.VectorizeObject(context.Background(), &models.Object{Class: class.Class, Properties: values}, configOf(class, "")); err != nil {
				t.Fatal(err)
			}

			written := storobj.FromObject(&models.Object{
				Class: class.Class, ID: strfmt.UUID(key.String()), Properties: values,
			}, nil, nil, nil)
			data, err := written.MarshalBinaryDisk(false)
			if err != nil {
				t.Fatal(err)
			}
			read, err := storobj.FromBinaryDisk(data, class.Class)
			if err != nil {
				t.Fatal(err)
			}
			text, own := storedText(class, newClassSettings(configOf(class, "")))(&read.Object)
			if want := strings.Join(embed.texts, ""); text != want {
				t.Errorf("text %q, imported %q", text, want)
			}
			if own != (name != "nothing") {
				t.Errorf("has text of its own: %v", own)
			}
			delete(read.Object.Properties.(map[string]any), "title")
			for _, other := range []string{"text", "tags", "year", "born", "key", "alive"} {
				delete(read.Object.Properties.(map[string]any), other)
			}
			if _, own := storedText(class, newClassSettings(configOf(class, "")))(&read.Object); own {
				t.Error("text of its own without any")
			}
		})
	}
}

func TestAdoptionsWhileTheNodeStarts(t *testing.T) {
	s, _ := newHeldService()
	q := newQnA(s)
	logger, _ := test.NewNullLogger()
	provider := modules.NewProvider(logger, config.Config{})
	provider.Register(q)
	AddTasks(nil, provider) // of a node without a state: nothing is added
	response := httptest.NewRecorder()
	q.RootHandler().ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/adoptions", nil))
	var fault models.ErrorResponse
	if err := json.Unmarshal(response.Body.Bytes(), &fault); response.Code != http.StatusServiceUnavailable || err != nil {
		t.Errorf("got %d %s, %v", response.Code, response.Body, err)
	}
}
