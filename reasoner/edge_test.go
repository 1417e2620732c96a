package reasoner

import "testing"

func TestEdge(t *testing.T) {
	for _, c := range []struct {
		text, edges string // a bar at each edge but the text's own ends
	}{
		{"John Knox's", "John| |Knox|'|s"},
		{"1514-72, 3.1", "1514|-|72|,| |3|.|1"},
		{"Ⅷth ½x", "Ⅷth| |½x"},
		{"e\u0301te", "e\u0301te"}, // a mark belongs to its letter
		{"東京は2か", "東|京|は|2|か"},
		{"か\u3099x", "か\u3099|x"}, // no edge before a mark, even here
		{"กำ", "ก|ำ"},
		{"a\U0001F600b", "a|\U0001F600|b"},
	} {
		got := ""
		for i, r := range c.text {
			if i > 0 && edge(c.text, i) {
				got += "|"
			}
			got += string(r)
		}
		if got != c.edges {
			t.Errorf("%q, want %q", got, c.edges)
		}
	}
	if edge("語", 1) || !edge("語", 0) || !edge("語", 3) || !edge("", 0) {
		t.Error("an edge inside a character, or none at the ends")
	}
}
