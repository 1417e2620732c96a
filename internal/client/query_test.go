package client

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"github.com/tailor-platform/graphql/language/ast"
	"github.com/tailor-platform/graphql/language/parser"
)

// read is the string that a GraphQL parser finds in a literal.
func read(t testing.TB, literal string) string {
	t.Helper()
	document, err := parser.Parse(parser.ParseParams{Source: `{ a(b: ` + literal + `) }`})
	require.NoError(t, err, literal)
	field := document.Definitions[0].(*ast.OperationDefinition).SelectionSet.Selections[0].(*ast.Field)
	require.Len(t, field.Arguments, 1, "the literal ends where the string does")
	return field.Arguments[0].Value.GetValue().(string)
}

func TestQuote(t *testing.T) {
	for _, s := range []string{
		"", "plain", `a "quoted" word`, `back\slash \u0041`, "line\nbreak\ttab\r", "<b>&amp;</b>", "Łódź 東京 🎬",
		"\u2028\u2029", `"}) { title } Other(latentAsk: {question: "x`, "\x01\x1f", "${x} #comment",
	} {
		require.Equal(t, s, read(t, quote(s)))
	}
}

func FuzzQuote(f *testing.F) {
	f.Add(`"}) { title } } #`)
	f.Add("\\\n\u0000")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			t.Skip("JSON has no such strings")
		}
		require.Equal(t, s, read(t, quote(s)))
	})
}

func TestNamesThatCouldBeAnythingElseAreRefused(t *testing.T) {
	require.NoError(t, checkNames("collection", "Passage", "_x9"))
	for _, bad := range []string{"", "9a", "a b", "a{b}", "Ä", "a\nb", "a(b:1)"} {
		require.Error(t, checkNames("collection", bad), "%q", bad)
	}
}
