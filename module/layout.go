package module

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/clipperhouse/uax29/v2/sentences"
	"github.com/weaviate/weaviate/entities/models"
	objecttexts "github.com/weaviate/weaviate/usecases/modulecomponents/vectorizer"
)

// A layout is a way in which an object's properties may have become the text
// that its vector was made of. Letter case and kinds of white space are no part
// of it: the retrievers served here see neither.
type layout struct {
	name string
	text func(object map[string]any) string
}

// maxPairs bounds the text properties of which every ordered pair is a layout.
const maxPairs = 4

// layouts are the likely ones for a target: the one that its configuration
// says, those that Weaviate's modules can be set to, and those of people who
// bring their own vectors.
func layouts(t *target) []layout {
	properties := textProperties(t.class)
	var list []layout
	seen := map[string]bool{}
	add := func(name string, text func(map[string]any) string) {
		if !seen[name] {
			seen[name] = true
			list = append(list, layout{name: name, text: text})
		}
	}
	weaviate := func(className, propertyNames bool, only []string) {
		s := weaviateSettings{className: className, propertyNames: propertyNames, only: only}
		add(s.name(), func(object map[string]any) string {
			return weaviateText(t.class.Class, object, s)
		})
	}

	if t.vectorizer != vectorizerNone {
		add("as configured", func(object map[string]any) string {
			return weaviateText(t.class.Class, object, t.settings)
		})
	}
	for _, propertyNames := range []bool{false, true} {
		for _, className := range []bool{true, false} {
			weaviate(className, propertyNames, properties)
		}
	}
	joined := func(names ...string) {
		for _, sep := range []string{". ", " "} {
			add(fmt.Sprintf("%s joined by %q", strings.Join(names, ", "), sep), func(object map[string]any) string {
				return joinedText(object, names, sep)
			})
		}
	}
	joined(properties...)
	if len(properties) > 1 {
		for _, name := range properties {
			add(name+" alone", func(object map[string]any) string {
				return joinedText(object, []string{name}, " ")
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

func weaviateText(class string, object map[string]any, settings objecttexts.ClassSettings) string {
	text, _ := objecttexts.New().Texts(context.Background(),
		&models.Object{Class: class, Properties: object}, settings)
	return text
}

func joinedText(object map[string]any, names []string, sep string) string {
	var parts []string
	for _, name := range names {
		for _, v := range texts(object[name]) {
			if v = strings.TrimSpace(v); v != "" {
				parts = append(parts, v)
			}
		}
	}
	return strings.Join(parts, sep)
}

// weaviateSettings is a configuration of Weaviate's own text making.
type weaviateSettings struct {
	className, propertyNames bool
	only                     []string
}

func (s weaviateSettings) name() string {
	with := func(b bool) string {
		if b {
			return "with"
		}
		return "without"
	}
	return fmt.Sprintf("Weaviate's, %s the class name, %s property names", with(s.className), with(s.propertyNames))
}

func (s weaviateSettings) PropertyIndexed(name string) bool  { return slices.Contains(s.only, name) }
func (s weaviateSettings) VectorizePropertyName(string) bool { return s.propertyNames }
func (s weaviateSettings) VectorizeClassName() bool          { return s.className }
func (s weaviateSettings) Properties() []string              { return nil }
func (s weaviateSettings) LowerCaseInput() bool              { return false }

// splitSentences are a text's sentences, without blank ones.
func splitSentences(text string) []string {
	var out []string
	for it := sentences.FromString(text); it.Next(); {
		if s := strings.TrimSpace(it.Value()); s != "" {
			out = append(out, s)
		}
	}
	return out
}
