package adopt

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMarks(t *testing.T) {
	m := Mark{Of: "Docs", Way: Copied, Woken: "a", WokenFrom: "INACTIVE"}
	for _, description := range []string{"", "Our documents.", "Our [documents]"} {
		marked := m.On(description)
		got, ok := ReadMark(marked)
		require.True(t, ok)
		require.Equal(t, m, got)
		require.Equal(t, marked, m.On(marked), "a mark takes the place of another")
		require.Contains(t, marked, description)
	}
	for _, description := range []string{
		"", "Docs", "[latentask adopt ]", `[latentask adopt {"of":"Docs"}]`, `[latentask adopt {"of":"Docs","way":"copy"}] more`,
		`[latentask adopt {"of":"","way":"copy"}]`, `[latentask adopt {"of":"Docs","way":"in place"}]`,
	} {
		_, ok := ReadMark(description)
		require.False(t, ok, description)
	}
}

// FuzzReadMark checks that whatever stands in a description, a mark that is put
// on it is read again.
func FuzzReadMark(f *testing.F) {
	f.Add("Our documents.", "Docs")
	f.Add(`x [latentask adopt {"of":"a","way":"copy"}]`, `"]}`)
	f.Fuzz(func(t *testing.T, description, of string) {
		ReadMark(description)
		if of == "" {
			return
		}
		m := Mark{Of: of, Way: Passages}
		got, ok := ReadMark(m.On(description))
		if !ok || got.Way != m.Way {
			t.Fatalf("%q is not read again", m.On(description))
		}
	})
}
