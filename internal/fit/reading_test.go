package fit

import (
	"slices"
	"testing"
)

func TestReadingOrder(t *testing.T) {
	for _, tt := range []struct{ properties, want []string }{
		{nil, nil},
		{[]string{"text"}, []string{"text"}},
		{[]string{"title", "text"}, []string{"title", "text"}},
		{[]string{"body", "Title"}, []string{"Title", "body"}},
		{[]string{"tags", "text", "title"}, []string{"title", "tags", "text"}},
		{[]string{"body", "heading", "abstract", "name"}, []string{"name", "heading", "body", "abstract"}},
	} {
		before := slices.Clone(tt.properties)
		if got := ReadingOrder(tt.properties); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.properties, got, tt.want)
		}
		if !slices.Equal(tt.properties, before) {
			t.Errorf("%q was changed to %q", before, tt.properties)
		}
	}
}
