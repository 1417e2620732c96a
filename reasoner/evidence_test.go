package reasoner

import (
	"strings"
	"testing"
)

func TestEvidence(t *testing.T) {
	found := []*passage{
		{Evidence: Evidence{ID: "a", Hop: 1, Rank: 1}, text: "The city of York. Its river is the Ouse.", read: " The city of York."},
		{Evidence: Evidence{ID: "b", Hop: 1, Rank: 2}, text: "Born in New York, in the U.S.", read: " Born in New York, in the U.S."},
		{Evidence: Evidence{ID: "c", Hop: 2, Rank: 1}, text: "yes, new york again. Yorkshire", read: " yes, new york again. Yorkshire"},
	}
	for _, c := range []struct{ answer, want string }{
		{"York", "a b c"},
		{"the New York!", "b a c"},
		{"us", "b a c"},
		{"Yorkshire", "c a b"},
		{"shire", "a b c"}, // whole words
		{"again york", "a b c"},
		{"Ouse", "a b c"}, // in the text, though it was not read
		{"yes", "a b c"},
		{"", "a b c"},
		{"The", "a b c"},
	} {
		var ids []string
		for _, e := range evidence(found, c.answer) {
			ids = append(ids, e.ID)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%q: %s, want %s", c.answer, got, c.want)
		}
	}
	if got := evidence(nil, "York"); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestNormalise(t *testing.T) {
	for in, want := range map[string]string{
		"The  U.S. Navy's": "us navys", "an apple, a day": "apple day", "Žižka\tMÜLLER": "žižka müller", "£5 + 3": "5 3", "«L’été»": "lété", "A": "",
	} {
		if got := normalise(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
