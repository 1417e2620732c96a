package eval

import "strings"

// A known subquery may be no sentence but a triple without its object, as
// MuSiQue has two in five: "Kentucky Tavern >> manufacturer". What puts queries
// into words is compared with the words of it, by the rule that training
// makes them by (train/annotated.py, ask).
const tripleMark = " >> "

// inWords is a known subquery as a question.
func inWords(subquery string) string {
	subject, relation, ok := strings.Cut(subquery, tripleMark)
	if !ok {
		return subquery
	}
	relation = strings.ToLower(strings.TrimSpace(relation))
	switch relation {
	case "place of birth":
		return "Where was " + subject + " born?"
	case "place of death":
		return "Where did " + subject + " die?"
	case "date of birth":
		return "When was " + subject + " born?"
	case "date of death":
		return "When did " + subject + " die?"
	case "cause of death":
		return "How did " + subject + " die?"
	case "country of citizenship":
		return "What is the nationality of " + subject + "?"
	case "country of origin":
		return "Which country is " + subject + " from?"
	case "educated at":
		return "Where was " + subject + " educated?"
	case "award received":
		return "Which award did " + subject + " receive?"
	case "publication date":
		return "When was " + subject + " released?"
	case "inception":
		return "When was " + subject + " founded?"
	case "director", "performer", "composer", "father", "mother", "spouse", "child", "founded by", "author", "creator":
		return "Who is the " + relation + " of " + subject + "?"
	default:
		return "What is the " + relation + " of " + subject + "?"
	}
}
