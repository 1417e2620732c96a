package acceptance

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
)

// TestTheSameQuestionHasTheSameAnswer asks some questions alone, and again
// beside other questions, searches and an import.
func TestTheSameQuestionHasTheSameAnswer(t *testing.T) {
	n := commonCollection(t)
	list := questions(t, 3)
	alone := make([]outcome, len(list))
	for i, q := range list {
		alone[i] = outcomeOf(ask{collection: common, question: q}.send(t, n))
		require.Equal(t, alone[i], outcomeOf(ask{collection: common, question: q}.send(t, n)), "asked again")
	}

	name := uniqueName(t)
	create(t, n, schemaOf(name, client.Vectorizer))
	var traffic sync.WaitGroup
	stop := make(chan struct{})
	traffic.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			_, err := n.client.Search(context.Background(), common, "", fmt.Sprintf("a search beside, number %d", i), 5, nil)
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	traffic.Go(func() {
		_, err := n.client.Load(context.Background(), func(yield func(map[string]any, error) bool) {
			for i := range 60 {
				if !yield(map[string]any{"title": strconv.Itoa(i), "text": passages(t)[i].Text}, nil) {
					return
				}
			}
		}, client.Import{Collection: name, Batch: 10})
		if err != nil {
			t.Error(err)
		}
	})
	beside := make([]*client.Reply, len(list))
	var asking sync.WaitGroup
	for i, q := range list {
		asking.Go(func() {
			reply, err := n.client.Ask(context.Background(), client.Question{Collection: common, Text: q, Vectors: true, Details: true})
			if err != nil {
				t.Error(err)
				return
			}
			beside[i] = reply
		})
	}
	asking.Wait()
	close(stop)
	traffic.Wait()
	for i, reply := range beside {
		require.NotNil(t, reply)
		require.Equal(t, alone[i].Answer, reply.Answer, list[i])
		require.Len(t, reply.Hops, len(alone[i].Hops))
		for k, h := range reply.Hops {
			h.Ms = client.HopMs{}
			require.Equal(t, alone[i].Hops[k], h, "hop %d of %q", k+1, list[i])
		}
	}
}

// TestHopsCanBeReplayed searches again with the vector of every hop that searched
// by it alone. TestHybridHopsCanBeReplayed is of the others.
func TestHopsCanBeReplayed(t *testing.T) {
	n := commonCollection(t)
	for _, q := range questions(t, 2) {
		read := map[string]bool{}
		for _, h := range searches(ask{collection: common, question: q, argument: "search: VECTOR"}.send(t, n)) {
			found := get(t, n, common, fmt.Sprintf("nearVector: {vector: %s} limit: %d", vectorText(t, h.Vector), len(h.IDs)+len(read)),
				"_additional { id distance }")
			var fresh []string
			var distances []float64
			for _, o := range found {
				if !read[o.Additional.ID] {
					fresh = append(fresh, o.Additional.ID)
					distances = append(distances, o.Additional.Distance)
				}
			}
			fresh, distances = fresh[:len(h.IDs)], distances[:len(h.IDs)]
			require.Equal(t, fresh, h.IDs, "hop %d of %q", h.N, q)
			require.InDeltaSlice(t, distances, h.Distances, 1e-6)
			for _, id := range h.IDs {
				read[id] = true
			}
		}
	}
}
