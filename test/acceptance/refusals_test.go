package acceptance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

func TestRefusalsNameTheField(t *testing.T) {
	n := commonCollection(t)
	asking := func(q string) ask { return ask{collection: common, question: q} }
	with := func(argument string) ask { return ask{collection: common, question: question, argument: argument} }
	beside := func(operator string) ask { return ask{collection: common, question: question, beside: operator} }
	for name, c := range map[string]struct {
		ask  ask
		want []string
	}{
		"empty question":            {asking(""), []string{"latentAsk.question", "empty"}},
		"blank question":            {asking("  \t "), []string{"latentAsk.question", "empty"}},
		"question of 5,000 letters": {asking(strings.Repeat("why ", 1250)), []string{"latentAsk.question", "4000"}},
		"question of 500 words":     {asking(strings.Repeat("who ", 500)), []string{"latentAsk.question"}},
		"unknown property":          {with(`properties: ["abstract"]`), []string{"latentAsk.properties", `"abstract"`, `"title"`}},
		"property of numbers":       {with(`properties: ["part"]`), []string{"latentAsk.properties", `"part"`, "int", "text"}},
		"property twice":            {with(`properties: ["title", "title"]`), []string{"latentAsk.properties", "twice"}},
		"no hops":                   {with("maxHops: 0"), []string{"latentAsk.maxHops", "0"}},
		"hops below nothing":        {with("maxHops: -3"), []string{"latentAsk.maxHops", "-3"}},
		"too many hops":             {with("maxHops: 99"), []string{"latentAsk.maxHops", "99", "4"}},
		"no passages":               {with("passagesPerHop: 0"), []string{"latentAsk.passagesPerHop"}},
		"too many passages":         {with("passagesPerHop: 51"), []string{"latentAsk.passagesPerHop", "51", "50"}},
		"no budget":                 {with("budgetMs: 0"), []string{"latentAsk.budgetMs"}},
		"an hour's budget":          {with("budgetMs: 3600000"), []string{"latentAsk.budgetMs", "600000"}},
		"a search that is none":     {with("search: BM25"), []string{"search"}},
		"a way that is none":        {with("answerBy: GUESS"), []string{"answerBy"}},
		"a mode that is none":       {with("mode: TELEPATHY"), []string{"mode"}},
		"an argument that is none":  {with("hops: 3"), []string{"hops"}},
		"beside hybrid":             {beside(`hybrid: {query: "Ove"}`), []string{"hybrid"}},
		"beside sort":               {beside(`sort: [{path: ["title"]}]`), []string{"sort"}},
		"beside group":              {beside(`group: {type: merge, force: 0.5}`), []string{"group"}},
		"beside groupBy":            {beside(`groupBy: {path: ["title"], groups: 2, objectsPerGroup: 1}`), []string{"groupBy"}},
		"beside autocut":            {beside("autocut: 1"), []string{"autocut"}},
		// Weaviate refuses these itself, before latentAsk is looked at.
		"beside nearText":   {beside(`nearText: {concepts: ["Ove"]}`), nil},
		"beside nearVector": {beside("nearVector: {vector: [0.1]}"), nil},
		"beside nearObject": {beside(`nearObject: {id: "00000000-0000-0000-0000-000000000001"}`), nil},
		"beside bm25":       {beside(`bm25: {query: "Ove"}`), nil},
		"beside after":      {beside(`after: "00000000-0000-0000-0000-000000000001" limit: 3`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.ask.refused(t, n, c.want...)
		})
	}
	ask{collection: common, question: question}.send(t, n)
}

// TestWhatABundleMayLack asks for the optional parts of a bundle: it answers by
// them, or says that it has none.
func TestWhatABundleMayLack(t *testing.T) {
	n := commonCollection(t)
	for argument, field := range map[string]string{
		"mode: EXPLICIT":    "latentAsk.mode",
		"answerBy: POINTER": "latentAsk.answerBy",
	} {
		t.Run(argument, func(t *testing.T) {
			a := ask{collection: common, question: question, argument: argument}
			if r := post(t, n, a.query()); len(r.Errors) > 0 {
				require.Contains(t, r.messages(), field)
				require.Contains(t, r.messages(), strings.Fields(argument)[1])
				return
			}
			answer := a.send(t, n)[0].Additional.LatentAsk
			if argument == "answerBy: POINTER" {
				require.Equal(t, "POINTER", answer.Answer.By)
			} else {
				require.NotEmpty(t, answer.Hops[0].Thought)
			}
		})
	}
}

func TestTheNumberOfOperatorsInARequestIsBounded(t *testing.T) {
	n := commonCollection(t)
	request := func(operators int) string {
		var b strings.Builder
		for i := range operators {
			fmt.Fprintf(&b, "a%d: %s(latentAsk: {question: %q, maxHops: 1}) { title } ", i, common, question)
		}
		return "{ Get { " + b.String() + " } }"
	}
	allowed := post(t, n, request(4))
	require.Empty(t, allowed.messages())
	require.Len(t, allowed.Data.Get, 4)
	for name, objects := range allowed.Data.Get {
		require.NotEmpty(t, objects, name)
	}
	r := post(t, n, request(5))
	require.Contains(t, r.messages(), "too many")
	require.Contains(t, r.messages(), "LATENTASK_MAX_ASKS_PER_REQUEST")
	require.Empty(t, post(t, n, request(4)).messages(), "another request has a count of its own")
}

// TestOneFaultLeavesTheOtherOperatorsAlone: GraphQL answers each alias.
func TestOneFaultLeavesTheOtherOperatorsAlone(t *testing.T) {
	n := commonCollection(t)
	r := post(t, n, fmt.Sprintf(`{ Get { good: %[1]s(latentAsk: {question: %[2]q}) { title }
		bad: %[1]s(latentAsk: {question: %[2]q, maxHops: 0}) { title } } }`, common, question))
	require.Contains(t, r.messages(), "latentAsk.maxHops")
	require.NotEmpty(t, r.Data.Get["good"])
	require.Empty(t, r.Data.Get["bad"])
}

func TestForeignVectorsAreRefused(t *testing.T) {
	n := commonCollection(t)
	list := passages(t)[:40]
	own := storedVectors(t, n, common)
	random := rand.New(rand.NewPCG(1, 2))
	for name, vector := range map[string]func(p passage) []float32{
		"of another model": func(p passage) []float32 { return permuted(own[p.Title]) },
		"of noise": func(passage) []float32 {
			v := make([]float32, 384)
			for i := range v {
				v[i] = float32(random.NormFloat64())
			}
			return v
		},
		"of another dimension": func(p passage) []float32 { return own[p.Title][:256] },
	} {
		t.Run(name, func(t *testing.T) {
			collection := uniqueName(t)
			create(t, n, schemaOf(collection, "none"))
			vectors := make([][]float32, len(list))
			for i, p := range list {
				vectors[i] = vector(p)
			}
			loadVectors(t, n, collection, list, vectors)
			ask{collection: collection, question: question}.refused(t, n,
				collection, "all-MiniLM-L6-v2", "text2vec-latent")
			// Its own searches go on.
			require.Len(t, get(t, n, collection, "nearVector: {vector: "+vectorText(t, vectors[0])+"} limit: 2", "title"), 2)
		})
	}
}

func TestAMultiVectorTargetIsRefused(t *testing.T) {
	n := shared(t)
	name := uniqueName(t)
	class := schemaOf(name, "")
	class.VectorConfig = map[string]models.VectorConfig{
		"colbert": {
			Vectorizer:        map[string]any{"none": map[string]any{}},
			VectorIndexType:   "hnsw",
			VectorIndexConfig: map[string]any{"multivector": map[string]any{"enabled": true}},
		},
		"plain": vectorConfig(client.Vectorizer, nil),
	}
	create(t, n, class)
	ask{collection: name, question: question, argument: `targetVectors: ["colbert"]`}.refused(t, n, "colbert", "multi-vector")
	require.NoError(t, n.client.DeleteCollection(context.Background(), name))
}

func TestCollectionsWithNothingToRead(t *testing.T) {
	n := shared(t)
	name := uniqueName(t)
	create(t, n, &models.Class{
		Class: name, Vectorizer: client.Vectorizer,
		Properties: []*models.Property{{Name: "part", DataType: []string{"int"}}},
	})
	ask{collection: name, question: question, fields: "part"}.refused(t, n, "latentAsk.properties")

	empty := uniqueName(t) + "Empty"
	create(t, n, schemaOf(empty, client.Vectorizer))
	r := post(t, n, ask{collection: empty, question: question}.query())
	require.Empty(t, r.messages())
	require.Empty(t, r.Data.Get[empty])
}
