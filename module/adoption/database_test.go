package adoption

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/go-openapi/strfmt"
	"github.com/google/uuid"
	"github.com/weaviate/weaviate/adapters/repos/db/lsmkv"
	"github.com/weaviate/weaviate/entities/cyclemanager"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/storobj"
)

// newBucket is a store of objects with these texts, the first half of which lies
// in a file. One more was deleted.
func newBucket(t *testing.T, texts []string) *lsmkv.Bucket {
	t.Helper()
	bucket, err := lsmkv.NewBucketCreator().NewBucket(t.Context(), t.TempDir(), "", quiet(), nil,
		cyclemanager.NewCallbackGroupNoop(), cyclemanager.NewCallbackGroupNoop(), lsmkv.WithStrategy(lsmkv.StrategyReplace))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bucket.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for i, text := range texts {
		id := idOf(i)
		o := storobj.FromObject(&models.Object{
			Class: testClass, ID: strfmt.UUID(uuid.UUID(id).String()), Properties: map[string]any{"text": text},
		}, nil, nil, nil)
		data, err := o.MarshalBinaryDisk(false)
		if err == nil {
			err = bucket.Put(id, data)
		}
		if err == nil && i == len(texts)/2 {
			err = bucket.FlushAndSwitch()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := bucket.Put(idOf(-1), []byte("no object")); err != nil {
		t.Fatal(err)
	}
	if err := bucket.Delete(idOf(-1)); err != nil {
		t.Fatal(err)
	}
	return bucket
}

func TestReadPage(t *testing.T) {
	large := strings.Repeat("x", pageBytes/4)
	for name, tt := range map[string]struct {
		texts []string
		pages []int
	}{
		"nothing":          {nil, []int{0}},
		"one page":         {make([]string, 10), []int{10}},
		"a full page":      {make([]string, pageObjects), []int{pageObjects}},
		"several":          {make([]string, 2*pageObjects+7), []int{pageObjects, pageObjects, 7}},
		"bounded by bytes": {[]string{large, large, large, large, large, large}, []int{4, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			bucket := newBucket(t, tt.texts)
			var after []byte
			for i, want := range tt.pages {
				page, more, err := readPage(t.Context(), bucket, testClass, after)
				if err != nil {
					t.Fatal(err)
				}
				if len(page) != want || more != (i < len(tt.pages)-1) {
					t.Fatalf("page %d has %d objects, more %v; want %d", i, len(page), more, want)
				}
				for _, r := range page {
					if bytes.Compare(r.id, after) <= 0 {
						t.Fatalf("%x comes behind %x", r.id, after)
					}
					after = r.id
				}
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := readPage(ctx, newBucket(t, make([]string, 3)), testClass, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
