package module

import (
	"reflect"
	"testing"
)

func TestPassageText(t *testing.T) {
	for _, tt := range []struct {
		name       string
		values     any
		properties []string
		want       string
	}{
		{"title and text", map[string]any{"title": "Knox", "text": "He wrote."}, []string{"title", "text"}, "Knox. He wrote."},
		{"order is the list's", map[string]any{"title": "Knox", "text": "He wrote."}, []string{"text", "title"}, "He wrote. Knox"},
		{"closed by a question mark", map[string]any{"a": "Who?", "b": "He"}, []string{"a", "b"}, "Who? He"},
		{"closed inside quotes", map[string]any{"a": `He said "no."`, "b": "Then"}, []string{"a", "b"}, `He said "no." Then`},
		{"closed by a full-width stop", map[string]any{"a": "東京。", "b": "X"}, []string{"a", "b"}, "東京。 X"},
		{"blank values are left out", map[string]any{"a": " \n", "b": "B", "c": ""}, []string{"a", "b", "c"}, "B"},
		{"missing and other values are left out", map[string]any{"a": 3, "b": "B", "c": nil}, []string{"x", "a", "c", "b"}, "B"},
		{"lists", map[string]any{"a": []string{"one", "", "two"}, "b": []any{"three", 4}}, []string{"a", "b"}, "one. two. three"},
		{"space around", map[string]any{"a": " A ", "b": "\tB\n"}, []string{"a", "b"}, "A. B"},
		{"nothing asked for", map[string]any{"a": "A"}, nil, ""},
		{"no object", nil, []string{"a"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := passageText(tt.values, tt.properties); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSplitSentences(t *testing.T) {
	got := splitSentences("One is here. Two follows!  \n\nThree?")
	if want := []string{"One is here.", "Two follows!", "Three?"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
	if got := splitSentences(" \n "); len(got) != 0 {
		t.Errorf("blank text has sentences %q", got)
	}
}
