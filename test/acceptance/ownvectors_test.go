package acceptance

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
)

// TestVectorsOfOnesOwn brings vectors that the same model made elsewhere: those
// of a collection that text2vec-latent embedded, whose answers must be the
// same.
func TestVectorsOfOnesOwn(t *testing.T) {
	n := shared(t)
	list := passages(t)[:40]
	twin := uniqueName(t) + "Twin"
	class := schemaOf(twin, client.Vectorizer)
	class.ModuleConfig = map[string]any{client.Vectorizer: map[string]any{"vectorizeClassName": false}}
	create(t, n, class)
	load(t, n, twin, "", list)
	byTitle := storedVectors(t, n, twin)

	own := uniqueName(t)
	create(t, n, schemaOf(own, "none"))
	vectors := make([][]float32, len(list))
	for i, p := range list {
		vectors[i] = byTitle[p.Title]
	}
	loadVectors(t, n, own, list, vectors)

	for _, q := range questions(t, 2) {
		a := ask{collection: twin, question: q}.send(t, n)
		b := ask{collection: own, question: q}.send(t, n)
		require.Equal(t, withoutID(a[0].Additional.LatentAsk.Answer), withoutID(b[0].Additional.LatentAsk.Answer))
		titles := func(objects []object) []string {
			out := make([]string, len(objects))
			for i, o := range objects {
				out[i] = o.Title
			}
			return out
		}
		require.Equal(t, titles(a), titles(b))
		for k := range searches(a) {
			require.Equal(t, searches(a)[k].Vector, searches(b)[k].Vector)
		}
	}
}

// withoutID is an answer whose source does not name the object, which has
// another id in another collection.
func withoutID(a client.Answer) client.Answer {
	if a.Source != nil {
		source := *a.Source
		source.ID = ""
		a.Source = &source
	}
	return a
}
