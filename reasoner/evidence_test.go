package reasoner

import (
	"strings"
	"testing"
)

func TestEvidence(t *testing.T) {
	found := []*passage{
		{Evidence: Evidence{ID: "a", Hop: 1, Rank: 1}, line: newLine("The city of York. Its river is the Ouse."), read: " The city of York."},
		{Evidence: Evidence{ID: "b", Hop: 1, Rank: 2}, line: newLine("Born in New York, in the U.S."), read: " Born in New York, in the U.S."},
		{Evidence: Evidence{ID: "c", Hop: 2, Rank: 1}, line: newLine("yes, new york again. Yorkshire"), read: " yes, new york again. Yorkshire"},
		{Evidence: Evidence{ID: "d", Hop: 2, Rank: 2}, line: newLine("1. Knox (1514-1572), no. 10 in a list"), read: " 1. Knox (1514-1572), no. 10 in a list"},
	}
	for _, c := range []struct{ answer, want string }{
		{"York", "a b c d"},
		{"the New York!", "b a c d"},
		{"Yorkshire", "c a b d"},
		{"shire", "a b c d"}, // whole words
		{"again york", "a b c d"},
		{"Ouse", "a b c d"}, // in the text, though it was not read
		{"1572", "d a b c"},
		{"Knox, 1514", "d a b c"},
		{"Knox's", "a b c d"},
		// A judgement, and what is too short to tell anything.
		{"yes", "a b c d"},
		{"Yes.", "a b c d"},
		{"no", "a b c d"},
		{"1", "a b c d"},
		{"10", "a b c d"},
		{"a", "a b c d"},
		{"d", "a b c d"},
		{"us", "a b c d"},
		{"", "a b c d"},
		{"The", "a b c d"},
	} {
		var ids []string
		for _, e := range evidence(found, Answer{Text: c.answer}) {
			ids = append(ids, e.ID)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%q: %s, want %s", c.answer, got, c.want)
		}
	}
	if got := evidence(found, Answer{Text: "Yorkshire", Abstained: true}); got[0].ID != "a" {
		t.Errorf("%s goes first, though there is no answer", got[0].ID)
	}
	span := Answer{Text: "10", By: AnswerBySpan, Source: &Source{ID: "c"}}
	if got := evidence(found, span); got[0].ID != "c" || got[1].ID != "a" || len(got) != 4 {
		t.Errorf("%v: the source of a span does not go first", got)
	}
	if got := evidence(nil, Answer{Text: "York"}); len(got) != 0 {
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
