package fit

import (
	"cmp"
	"slices"
	"strings"
)

// Headings are names of properties that head a text rather than are one, in the
// order of preference.
var Headings = []string{"title", "name", "headline", "heading"}

// ReadingOrder is the order in which an object's properties are read as one text:
// headings first, and the others as they are. What comes last is cut off where a
// text is longer than is read of it, and a text without its heading often does
// not say what it is about. A schema's own order says nothing: Weaviate puts it
// into alphabetical order when the schema is changed, as by adding a vector.
func ReadingOrder(properties []string) []string {
	ordered := slices.Clone(properties)
	slices.SortStableFunc(ordered, func(a, b string) int { return cmp.Compare(preference(a), preference(b)) })
	return ordered
}

// IsHeading tells whether a property of that name heads a text.
func IsHeading(property string) bool { return preference(property) < len(Headings) }

// preference is a property's place among the headings, behind all of them for
// one that is none.
func preference(property string) int {
	if at := slices.IndexFunc(Headings, func(h string) bool { return strings.EqualFold(h, property) }); at >= 0 {
		return at
	}
	return len(Headings)
}
