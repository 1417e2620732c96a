package fit

import (
	"fmt"
	"slices"
	"strings"
)

// Layout is a way in which an object's values may have become the text that its
// vector was made of. Letter case and kinds of white space are no part of it:
// the retrievers served here see neither.
type Layout struct {
	Name string
	// Text makes the text of an object's values, each a string or a list of
	// strings, by property.
	Text func(values map[string]any) string
}

// AsConfigured is the name of the layout that a collection's own configuration
// says.
const AsConfigured = "as configured"

// maxPairs bounds the text properties of which every ordered pair is a layout.
const maxPairs = 4

// Layouts are the likely ones for a collection of that name with those text
// properties, in schema order: the configured one, which may be nil, those that
// Weaviate's modules can be set to, and those of people who bring their own
// vectors.
func Layouts(collection string, properties []string, configured func(values map[string]any) string) []Layout {
	var list []Layout
	seen := map[string]bool{}
	add := func(name string, text func(map[string]any) string) {
		if !seen[name] {
			seen[name] = true
			list = append(list, Layout{Name: name, Text: text})
		}
	}
	if configured != nil {
		add(AsConfigured, configured)
	}
	for _, propertyNames := range []bool{false, true} {
		for _, name := range []bool{true, false} {
			text := WeaviateText{Collection: collection, Name: name, Properties: properties}
			if propertyNames {
				text.Named = properties
			}
			add(fmt.Sprintf("Weaviate's, %s the class name, %s property names", with(name), with(propertyNames)), text.Of)
		}
	}
	joined := func(names ...string) {
		for _, separator := range []string{". ", " "} {
			add(fmt.Sprintf("%s joined by %q", strings.Join(names, ", "), separator), func(values map[string]any) string {
				return Joined(values, names, separator)
			})
		}
	}
	joined(properties...)
	if len(properties) > 1 {
		for _, name := range properties {
			add(name+" alone", func(values map[string]any) string {
				return Joined(values, []string{name}, " ")
			})
		}
	}
	if len(properties) > 2 && len(properties) <= maxPairs {
		for _, first := range properties {
			for _, second := range properties {
				if first != second {
					joined(first, second)
				}
			}
		}
	}
	return list
}

func with(b bool) string {
	if b {
		return "with"
	}
	return "without"
}

// Joined are the values of properties, in that order, without the white space
// around them and without blank ones.
func Joined(values map[string]any, properties []string, separator string) string {
	var parts []string
	for _, name := range properties {
		for _, v := range Strings(values[name]) {
			if v = strings.TrimSpace(v); v != "" {
				parts = append(parts, v)
			}
		}
	}
	return strings.Join(parts, separator)
}

// Strings are those of a text or text[] value. What else a list holds is an
// empty string, so that places in it are those of the stored list.
func Strings(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []string:
		return v
	case []any:
		out := make([]string, len(v))
		for i, e := range v {
			out[i], _ = e.(string)
		}
		return out
	default:
		return nil
	}
}

// hasText tells whether any value is more than white space.
func hasText(values map[string]any) bool {
	for _, value := range values {
		if slices.ContainsFunc(Strings(value), func(s string) bool { return strings.TrimSpace(s) != "" }) {
			return true
		}
	}
	return false
}
