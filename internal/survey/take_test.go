package survey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-openapi/strfmt"
	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/fit"
)

var forbidden = &client.StatusError{Code: http.StatusForbidden, Message: "authorization, forbidden action"}

// ours is a node with latentask and all that adopting takes.
func ours(t *testing.T, schema string, objects []*models.Object) *fakeSource {
	t.Helper()
	return &fakeSource{
		state: "ready", vectorizer: true, adopts: true, version: weaviate(), class: class(t, schema), objects: objects,
	}
}

func take(t *testing.T, s Source, o Options) *Report {
	t.Helper()
	o.Collection, o.All = "Docs", o.Vector == ""
	r, err := Take(context.Background(), s, fakeModel{}, o)
	require.NoError(t, err)
	return r
}

func TestAdvice(t *testing.T) {
	foreign := fakeModel{salt: "other"}
	own := func(schema string) *fakeSource { return ours(t, schema, objects(30, "", "", fakeModel{})) }
	other := func(schema string) *fakeSource { return ours(t, schema, objects(30, "", "", foreign)) }
	replaced := func(old, by string) string { return strings.Replace(brought, old, by, 1) }
	for name, tt := range map[string]struct {
		source *fakeSource
		action Action
		vector string
		// say are parts of the whole text.
		say []string
	}{
		"the retriever's own": {own(brought), Ask, "", []string{"ask at once", "its vectors are those of " + fakeRetriever, "yes: 20 objects"}},
		"another model's":     {other(brought), Adopt, "latent", []string{"its vectors are of another model", "go on searching the unnamed one", "--dry-run"}},
		"of text2vec-openai": {
			own(replaced(`"none"`, `"text2vec-openai"`)), Adopt, "latent",
			[]string{"does not take vectors of text2vec-openai"},
		},
		"a single named vector": {
			ours(t, named, objects(30, "", "mine", foreign)), Adopt, "latent",
			[]string{`vector "mine"`, "--into DocsLatent"},
		},
		"of text2vec-latent": {
			own(replaced(`"none"`, `"text2vec-latent"`)), Ask, "", []string{"the node makes it with"},
		},
		"of text2vec-latent with another model": {
			own(replaced(`"vectorizer": "none"`, `"vectorizer": "text2vec-latent", "moduleConfig": {"text2vec-latent": {"model": "another"}}`)),
			Cannot, "", []string{"it is made with another"},
		},
		"compared by hamming":   {own(replaced("cosine", "hamming")), Adopt, "latent", []string{"compared by hamming"}},
		"empty":                 {ours(t, brought, nil), Adopt, "latent", []string{"it is empty"}},
		"without text property": {other(`{"class": "Docs", "vectorizer": "none", ` + index + `, "properties": [{"name": "n", "dataType": ["int"]}]}`), Cannot, "", []string{"no text"}},
		"without vectors": {
			ours(t, brought, objects(5, "", "elsewhere", foreign)), Adopt, "latent", []string{"none of 5 objects has both"},
		},
		"of another length": {
			func() *fakeSource {
				s := other(brought)
				for _, o := range s.objects {
					o.Vector = o.Vector[:100]
				}
				return s
			}(), Adopt, "latent", []string{"100 dimensions", "that model's have 256"},
		},
		"without text": {
			func() *fakeSource {
				s := other(brought)
				for _, o := range s.objects {
					o.Properties = map[string]any{"year": 1900.0}
				}
				return s
			}(), Cannot, "", []string{"none of 30 sampled objects has text"},
		},
		"on a plain node": {
			&fakeSource{version: "1.30.0", class: class(t, brought), objects: objects(30, "", "", foreign)}, Adopt, "latent",
			[]string{"without latentask", "1. ", "start latentask's on the same data folder with text2vec-latent"},
		},
		"on a node that knows no adoptions": {
			&fakeSource{state: "ready", vectorizer: true, class: class(t, brought), objects: objects(30, "", "", foreign)},
			Beside, "latent", []string{"in place it can't be", "--into DocsLatent"},
		},
		"on a node without the vectorizer": {
			&fakeSource{state: "ready", adopts: true, class: class(t, brought), objects: objects(30, "", "", foreign)},
			Adopt, "latent", []string{"restart the node with text2vec-latent in ENABLE_MODULES"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := take(t, tt.source, Options{})
			require.Equal(t, tt.action, r.Advice.Action, "%+v", r.Advice)
			require.Equal(t, tt.vector, r.Advice.Vector)
			require.Equal(t, tt.action == Adopt || tt.action == Beside, r.Advice.Cost != nil)
			var text strings.Builder
			require.NoError(t, r.WriteText(&text))
			whole := strings.Join(strings.Fields(text.String()), " ")
			for _, part := range tt.say {
				require.Contains(t, whole, part)
			}
		})
	}
}

func TestWhatIsReported(t *testing.T) {
	s := ours(t, brought, objects(1000, "", "", fakeModel{salt: "other"}))
	s.objects[0].Properties = map[string]any{}
	r := take(t, s, Options{})
	require.Equal(t, 1000, *r.Collection.Objects)
	require.Equal(t, sampleSize, r.Sample.Objects)
	require.LessOrEqual(t, r.Sample.WithoutText, 1)
	require.Len(t, r.Vectors, 1)
	v := r.Vectors[0]
	require.Equal(t, fakeDimension, v.Dimension)
	require.Equal(t, fit.Other, v.Fit.Kind)
	require.Len(t, v.Fit.Objects, fit.SampleSize)
	require.NotNil(t, v.Space)
	require.Equal(t, sampleSize, v.Space.Vectors)
	require.Equal(t, []string{"title", "text"}, []string{r.Text.Properties[0].Name, r.Text.Properties[1].Name})
	require.Equal(t, 11, r.Text.Retriever.P50, "nine words and what is put around; adopting leaves the name out")
	require.Equal(t, 9, r.Text.Reader.P50)
	require.Equal(t, 1.0, r.Text.Reader.Longer)
	require.InDelta(t, 1.0/9, r.Text.Reader.Unread, 1e-9)
	c := r.Advice.Cost
	require.Equal(t, measured, c.Measured)
	require.Positive(t, c.PerSecond)
	require.InDelta(t, 1000/c.PerSecond, c.Seconds, 1e-6)
	require.Equal(t, int64(1000*c.MemoryPerObject), c.Memory)
	require.Positive(t, c.Disk)

	data, err := json.Marshal(r)
	require.NoError(t, err)
	var back Report
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, *r, back)

	path := filepath.Join(t.TempDir(), "pages", "docs.html")
	require.NoError(t, r.WriteHTML(path))
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, part := range []string{"Docs: adopt in place", "Objects embedded again", "Cosine between random objects", "latentask adopt --url http://node:8080 --collection Docs"} {
		require.Contains(t, string(page), part)
	}
	require.NotContains(t, string(page), "<script src")
}

// Lengths are of what is embedded: the collection's own vectorizer's text, else
// the one that adopting would make.
func TestTextThatIsEmbedded(t *testing.T) {
	latent := func(settings string) string {
		return strings.Replace(brought, `"vectorizer": "none"`, `"vectorizer": "text2vec-latent", "moduleConfig": {"text2vec-latent": {`+settings+`}}`, 1)
	}
	for name, c := range map[string]struct {
		schema string
		salt   string
		tokens int
	}{
		"of another model":                 {brought, "other", 11},
		"of the retriever":                 {brought, "", 11},
		"of text2vec-latent":               {latent(""), "", 12},
		"of it, without the name":          {latent(`"vectorizeClassName": false`), "", 11},
		"of it, with a model that is not":  {latent(`"model": "another"`), "", 12},
		"of a module of the same model":    {strings.Replace(brought, `"none"`, `"text2vec-transformers"`, 1), "", 12},
		"of a module of a different model": {strings.Replace(brought, `"none"`, `"text2vec-transformers"`, 1), "other", 11},
	} {
		t.Run(name, func(t *testing.T) {
			r := take(t, ours(t, c.schema, objects(30, "", "", fakeModel{salt: c.salt})), Options{})
			require.Equal(t, c.tokens, r.Text.Retriever.P50)
		})
	}
}

// The speed of embedding is measured on the texts that adopting embeds.
func TestSpeedIsOfWhatIsEmbedded(t *testing.T) {
	m := &listening{}
	_, err := Take(context.Background(), ours(t, brought, objects(30, "", "", fakeModel{salt: "other"})), m, Options{Collection: "Docs", All: true})
	require.NoError(t, err)
	require.NotEmpty(t, m.last)
	for _, text := range m.last {
		require.NotContains(t, text, "Docs")
	}
}

// listening keeps the texts that were embedded last.
type listening struct {
	fakeModel
	last []string
}

func (m *listening) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	m.last = texts
	return m.fakeModel.Embed(ctx, texts)
}

func TestReplicasMultiplyTheCost(t *testing.T) {
	s := ours(t, strings.Replace(brought, `"class"`, `"replicationConfig": {"factor": 3}, "class"`, 1), objects(10, "", "", fakeModel{salt: "other"}))
	r := take(t, s, Options{})
	require.Equal(t, 3, r.Collection.Replicas)
	require.Equal(t, int64(3*10*r.Advice.Cost.MemoryPerObject), r.Advice.Cost.Memory)
}

func TestTenants(t *testing.T) {
	s := ours(t, tenanted, append(objects(10, "a", "", fakeModel{}), objects(20, "b", "", fakeModel{})...))
	s.tenants = []models.Tenant{
		{Name: "a", ActivityStatus: "ACTIVE"}, {Name: "b"}, {Name: "c", ActivityStatus: "INACTIVE"}, {Name: "d", ActivityStatus: "OFFLOADED"},
	}
	r := take(t, s, Options{})
	require.Equal(t, &Tenants{Active: 2, Inactive: 1, Offloaded: 1}, r.Collection.Tenants)
	require.Equal(t, 30, *r.Collection.Objects)
	require.Equal(t, 30, r.Sample.Objects)
	require.ElementsMatch(t, []string{"a", "b"}, r.Sample.Tenants)
	require.NotContains(t, s.paged, "c")
	require.Contains(t, r.Advice.Steps[0], "--tenant TENANT")

	r = take(t, s, Options{Tenant: "a"})
	require.Equal(t, 10, r.Sample.Objects)
	require.Contains(t, r.Advice.Steps[0], "--tenant a")

	for tenant, says := range map[string]string{"c": "is INACTIVE", "x": "has no tenant"} {
		_, err := Take(context.Background(), s, fakeModel{}, Options{Collection: "Docs", All: true, Tenant: tenant})
		require.ErrorIs(t, err, ErrTenant)
		require.ErrorContains(t, err, says)
	}
	_, err := Take(context.Background(), ours(t, brought, nil), fakeModel{}, Options{Collection: "Docs", All: true, Tenant: "a"})
	require.ErrorIs(t, err, ErrTenant)

	s.tenants = s.tenants[2:]
	r = take(t, s, Options{})
	require.Zero(t, r.Sample.Objects)
	require.Contains(t, r.Advice.Why, "no tenant is active")
}

func TestRights(t *testing.T) {
	refused := func(schema, method string) *fakeSource {
		s := ours(t, schema, objects(10, "a", "", fakeModel{}))
		for _, o := range s.objects {
			if schema == brought {
				o.Tenant = ""
			}
		}
		s.refuse = map[string]error{method: forbidden}
		return s
	}
	for _, method := range []string{"Version", "Operator", "Collection", "Page"} {
		_, err := Take(context.Background(), refused(brought, method), fakeModel{}, Options{Collection: "Docs", All: true})
		require.ErrorIs(t, err, forbidden, method)
	}
	r := take(t, refused(brought, "Adopts"), Options{})
	require.Len(t, r.Unknown, 1)
	r = take(t, refused(brought, "TenantCount"), Options{})
	require.Nil(t, r.Collection.Objects)
	require.Contains(t, r.Unknown[0], "how many objects")

	_, err := Take(context.Background(), refused(tenanted, "Tenants"), fakeModel{}, Options{Collection: "Docs", All: true})
	require.ErrorContains(t, err, "--tenant")
	r = take(t, refused(tenanted, "Tenants"), Options{Tenant: "a"})
	require.Equal(t, 10, r.Sample.Objects)
	require.Nil(t, r.Collection.Objects)

	s := refused(brought, "TenantCount")
	s.refuse["TenantCount"] = &client.QueryError{Messages: []string{"authorization, forbidden action: …"}}
	require.Len(t, take(t, s, Options{}).Unknown, 1)
	s.refuse["TenantCount"] = errors.New("broken")
	_, err = Take(context.Background(), s, fakeModel{}, Options{Collection: "Docs", All: true})
	require.ErrorContains(t, err, "broken")
}

func TestOneVector(t *testing.T) {
	schema := strings.Replace(named, `"mine"`, `"b": {"vectorizer": {"text2vec-latent": {"model": "`+fakeRetriever+`"}}, `+index+`}, "a"`, 1)
	s := ours(t, schema, objects(10, "", "a", fakeModel{salt: "other"}))
	r := take(t, s, Options{})
	require.Len(t, r.Vectors, 2)
	require.Equal(t, Ask, r.Advice.Action)
	require.Equal(t, "b", r.Advice.Vector)
	require.Contains(t, r.Advice.Steps[0], "--target-vector b")
	require.Contains(t, r.Advice.Notes[0], "10 of 10 sampled objects have text and no such vector")
	require.Contains(t, r.Advice.Notes[0], "--vector b")

	r = take(t, s, Options{Vector: "a"})
	require.Len(t, r.Vectors, 1)
	_, err := Take(context.Background(), s, fakeModel{}, Options{Collection: "Docs", Vector: "c"})
	require.ErrorIs(t, err, ErrNoVector)
}

func TestDraw(t *testing.T) {
	s := ours(t, brought, objects(500, "", "", fakeModel{}))
	drawn, err := draw(context.Background(), s, "Docs", "", 100)
	require.NoError(t, err)
	require.Len(t, drawn, 100)
	seen, beyond := map[string]bool{}, 0
	for _, o := range drawn {
		require.False(t, seen[string(o.ID)])
		seen[string(o.ID)] = true
		if o.ID > s.objects[100].ID {
			beyond++
		}
	}
	require.Greater(t, beyond, 30, "they are of all the collection")

	// Ids that were chosen, all before most random ones.
	for i, o := range s.objects {
		o.ID = strfmt.UUID(fmt.Sprintf("00000000-0000-0000-0000-%012d", i+1))
	}
	drawn, err = draw(context.Background(), s, "Docs", "", 100)
	require.NoError(t, err)
	require.Len(t, drawn, 100)
}
