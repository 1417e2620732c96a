package eval

import "strings"

// A known subquery may be no sentence but a triple without its object, as
// MuSiQue has two in five: "Kentucky Tavern >> manufacturer". What puts queries
// into words is compared with the words of it, by the rule that training
// makes them by (train/annotated.py, ask).
const tripleMark = " >> "

// questionOf is how a relation is asked for, SUBJECT standing for its subject.
var questionOf = map[string]string{
	"place of birth":         "Where was SUBJECT born?",
	"place of death":         "Where did SUBJECT die?",
	"date of birth":          "When was SUBJECT born?",
	"date of death":          "When did SUBJECT die?",
	"cause of death":         "How did SUBJECT die?",
	"country of citizenship": "What is the nationality of SUBJECT?",
	"country of origin":      "Which country is SUBJECT from?",
	"educated at":            "Where was SUBJECT educated?",
	"award received":         "Which award did SUBJECT receive?",
	"publication date":       "When was SUBJECT released?",
	"inception":              "When was SUBJECT founded?",
}

// inWords is a known subquery as a question.
func inWords(subquery string) string {
	subject, relation, ok := strings.Cut(subquery, tripleMark)
	if !ok {
		return subquery
	}
	relation = strings.ToLower(strings.TrimSpace(relation))
	if question, ok := questionOf[relation]; ok {
		return strings.ReplaceAll(question, "SUBJECT", subject)
	}
	asked := "What"
	switch relation {
	case "director", "performer", "composer", "father", "mother", "spouse", "child", "founded by", "author", "creator":
		asked = "Who"
	}
	return asked + " is the " + relation + " of " + subject + "?"
}
