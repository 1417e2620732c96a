package fit

import "slices"

// Lengths are those of texts in tokens, against the number that is read of one.
type Lengths struct {
	// Texts is how many were counted.
	Texts int `json:"texts"`
	// P50, P95 and Max are of the texts' tokens.
	P50 int `json:"p50"`
	P95 int `json:"p95"`
	Max int `json:"max"`
	// Limit is how many tokens are read of a text. Longer is the share of texts
	// that have more, Unread the share of all tokens that lie behind the limit.
	Limit  int     `json:"limit"`
	Longer float64 `json:"longer"`
	Unread float64 `json:"unread"`
}

// LengthsOf is of texts of so many tokens each.
func LengthsOf(tokens []int, limit int) Lengths {
	l := Lengths{Texts: len(tokens), Limit: limit}
	if len(tokens) == 0 {
		return l
	}
	sorted := slices.Sorted(slices.Values(tokens))
	l.P50, l.P95, l.Max = quantile(sorted, 0.5), quantile(sorted, 0.95), sorted[len(sorted)-1]
	var all, unread, longer int
	for _, n := range tokens {
		all += n
		if n > limit {
			unread += n - limit
			longer++
		}
	}
	l.Longer = float64(longer) / float64(len(tokens))
	if all > 0 {
		l.Unread = float64(unread) / float64(all)
	}
	return l
}
