package eval

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTriplesInWords(t *testing.T) {
	require.Equal(t, "who made it", inWords("who made it"))
	require.Equal(t, "Who is the spouse of A?", inWords("A >> Spouse"))
	require.Equal(t, "When was A founded?", inWords("A >> inception"))
}

// Training and evaluation have the same rule: every relation that
// train/annotated.py words specially, as it words it.
func TestTriplesAreWordedAsInTraining(t *testing.T) {
	source, err := os.ReadFile("../../train/annotated.py")
	require.NoError(t, err)
	_, rule, ok := strings.Cut(string(source), "def ask(")
	require.True(t, ok)
	rule, _, _ = strings.Cut(rule, "\ndef ")
	special := regexp.MustCompile(`"([^"]+)": f"([^"]+)"`).FindAllStringSubmatch(rule, -1)
	require.Len(t, special, 11)
	for _, m := range special {
		require.Equal(t, strings.ReplaceAll(m[2], "{subject}", "A"), inWords("A >> "+m[1]))
	}
	_, who, ok := strings.Cut(rule, "who = {")
	require.True(t, ok)
	who, _, _ = strings.Cut(who, "}")
	people := regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(who, -1)
	require.Len(t, people, 10)
	for _, m := range people {
		require.Equal(t, "Who is the "+m[1]+" of A?", inWords("A >> "+m[1]))
	}
}
