package adopt

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// decoded is a schema as a node sends it.
func decoded(t *testing.T, schema string) *models.Class {
	t.Helper()
	var class models.Class
	require.NoError(t, json.Unmarshal([]byte(schema), &class))
	return &class
}

const (
	textProperties = `"properties": [
		{"name": "title", "dataType": ["text"], "tokenization": "word"},
		{"name": "body", "dataType": ["text"], "tokenization": "word"},
		{"name": "slug", "dataType": ["text"], "tokenization": "field"},
		{"name": "year", "dataType": ["int"]}]`
	unnamed   = `{"class": "Docs", "vectorizer": "none", "vectorIndexType": "hnsw", "vectorIndexConfig": {"distance": "cosine"}, ` + textProperties + `}`
	unnamedOf = `{"class": "Docs", "vectorizer": "text2vec-openai", "vectorIndexType": "hnsw", "vectorIndexConfig": {}, "properties": [
		{"name": "title", "dataType": ["text"], "moduleConfig": {"text2vec-openai": {"skip": true}}},
		{"name": "body", "dataType": ["text"], "moduleConfig": {"text2vec-openai": {"skip": false}}}]}`
	oneNamed   = `{"class": "Docs", "vectorConfig": {"openai": {"vectorizer": {"text2vec-openai": {"properties": ["body"]}}, "vectorIndexType": "hnsw", "vectorIndexConfig": {}}}, ` + textProperties + `}`
	threeNamed = `{"class": "Docs", "vectorConfig": {
		"a": {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw"},
		"b": {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw", "vectorIndexConfig": {"multivector": {"enabled": true}}},
		"c": {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw"}}, ` + textProperties + `}`
	adopted = `{"class": "Docs", "vectorizer": "none", "vectorIndexType": "hnsw", "vectorIndexConfig": {}, "vectorConfig": {
		"latent": {"vectorizer": {"text2vec-latent": {"properties": ["title", "body"], "vectorizeClassName": false}}, "vectorIndexType": "hnsw"}}, ` + textProperties + `}`
	adoptedByHand = `{"class": "Docs", "vectorizer": "none", "vectorIndexType": "hnsw", "vectorConfig": {
		"latent": {"vectorizer": {"text2vec-latent": {}}, "vectorIndexType": "hnsw"}}, "properties": [
		{"name": "title", "dataType": ["text"], "moduleConfig": {"text2vec-latent": {"skip": true}}},
		{"name": "body", "dataType": ["text"]},
		{"name": "slug", "dataType": ["text"], "tokenization": "field"}]}`
	dropping = `{"class": "Docs", "vectorizer": "none", "vectorIndexType": "hnsw", "vectorConfig": {
		"latent": {"vectorizer": {"text2vec-latent": {}}, "vectorIndexType": "none"}}, ` + textProperties + `}`
	ours       = `{"class": "Docs", "vectorizer": "text2vec-latent", "vectorIndexType": "hnsw", ` + textProperties + `}`
	textless   = `{"class": "Docs", "vectorizer": "none", "properties": [{"name": "year", "dataType": ["int"]}]}`
	tenanted   = `{"class": "Docs", "vectorizer": "none", "vectorIndexType": "flat", "multiTenancyConfig": {"enabled": true}, ` + textProperties + `}`
	replicated = `{"class": "Docs", "vectorizer": "none", "vectorIndexType": "hnsw", "replicationConfig": {"factor": 3}, ` + textProperties + `}`
	quantised  = `{"class": "Docs", "vectorizer": "none", "vectorIndexType": "hnsw",
		"vectorIndexConfig": {"trackDefaultQuantization": true, "rq": {"enabled": true, "bits": 8}}, ` + textProperties + `}`
	otherQuant = `{"class": "Docs", "vectorizer": "none", "vectorIndexType": "dynamic",
		"vectorIndexConfig": {"hnsw": {"trackDefaultQuantization": true, "sq": {"enabled": true}}}, ` + textProperties + `}`
	chosenQuant = `{"class": "Docs", "vectorizer": "none", "vectorIndexType": "hnsw",
		"vectorIndexConfig": {"trackDefaultQuantization": false, "rq": {"enabled": true, "bits": 8}}, ` + textProperties + `}`
	copyOfDocs   = `{"class": "Copy", "description": "x [latentask adopt {\"of\":\"Docs\",\"way\":\"copy\"}]"}`
	copyOfOthers = `{"class": "Copy", "description": "x [latentask adopt {\"of\":\"Others\",\"way\":\"copy\"}]"}`
	unmarked     = `{"class": "Copy"}`
)

// facts are those of a node that can do everything.
func facts(t *testing.T, schema string) Facts {
	return Facts{
		Class: decoded(t, schema), Objects: 1000, Operator: "ready", Adopts: true,
		Retriever: client.Retriever{Enabled: true, Name: "retriever", Dimension: 384},
	}
}

func TestPlans(t *testing.T) {
	tests := map[string]struct {
		schema  string
		options Options
		facts   func(*Facts)

		properties []string
		continues  bool
		queries    string
		notes      string
	}{
		"an unnamed vector that users bring":  {schema: unnamed, properties: []string{"body", "title"}, queries: "go on searching the unnamed one"},
		"an unnamed vector of a module":       {schema: unnamedOf, properties: []string{"body"}, queries: "the unnamed one"},
		"properties that were named":          {schema: unnamed, options: Options{Properties: []string{"title", "slug"}}, properties: []string{"slug", "title"}},
		"one named vector":                    {schema: oneNamed, properties: []string{"body"}, queries: `go on searching "openai"`},
		"several named vectors":               {schema: threeNamed, properties: []string{"body", "title"}, queries: "as they had to before"},
		"adopted before":                      {schema: adopted, properties: []string{"body", "title"}, continues: true},
		"adopted before, the same properties": {schema: adopted, options: Options{Properties: []string{"title", "body"}}, properties: []string{"body", "title"}, continues: true},
		"a vector without a list":             {schema: adoptedByHand, properties: []string{"body", "slug"}, continues: true},
		"the same, and the properties":        {schema: adoptedByHand, options: Options{Properties: []string{"slug", "body"}}, properties: []string{"body", "slug"}, continues: true},
		"replicas":                            {schema: replicated, properties: []string{"body", "title"}, notes: "3 replicas"},
		"a copy":                              {schema: oneNamed, options: Options{Into: "copy"}, properties: []string{"body"}, queries: "stays as it is"},
		"a copy on a node without adoptions":  {schema: oneNamed, options: Options{Into: "Copy"}, facts: func(f *Facts) { f.Adopts = false }, properties: []string{"body"}},
		"a copy that is there":                {schema: unnamed, options: Options{Into: "Copy"}, facts: func(f *Facts) { f.Target = decoded(t, copyOfDocs) }, properties: []string{"body", "title"}, continues: true},
		"a copy of what latentask embedded":   {schema: ours, options: Options{Into: "Copy"}, properties: []string{"body", "slug", "title"}},
		"passages":                            {schema: ours, options: Options{Chunk: true}, properties: []string{"body", "slug", "title"}, queries: "stays as it is"},
		"passages of several vectors":         {schema: threeNamed, options: Options{Chunk: true}, properties: []string{"body", "title"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := facts(t, test.schema)
			if test.facts != nil {
				test.facts(&f)
			}
			test.options.Collection = "Docs"
			p, err := Make(test.options, f)
			require.NoError(t, err)
			require.Equal(t, test.properties, p.Properties)
			require.Equal(t, test.continues, p.Continues)
			require.Contains(t, p.Queries, test.queries)
			var notes string
			for _, n := range p.Notes {
				notes += n + "\n"
			}
			require.Contains(t, notes, test.notes)
			module, settings := vectorizerOf(p.Config)
			require.Equal(t, client.Vectorizer, module)
			if !test.continues {
				require.Equal(t, "retriever", settings["model"])
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		schema  string
		options Options
		facts   func(*Facts)
		want    error
		says    string
	}{
		"a plain Weaviate":               {unnamed, Options{}, func(f *Facts) { f.Operator, f.Retriever.Enabled = "", false }, ErrNotEnabled, "latentask build"},
		"the module is off":              {unnamed, Options{}, func(f *Facts) { f.Retriever.Enabled = false }, ErrNotEnabled, "ENABLE_MODULES"},
		"a node without adoptions":       {unnamed, Options{}, func(f *Facts) { f.Adopts = false }, ErrCannotAdopt, "--into"},
		"made by latentask":              {ours, Options{}, nil, ErrNothingToDo, "ask it"},
		"adopted under another name":     {adopted, Options{Vector: "other"}, nil, ErrNothingToDo, "--vector latent"},
		"without a list, with others":    {adoptedByHand, Options{Properties: []string{"title"}}, nil, ErrTaken, "made of body, slug"},
		"adopted with other properties":  {adopted, Options{Properties: []string{"body"}}, nil, ErrTaken, "--properties"},
		"a vector of something else":     {oneNamed, Options{Vector: "openai"}, nil, ErrTaken, "text2vec-openai"},
		"a multi-vector of that name":    {threeNamed, Options{Vector: "b"}, nil, ErrTaken, "--vector"},
		"a vector that is being dropped": {dropping, Options{}, nil, ErrDropping, "cleaned up"},
		"default beside an unnamed one":  {unnamed, Options{Vector: "default"}, nil, ErrName, "default"},
		"a name that can't be":           {unnamed, Options{Vector: "a b"}, nil, ErrName, "letters"},
		"no text":                        {textless, Options{}, nil, ErrNoText, "text[]"},
		"no such property":               {unnamed, Options{Properties: []string{"year"}}, nil, ErrProperty, "title, body, slug"},
		"tenants of none":                {unnamed, Options{Tenants: []string{"a"}}, nil, ErrTenant, "leave --tenants out"},
		"no such tenant":                 {tenanted, Options{Tenants: []string{"a"}}, nil, ErrTenant, `"a"`},
		"a copy and passages":            {unnamed, Options{Into: "Copy", Chunk: true}, nil, ErrOptions, "--chunk"},
		"a copy into itself":             {unnamed, Options{Into: "docs"}, nil, ErrTaken, "itself"},
		"a copy over another collection": {unnamed, Options{Into: "Copy"}, func(f *Facts) { f.Target = decoded(t, unmarked) }, ErrTaken, "no copy of Docs"},
		"a copy over another's copy":     {unnamed, Options{Into: "Copy"}, func(f *Facts) { f.Target = decoded(t, copyOfOthers) }, ErrTaken, "no copy of Docs"},
		"passages over a copy":           {unnamed, Options{Chunk: true}, func(f *Facts) { f.Target = decoded(t, copyOfDocs) }, ErrTaken, "no passages of Docs"},
		"a vector that the copy has":     {oneNamed, Options{Into: "Copy", Vector: "openai"}, nil, ErrTaken, "--vector"},
		"a name of a copy":               {unnamed, Options{Into: "9"}, nil, ErrName, "letters"},
		"a rate":                         {unnamed, Options{Rate: -1}, nil, ErrOptions, "--rate"},
		"a quantisation":                 {unnamed, Options{Quantization: "pq"}, nil, ErrOptions, "rq-8"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := facts(t, test.schema)
			if test.facts != nil {
				test.facts(&f)
			}
			test.options.Collection = "Docs"
			_, err := Make(test.options, f)
			var refusal *Refusal
			require.ErrorAs(t, err, &refusal)
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestTenantsOfAPlan(t *testing.T) {
	f := facts(t, tenanted)
	f.Tenants = []models.Tenant{{Name: "b", ActivityStatus: "INACTIVE"}, {Name: "a", ActivityStatus: "ACTIVE"}, {Name: "c", ActivityStatus: "OFFLOADED"}}
	p, err := Make(Options{Collection: "Docs"}, f)
	require.NoError(t, err)
	require.Equal(t, []int{1, 1, 2}, []int{p.Inactive, p.Offloaded, len(p.Tenants)}, "an offloaded one is left out")
	require.Equal(t, "a", p.Tenants[0].Name)
	require.False(t, p.restricted)
	require.Equal(t, indexFlat, p.Config.VectorIndexType)
	require.Zero(t, p.Cost.MemoryPerObject, "a flat index keeps its vectors on disk")

	p, err = Make(Options{Collection: "Docs", Tenants: []string{"b"}}, f)
	require.NoError(t, err)
	require.Len(t, p.Tenants, 1)
	require.True(t, p.restricted)
}

// What is counted is of all replicas, as `latentask check` counts.
func TestReplicasOfAPlan(t *testing.T) {
	p, err := Make(Options{Collection: "Docs"}, facts(t, replicated))
	require.NoError(t, err)
	require.EqualValues(t, 3*1000*p.Cost.MemoryPerObject, p.Cost.Memory)
	require.EqualValues(t, 3*1000*p.Cost.DiskPerObject, p.Cost.Disk)
}

// An index that is not quantised beside one that is, is told.
func TestNoteOfQuantization(t *testing.T) {
	const says = "the new index is not quantised"
	for name, c := range map[string]struct {
		schema  string
		options Options
		told    bool
	}{
		"nothing is":                            {unnamed, Options{}, false},
		"by the node's default, which is taken": {quantised, Options{}, false},
		"by the node's default, another kind":   {otherQuant, Options{}, true},
		"which a new collection gets anyway":    {otherQuant, Options{Into: "Copy"}, false},
		"as the user once chose":                {chosenQuant, Options{}, true},
		"in a copy too":                         {chosenQuant, Options{Into: "Copy"}, true},
		"as asked for":                          {chosenQuant, Options{Quantization: "rq-8"}, false},
		"not as asked for":                      {chosenQuant, Options{Quantization: "none"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.options.Collection = "Docs"
			p, err := Make(c.options, facts(t, c.schema))
			require.NoError(t, err)
			require.Equal(t, c.told, strings.Contains(strings.Join(p.Notes, "\n"), says), p.Notes)
		})
	}
}

func TestQuantization(t *testing.T) {
	tests := map[string]struct {
		schema, asked string
		rq            bool
		memory        int
	}{
		"none by default":              {unnamed, "", false, 4*384 + 320},
		"the node's default":           {quantised, "", true, 384 + 16 + 320},
		"not what the user once chose": {chosenQuant, "", false, 4*384 + 320},
		"asked for":                    {unnamed, "rq-1", true, 384/8 + 8 + 320},
		"none in place of the default": {quantised, "none", false, 4*384 + 320},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := Make(Options{Collection: "Docs", Quantization: test.asked}, facts(t, test.schema))
			require.NoError(t, err)
			config := p.Config.VectorIndexConfig.(map[string]any)
			require.Equal(t, test.rq, config["rq"] != nil)
			require.Equal(t, test.memory, p.Cost.MemoryPerObject)
			require.EqualValues(t, 1000*test.memory, p.Cost.Memory)
		})
	}
}
