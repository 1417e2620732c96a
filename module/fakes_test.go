package module

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-openapi/strfmt"
	"github.com/sirupsen/logrus/hooks/test"
	"github.com/weaviate/weaviate/entities/additional"
	"github.com/weaviate/weaviate/entities/dto"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/search"
	"github.com/weaviate/weaviate/entities/searchparams"
	"github.com/weaviate/weaviate/entities/tokenizer"
	"github.com/weaviate/weaviate/entities/vectorindex/hnsw"

	"github.com/latentask/latentask/graphql"
	"github.com/latentask/latentask/internal/bundle"
	"github.com/latentask/latentask/internal/fit"
	"github.com/latentask/latentask/reasoner"
)

// fakeRetriever is the retriever's name in tests.
const fakeRetriever = DefaultRetriever

// fakeDimension is large enough that few words share a place.
const fakeDimension = 512

// fakeEmbedder makes unit vectors of a text's words, blind to order, case and
// punctuation. salt makes another model of it.
type fakeEmbedder struct {
	salt  string
	err   error
	mu    sync.Mutex
	texts []string
}

func (f *fakeEmbedder) Embed(_ context.Context, texts []string) ([][]float32, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	f.texts = append(f.texts, texts...)
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = f.vector(t)
	}
	return out, nil
}

func (f *fakeEmbedder) EmbedQuestions(ctx context.Context, questions []string) ([][]float32, error) {
	return f.Embed(ctx, questions)
}

func (f *fakeEmbedder) vector(text string) []float32 {
	v := make([]float32, fakeDimension)
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" .,!?", r) }) {
		h := fnv.New32a()
		h.Write([]byte(f.salt + w))
		v[h.Sum32()%fakeDimension]++
	}
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		v[0], sum = 1, 1
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

// fakeEngine makes one search a query and answers with what it found.
type fakeEngine struct {
	queries []string
	focus   []reasoner.Word
	source  *reasoner.Source
	limit   int
	err     error
	invalid error
	embed   fakeEmbedder
	asked   []reasoner.Request
	texts   []string // of the passages, in the order of finding
}

func (f *fakeEngine) Validate(reasoner.Request) error { return f.invalid }

func (f *fakeEngine) Ask(ctx context.Context, r reasoner.Request, s reasoner.Searcher) (*reasoner.Result, error) {
	f.asked = append(f.asked, r)
	if f.err != nil {
		return nil, f.err
	}
	result := &reasoner.Result{Answer: reasoner.Answer{Text: "answer", StoppedBy: reasoner.StoppedByAction, Source: f.source}}
	var read []string
	for n, q := range f.queries {
		passages, err := s.Search(ctx, reasoner.Query{Vector: f.embed.vector(q), Text: q, Words: f.focus, Limit: f.limit, Exclude: read})
		if err != nil {
			return nil, err
		}
		hop := reasoner.Hop{N: n + 1, Action: reasoner.ActionQuery}
		for i, p := range passages {
			read = append(read, p.ID)
			hop.IDs = append(hop.IDs, p.ID)
			hop.Distances = append(hop.Distances, p.Distance)
			hop.Found = append(hop.Found, reasoner.Found{
				ID: p.ID, Distance: p.Distance, Score: p.Score, VectorRank: p.VectorRank, KeywordRank: p.KeywordRank,
			})
			f.texts = append(f.texts, p.Text)
			result.Evidence = append(result.Evidence, reasoner.Evidence{ID: p.ID, Hop: n + 1, Rank: i + 1, Distance: p.Distance})
		}
		result.Hops = append(result.Hops, hop)
	}
	return result, nil
}

// fakeObject is an object of the fake database.
type fakeObject struct {
	id, tenant string
	properties map[string]any
	vectors    map[string][]float32
}

// fakeRepo searches its objects exactly. It keeps what it was asked.
type fakeRepo struct {
	objects  []fakeObject
	err      error
	searches []dto.GetParams
	targets  [][]string
	lists    []dto.GetParams
	keywords []dto.GetParams
	resolved []search.SelectProperties
	maximum  int

	keywordErr, resolveErr error
}

func (f *fakeRepo) VectorSearch(_ context.Context, params dto.GetParams, targets []string,
	vectors []models.Vector,
) ([]search.Result, error) {
	f.searches = append(f.searches, params)
	f.targets = append(f.targets, targets)
	if f.err != nil {
		return nil, f.err
	}
	query, ok := vectors[0].([]float32)
	if !ok {
		return nil, errors.New("not a vector")
	}
	results := f.list(params)
	for i := range results {
		results[i].Dist = float32(1 - fit.Cosine(query, f.byID(string(results[i].ID)).vectors[targets[0]]))
	}
	slices.SortStableFunc(results, func(a, b search.Result) int { return cmp.Compare(a.Dist, b.Dist) })
	return results[:min(params.Pagination.Limit, len(results))], nil
}

func (f *fakeRepo) Search(_ context.Context, params dto.GetParams) ([]search.Result, error) {
	if params.KeywordRanking != nil {
		return f.keywordSearch(params)
	}
	f.lists = append(f.lists, params)
	if f.err != nil {
		return nil, f.err
	}
	results := f.list(params)
	return results[:min(params.Pagination.Limit, len(results))], nil
}

// keywordSearch scores an object by how often the query's words stand in it.
func (f *fakeRepo) keywordSearch(params dto.GetParams) ([]search.Result, error) {
	f.keywords = append(f.keywords, params)
	if f.keywordErr != nil {
		return nil, f.keywordErr
	}
	var hits []search.Result
	for _, r := range f.list(params) {
		for _, name := range params.KeywordRanking.Properties {
			for _, v := range fit.Strings(f.byID(string(r.ID)).properties[name]) {
				for _, stored := range tokenizer.Tokenize("word", v) {
					for _, asked := range tokenizer.Tokenize("word", params.KeywordRanking.Query) {
						if stored == asked {
							r.Score++
						}
					}
				}
			}
		}
		if r.Score > 0 {
			hits = append(hits, r)
		}
	}
	slices.SortStableFunc(hits, func(a, b search.Result) int { return cmp.Compare(b.Score, a.Score) })
	return hits[:min(params.Pagination.Limit, len(hits))], nil
}

// ResolveReferences marks the objects that it was given.
func (f *fakeRepo) ResolveReferences(_ context.Context, objects search.Results, properties search.SelectProperties,
	_ *searchparams.GroupBy, _ additional.Properties, _ string,
) (search.Results, error) {
	f.resolved = append(f.resolved, properties)
	for i := range objects {
		objects[i].Schema.(map[string]any)["resolved"] = true
	}
	return objects, f.resolveErr
}

func (f *fakeRepo) GetQueryMaximumResults() int { return cmp.Or(f.maximum, 10_000) }

func (f *fakeRepo) byID(id string) *fakeObject {
	for i := range f.objects {
		if f.objects[i].id == id {
			return &f.objects[i]
		}
	}
	return &fakeObject{}
}

// list is the tenant's objects with the properties and vectors that are asked
// for.
func (f *fakeRepo) list(params dto.GetParams) []search.Result {
	var out []search.Result
	for _, o := range f.objects {
		if o.tenant != params.Tenant {
			continue
		}
		values := map[string]any{"id": strfmt.UUID(o.id)}
		for _, p := range params.Properties {
			if v, ok := o.properties[p.Name]; ok {
				values[p.Name] = v
			}
		}
		r := search.Result{ID: strfmt.UUID(o.id), ClassName: params.ClassName, Schema: values}
		if params.AdditionalProperties.Vector {
			r.Vector = o.vectors[""]
		}
		for _, name := range params.AdditionalProperties.Vectors {
			if v, ok := o.vectors[name]; ok {
				if r.Vectors == nil {
					r.Vectors = models.Vectors{}
				}
				r.Vectors[name] = v
			}
		}
		out = append(out, r)
	}
	return out
}

// passageClass is a collection with an unnamed vector of a vectorizer.
func passageClass(vectorizer string) *models.Class {
	return &models.Class{
		Class:             "Passage",
		Vectorizer:        vectorizer,
		VectorIndexType:   "hnsw",
		VectorIndexConfig: hnsw.NewDefaultUserConfig(),
		Properties: []*models.Property{
			{Name: "title", DataType: []string{"text"}},
			{Name: "text", DataType: []string{"text"}},
			{Name: "tags", DataType: []string{"text[]"}},
			{Name: "year", DataType: []string{"int"}},
		},
	}
}

func newTestService(t *testing.T, e engine, embedder reasoner.Embedder) *service {
	t.Helper()
	logger, _ := test.NewNullLogger()
	s := newService(Settings{Bundle: "/bundle", MaxAsks: 4}, func(context.Context, Settings) (*model, error) {
		return &model{
			engine: e, embedder: embedder, retriever: fakeRetriever, dimension: fakeDimension,
			search: bundle.Search{Alpha: 0.25, QuestionWeight: 2, FocusWeight: 4},
		}, nil
	}, logger)
	s.start()
	<-s.done
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// bench is a searcher over fakes, with the Passage collection of three objects
// that text2vec-latent embedded.
type bench struct {
	*Searcher
	repo   *fakeRepo
	engine *fakeEngine
	embed  *fakeEmbedder
	class  *models.Class
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		repo:   &fakeRepo{},
		engine: &fakeEngine{limit: 1},
		embed:  &fakeEmbedder{},
		class:  passageClass(VectorizerName),
	}
	s := newTestService(t, b.engine, b.embed)
	b.Searcher = &Searcher{
		inner: b.repo,
		asker: newAsker(s, b.repo, func(name string) collection {
			if name != b.class.Class {
				return collection{}
			}
			return collection{class: b.class}
		}),
	}
	for _, o := range []struct{ id, title, text string }{
		{"a", "Knox", "John Knox wrote the blast"},
		{"b", "Blast", "the blast was a pamphlet"},
		{"c", "Paris", "a town on the Seine"},
	} {
		b.repo.objects = append(b.repo.objects, fakeObject{
			id:         o.id,
			properties: map[string]any{"title": o.title, "text": o.text, "year": 1558.0},
			vectors:    map[string][]float32{"": b.embed.vector("Passage " + o.text + " " + o.title)},
		})
	}
	return b
}

// ask runs a query as Weaviate's Explorer does, with vector hops where the
// argument names no other.
func (b *bench) ask(params dto.GetParams, argument map[string]any) ([]search.Result, error) {
	source := map[string]any{"question": "Who wrote the blast?", "search": "VECTOR"}
	for k, v := range argument {
		source[k] = v
	}
	p := graphql.Extract(source)
	params.ClassName = "Passage"
	params.ModuleParams = map[string]any{graphql.ArgumentName: p}
	targets := p.GetTargetVectors()
	if len(targets) == 0 {
		targets = []string{""}
	}
	return b.VectorSearch(context.Background(), params, targets, []models.Vector{[]float32{0}})
}

// target is the collection's unnamed vector.
func (b *bench) target(t *testing.T) *target {
	t.Helper()
	got, err := newTarget(b.class, []string{""}, "")
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func ids(results []search.Result) string {
	var out []string
	for _, r := range results {
		out = append(out, string(r.ID))
	}
	return strings.Join(out, " ")
}
