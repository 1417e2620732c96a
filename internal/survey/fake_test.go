package survey

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"

	"github.com/go-openapi/strfmt"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

const (
	fakeRetriever = "sentence-transformers/all-MiniLM-L6-v2"
	fakeDimension = 256
)

// fakeModel makes vectors of a text's words, blind to order and case. salt makes
// another model of it.
type fakeModel struct{ salt string }

func (m fakeModel) Embed(_ context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = m.vector(t)
	}
	return out, nil
}

func (m fakeModel) vector(text string) []float32 {
	v := make([]float32, fakeDimension)
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" .,", r) }) {
		h := fnv.New32a()
		h.Write([]byte(m.salt + w))
		v[h.Sum32()%fakeDimension]++
	}
	return v
}

func (fakeModel) RetrieverTokens(text string) int { return len(strings.Fields(text)) + 2 }
func (fakeModel) ReaderTokens(text string) int    { return len(strings.Fields(text)) }
func (fakeModel) Facts() Facts {
	return Facts{
		Bundle: "made-up 1", Retriever: fakeRetriever, Dimension: fakeDimension, MaxTokens: 32, PassageTokens: 8,
	}
}

// fakeSource is a node with one collection.
type fakeSource struct {
	state      string
	vectorizer bool
	adopts     bool
	version    string
	class      *models.Class
	tenants    []models.Tenant
	// objects are in the order of their ids.
	objects []*models.Object
	// refuse holds the errors of methods by their names.
	refuse map[string]error
	paged  []string
}

func (f *fakeSource) URL() string { return "http://node:8080" }

func (f *fakeSource) Version(context.Context) (string, error) { return f.version, f.refuse["Version"] }

func (f *fakeSource) Operator(context.Context) (client.Operator, error) {
	return client.Operator{State: f.state}, f.refuse["Operator"]
}

func (f *fakeSource) Retriever(context.Context) (client.Retriever, error) {
	return client.Retriever{Enabled: f.vectorizer}, nil
}

func (f *fakeSource) Adopts(context.Context) (bool, error) { return f.adopts, f.refuse["Adopts"] }

func (f *fakeSource) Collection(_ context.Context, name string) (*models.Class, error) {
	if name != f.class.Class {
		return nil, fmt.Errorf("%w: %q", client.ErrNoCollection, name)
	}
	return f.class, f.refuse["Collection"]
}

func (f *fakeSource) Tenants(context.Context, string) ([]models.Tenant, error) {
	return f.tenants, f.refuse["Tenants"]
}

func (f *fakeSource) of(tenant string) []*models.Object {
	return slices.DeleteFunc(slices.Clone(f.objects), func(o *models.Object) bool { return o.Tenant != tenant })
}

func (f *fakeSource) TenantCount(_ context.Context, _, tenant string) (int, error) {
	return len(f.of(tenant)), f.refuse["TenantCount"]
}

func (f *fakeSource) Page(_ context.Context, _, tenant, after string, limit int) ([]*models.Object, error) {
	f.paged = append(f.paged, tenant)
	if err := f.refuse["Page"]; err != nil {
		return nil, err
	}
	var page []*models.Object
	for _, o := range f.of(tenant) {
		if string(o.ID) > after && len(page) < limit {
			page = append(page, o)
		}
	}
	return page, nil
}

// class decodes a schema as a client does.
func class(t *testing.T, text string) *models.Class {
	t.Helper()
	var c models.Class
	require.NoError(t, json.Unmarshal([]byte(text), &c))
	return &c
}

const properties = `"properties": [
	{"name": "title", "dataType": ["text"]}, {"name": "text", "dataType": ["text"]}, {"name": "year", "dataType": ["int"]}]`

const index = `"vectorIndexType": "hnsw", "vectorIndexConfig": {"distance": "cosine"}`

// schemas of tests.
const (
	brought  = `{"class": "Docs", "vectorizer": "none", ` + index + `, ` + properties + `}`
	named    = `{"class": "Docs", "vectorConfig": {"mine": {"vectorizer": {"none": {}}, ` + index + `}}, ` + properties + `}`
	tenanted = `{"class": "Docs", "vectorizer": "none", "multiTenancyConfig": {"enabled": true}, ` + index + `, ` + properties + `}`
)

// objects are some with text, whose vector of that name a model made of title
// and text.
func objects(n int, tenant, vector string, by fakeModel) []*models.Object {
	list := make([]*models.Object, n)
	for i := range list {
		title := fmt.Sprintf("Title%d", i)
		text := fmt.Sprintf("word%d of%d an%d object%d that%d is%d here%d now%d", i, i*3, i*5, i*7, i*11, i*13, i*17, i*19)
		o := &models.Object{
			ID: strfmt.UUID(uuid.NewString()), Tenant: tenant,
			Properties: map[string]any{"title": title, "text": text, "year": 1900.0},
		}
		switch v := by.vector(title + ". " + text); vector {
		case "":
			o.Vector = v
		default:
			o.Vectors = models.Vectors{vector: v}
		}
		list[i] = o
	}
	slices.SortFunc(list, func(a, b *models.Object) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return list
}
