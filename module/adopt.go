package module

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	appstate "github.com/weaviate/weaviate/adapters/handlers/rest/state"
	"github.com/weaviate/weaviate/cluster/distributedtask"
	enterrors "github.com/weaviate/weaviate/entities/errors"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/schema"
	objecttexts "github.com/weaviate/weaviate/usecases/modulecomponents/vectorizer"
	"github.com/weaviate/weaviate/usecases/modules"

	"github.com/latentask/latentask/module/adoption"
)

// AddTasks adds the filling of vectors to the tasks that a node's scheduler
// runs. It is called once, when the node's parts have been made and before the
// scheduler is.
func AddTasks(providers map[string]distributedtask.Provider, provider *modules.Provider) {
	q, ok := provider.GetByName(OperatorName).(*QnA)
	if !ok || q.app == nil {
		return
	}
	s := adoption.NewService(adoption.NewHost(q.app), &adoptionModel{q.service}, &q.service.traffic,
		q.service.adoptions, q.service.settings.MaxWrite, q.service.logger)
	providers[adoption.Namespace] = s.Provider()
	enterrors.GoWrapper(func() { s.PutBack(context.Background()) }, q.service.logger)
	handler := s.Handler()
	q.adoptions.Store(&handler)
}

// nodeState is the state of the node that a module is initialised in, nil where
// there is none, as in tests.
func nodeState(app any) *appstate.State {
	s, _ := app.(*appstate.State)
	return s
}

// adoptionsHandler passes requests to the handler that AddTasks makes; before,
// the node is starting.
func adoptionsHandler(current *atomic.Pointer[http.Handler]) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := current.Load(); h != nil {
			(*h).ServeHTTP(w, r)
			return
		}
		http.Error(w, `{"error":[{"message":"the node is starting"}]}`, http.StatusServiceUnavailable)
	})
}

// adoptionModel makes the vectors of text2vec-latent for a job.
type adoptionModel struct{ service *service }

// waitStep is how often a bundle that is loading is looked at.
const waitStep = 200 * time.Millisecond

// Wait implements adoption.Model.
func (a *adoptionModel) Wait(ctx context.Context) error {
	for {
		_, err := a.service.ready()
		if err == nil || a.service.current.Load().state != StateLoading {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(waitStep):
		}
	}
}

// Ready implements adoption.Model.
func (a *adoptionModel) Ready() error {
	_, err := a.service.ready()
	return err
}

// Embed implements adoption.Embedder.
func (a *adoptionModel) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	model, err := a.service.ready()
	if err != nil {
		return nil, err
	}
	vectors, err := model.embedder.Embed(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", VectorizerName, err)
	}
	a.service.metrics.embedded(len(texts))
	return vectors, nil
}

// Background implements adoption.Model.
func (a *adoptionModel) Background() (adoption.Background, error) {
	model, err := a.service.ready()
	if err != nil {
		return nil, err
	}
	encoder, err := model.background()
	if err != nil {
		return nil, fmt.Errorf("%s: open an encoder for the job: %w", VectorizerName, err)
	}
	return &countingBackground{Background: encoder, metrics: a.service.metrics}, nil
}

// Cut implements adoption.Embedder.
func (a *adoptionModel) Cut(text string) bool {
	model, err := a.service.ready()
	return err == nil && model.cut != nil && model.cut(text)
}

// Texts implements adoption.Model.
func (a *adoptionModel) Texts(class *models.Class, vector, tenant string) (adoption.TextFunc, error) {
	model, err := a.service.ready()
	if err != nil {
		return nil, err
	}
	settings := newClassSettings(modules.NewClassBasedModuleConfig(class, VectorizerName, tenant, vector, nil))
	if err := settings.checkModel(model.retriever); err != nil {
		return nil, err
	}
	return storedText(class, settings), nil
}

// storedText makes the text of stored objects that Text2Vec makes of them when
// they are imported. What an import has as a time or a UUID lies in the store as
// a string, and is turned back: Weaviate makes text of strings alone, unless the
// configuration names properties.
func storedText(class *models.Class, settings *classSettings) adoption.TextFunc {
	dates, ids := map[string]bool{}, map[string]bool{}
	for _, p := range class.Properties {
		if len(p.DataType) != 1 {
			continue
		}
		switch schema.DataType(p.DataType[0]) {
		case schema.DataTypeDate, schema.DataTypeDateArray:
			dates[p.Name] = true
		case schema.DataTypeUUID, schema.DataTypeUUIDArray:
			ids[p.Name] = true
		}
	}
	texts := objecttexts.New()
	return func(object *models.Object) (string, bool) {
		values, _ := object.Properties.(map[string]any)
		imported := make(map[string]any, len(values))
		for name, value := range values {
			switch {
			case ids[name]:
				continue
			case dates[name]:
				text, ok := value.(string)
				if !ok {
					continue
				}
				at, err := time.Parse(time.RFC3339Nano, text)
				if err != nil {
					continue
				}
				value = at
			}
			imported[name] = value
		}
		text, _ := texts.Texts(context.Background(), &models.Object{Class: class.Class, Properties: imported}, settings)
		return text, hasText(imported, settings)
	}
}

// hasText tells whether any of an object's values is a part of its text.
func hasText(values map[string]any, settings *classSettings) bool {
	for name, value := range values {
		if !settings.PropertyIndexed(name) {
			continue
		}
		switch value := value.(type) {
		case string:
			if strings.TrimSpace(value) != "" {
				return true
			}
		case []string:
			if strings.TrimSpace(strings.Join(value, "")) != "" {
				return true
			}
		case *models.GeoCoordinates, *models.PhoneNumber, models.MultipleRef:
			// They are never text.
		default:
			// Other values are text where the configuration names the properties.
			if value != nil && len(settings.Properties()) > 0 {
				return true
			}
		}
	}
	return false
}

var _ adoption.Model = (*adoptionModel)(nil)
