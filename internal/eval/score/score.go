package score

import (
	"slices"
	"strings"
)

// Rule is a benchmark's way of computing F1. Exact match is the same in all.
type Rule int

const (
	// SQuAD is the rule of SQuAD 2.0 and MuSiQue: two answers without a word
	// have an F1 of 1, one without and one with have 0.
	SQuAD Rule = iota
	// HotpotQA is the rule of HotpotQA and 2WikiMultihopQA: "yes", "no" and
	// "noanswer" have no F1 with anything but themselves, and answers without a
	// word have none at all.
	HotpotQA
)

// RuleOf is the rule of a data set's own script, SQuAD's where the name is not
// known.
func RuleOf(dataset string) Rule {
	switch strings.ToLower(dataset) {
	case "hotpotqa", "hotpot", "2wiki", "2wikimultihopqa":
		return HotpotQA
	default:
		return SQuAD
	}
}

// Best is exact match (0 or 1) and F1 of an answer with those of the known
// answers that fit best, each by itself; both 0 where there is none.
func Best(rule Rule, answer string, known []string) (exact, f1 float64) {
	given := Normalise(answer)
	for _, k := range known {
		k := Normalise(k)
		if given == k {
			exact = 1
		}
		f1 = max(f1, f1Of(rule, given, k))
	}
	return exact, f1
}

// F1 is the harmonic mean of the shares of words that two texts have in common.
func F1(rule Rule, given, known string) float64 {
	return f1Of(rule, Normalise(given), Normalise(known))
}

// f1Of takes normalised texts. The order of its operations is that of the
// reference scripts, on which the last digit depends.
func f1Of(rule Rule, given, known string) float64 {
	a, b := strings.Fields(given), strings.Fields(known)
	if rule == HotpotQA && given != known && (closed(given) || closed(known)) {
		return 0
	}
	if rule == SQuAD && (len(a) == 0 || len(b) == 0) {
		if len(a) == len(b) {
			return 1
		}
		return 0
	}
	same := common(a, b)
	if same == 0 {
		return 0
	}
	precision := float64(same) / float64(len(a))
	recall := float64(same) / float64(len(b))
	return (2 * precision * recall) / (precision + recall)
}

// closed tells whether a normalised answer is one of a closed question.
func closed(answer string) bool {
	return answer == "yes" || answer == "no" || answer == "noanswer"
}

// common counts the words that two lists share, each as often as both have it.
func common(a, b []string) int {
	left := slices.Clone(b)
	n := 0
	for _, word := range a {
		if i := slices.Index(left, word); i >= 0 {
			left = slices.Delete(left, i, i+1)
			n++
		}
	}
	return n
}
