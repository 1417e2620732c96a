package module

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/graphql"
)

func TestPassageJoinsValues(t *testing.T) {
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
			if got := newPassage(tt.values, tt.properties).text; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// cutOut cuts a source out of an object as a client would, by characters.
func cutOut(t *testing.T, values map[string]any, s *graphql.Source) string {
	t.Helper()
	var text string
	switch v := values[s.Property].(type) {
	case string:
		if s.Index != -1 {
			t.Errorf("a text property has index %d", s.Index)
		}
		text = v
	case []string:
		text = v[s.Index]
	case []any:
		text = v[s.Index].(string)
	}
	return string([]rune(text)[s.Start:s.End])
}

func TestSourceIsAPlaceInTheStoredValue(t *testing.T) {
	values := map[string]any{
		"title": "  Jón Þór\u00a0Birgisson\u2003\n",
		"text":  "\n\tHann  fæddist 👩‍👩‍👧 í\r\n\u2028東京 1975.\n",
		"tags":  []string{"", " söngvari ", "gítar"},
		"more":  []any{"Sigur Rós", 7.0, "jónsi"},
		"year":  1975.0,
	}
	p := newPassage(values, []string{"title", "text", "tags", "year", "more"})
	for _, tt := range []struct {
		span     string
		property string
		index    int
	}{
		{"Jón", "title", -1},
		{"Þór\u00a0Birgisson", "title", -1},
		{"Hann  fæddist", "text", -1},
		{"👩‍👩‍👧", "text", -1},
		{"í\r\n\u2028東京", "text", -1},
		{"東京 1975.", "text", -1},
		{"söngvari", "tags", 1},
		{"gítar", "tags", 2},
		{"Sigur", "more", 0},
		{"jónsi", "more", 2},
	} {
		start := strings.Index(p.text, tt.span)
		if start < 0 {
			t.Fatalf("%q is not in %q", tt.span, p.text)
		}
		s := p.source("a", start, start+len(tt.span))
		if s == nil || s.ID != "a" || s.Property != tt.property || s.Index != tt.index {
			t.Errorf("%q: source %+v", tt.span, s)
			continue
		}
		if got := cutOut(t, values, s); got != tt.span {
			t.Errorf("%q: the stored value has %q there", tt.span, got)
		}
	}
}

func TestSourceAtTheEndsOfValues(t *testing.T) {
	p := newPassage(map[string]any{"title": "Knox", "text": " He wrote"}, []string{"title", "text"})
	if p.text != "Knox. He wrote" {
		t.Fatalf("text %q", p.text)
	}
	for _, tt := range []struct {
		start, end int
		want       *graphql.Source
	}{
		{0, 4, &graphql.Source{Property: "title", Index: -1, Start: 0, End: 4}},
		{0, 6, &graphql.Source{Property: "title", Index: -1, Start: 0, End: 4}}, // what was put between is cut off
		{4, 8, &graphql.Source{Property: "text", Index: -1, Start: 1, End: 3}},
		{6, 99, &graphql.Source{Property: "text", Index: -1, Start: 1, End: 9}},
		{3, 7, nil}, // over two properties
		{4, 6, nil}, // in none
		{14, 15, nil},
		{2, 2, nil},
		{3, 1, nil},
		{-5, 2, &graphql.Source{Property: "title", Index: -1, Start: 0, End: 2}},
	} {
		if got := p.source("", tt.start, tt.end); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%d to %d: %+v, want %+v", tt.start, tt.end, got, tt.want)
		}
	}
}

// FuzzSource joins arbitrary values and wants every span within one of them to
// be found there, character for character as JSON carries it.
func FuzzSource(f *testing.F) {
	f.Add("Jón", " 東京\n", "", 0, 3)
	f.Add("\xff\xfe", "a\x00b", "?!", 1, 2)
	f.Add("\u00a0\u00a0x", "\u3000y", "z\u0085", 4, 9)
	f.Fuzz(func(t *testing.T, a, b, c string, start, end int) {
		values := map[string]any{"a": a, "b": []any{b, c}}
		p := newPassage(values, []string{"b", "a"})
		for _, part := range p.parts {
			if p.text[part.start:part.end] != part.value[part.offset:part.offset+part.end-part.start] {
				t.Fatalf("part %+v is not what the passage %q holds", part, p.text)
			}
		}
		s := p.source("", start, end)
		for _, at := range []int{start, end} {
			if at > 0 && at < len(p.text) && !utf8.RuneStart(p.text[at]) {
				return // no span of the engine's begins or ends there
			}
		}
		if s == nil {
			return
		}
		within := p.text[max(start, 0):min(end, len(p.text))]
		if got := cutOut(t, values, s); !strings.Contains(string([]rune(within)), got) {
			t.Errorf("%d to %d of %q is %q, the source says %q", start, end, p.text, within, got)
		}
	})
}

// Adding a vector to a schema puts its properties into alphabetical order; the
// heading is read first all the same.
func TestHeadingsAreReadFirst(t *testing.T) {
	b := newBench(t)
	slices.SortFunc(b.class.Properties, func(a, b *models.Property) int { return strings.Compare(a.Name, b.Name) })
	target, err := newTarget(b.class, []string{""}, "")
	if err != nil {
		t.Fatal(err)
	}
	got, err := target.readProperties(nil)
	if err != nil || got[0] != "title" || len(got) < 2 {
		t.Errorf("read %q, %v", got, err)
	}
	wanted := []string{"text", "title"}
	if got, err := target.readProperties(wanted); err != nil || !slices.Equal(got, wanted) {
		t.Errorf("read %q for %q, %v", got, wanted, err)
	}
}
