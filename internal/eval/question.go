package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/latentask/latentask/internal/jsonl"
)

// Question is one question with what is known of it.
type Question struct {
	// ID is unique in its file; "line 7" where the file gives none.
	ID   string
	Text string
	// Answers are those that count as right. Empty where none is known.
	Answers []string
	// Gold are the ids of the passages that it takes to answer. Empty where
	// they are not known.
	Gold []string
	// Hidden are passages that no search may find, see HideGold.
	Hidden []string
	// Dataset is the benchmark that the question is from, which decides how F1
	// is computed; see score.RuleOf.
	Dataset string
	// Kind is what the report groups questions by: the type that the file
	// gives, else data set and number of hops.
	Kind string
	// Subqueries are the hops of a known decomposition.
	Subqueries []Subquery
}

// Subquery is a hop of a known decomposition.
type Subquery struct {
	// Text is the hop in words, the answers of earlier ones in place of their
	// "#1", "#2", ….
	Text string
	// PID is the passage that it should find, empty where that is not known.
	PID string
}

// asked is the subquery that a search should make after the passages read: the
// first whose own has not been read; where they are not known, the one of the
// same place. Nil where there is none, since all has been read.
func (q *Question) asked(search int, read map[string]bool) *Subquery {
	for i := range q.Subqueries {
		s := &q.Subqueries[i]
		if s.PID == "" && i == search || s.PID != "" && !read[s.PID] {
			return s
		}
	}
	return nil
}

// Half is a part of the questions of a file.
type Half string

// The halves. What is fitted on development questions is fitted on one half
// and reported on the other.
const (
	HalfAll    Half = "all"
	HalfFirst  Half = "first"  // the 1st, 3rd, 5th, … question of the file
	HalfSecond Half = "second" // the 2nd, 4th, 6th, …
)

// holds tells whether the question at an index, from 0, is in the half.
func (h Half) holds(index int) bool {
	switch h {
	case HalfFirst:
		return index%2 == 0
	case HalfSecond:
		return index%2 == 1
	default:
		return true
	}
}

// ReadQuestions reads the first limit questions of a half of a file, all of
// them where limit is 0. An error names file and line.
func ReadQuestions(path string, half Half, limit int) ([]Question, error) {
	switch half {
	case HalfAll, HalfFirst, HalfSecond:
	default:
		return nil, fmt.Errorf("half is %q, must be first, second or all", string(half))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var questions []Question
	lines := map[string]int{}
	index := 0
	for line, err := range jsonl.Lines[questionRow](file) {
		var q Question
		if err == nil {
			if q, err = line.Value.question(line.Number); err != nil {
				err = fmt.Errorf("line %d: %w", line.Number, err)
			} else if first, again := lines[q.ID]; again {
				err = fmt.Errorf("line %d: id %q stands on line %d too", line.Number, q.ID, first)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		lines[q.ID] = line.Number
		if half.holds(index) && (limit <= 0 || len(questions) < limit) {
			questions = append(questions, q)
		}
		index++
	}
	if len(questions) == 0 {
		return nil, fmt.Errorf("%s holds no questions", path)
	}
	return questions, nil
}

// HideGold makes of questions those of which the gold passages cannot be found.
// Questions whose gold is not known are left out.
func HideGold(questions []Question) ([]Question, error) {
	var hidden []Question
	for _, q := range questions {
		if len(q.Gold) > 0 {
			q.Hidden, q.Gold = q.Gold, nil
			hidden = append(hidden, q)
		}
	}
	if len(hidden) == 0 {
		return nil, errors.New("no question has gold passages that could be hidden")
	}
	return hidden, nil
}

// questionRow is a line of a file. Fields that are not named here are ignored.
type questionRow struct {
	ID       text            `json:"id"`
	Dataset  text            `json:"dataset"`
	Question text            `json:"question"`
	Answers  texts           `json:"answers"`
	Gold     texts           `json:"gold_pids"`
	Type     text            `json:"type"`
	Hops     json.RawMessage `json:"hops"`
}

func (r *questionRow) question(line int) (Question, error) {
	q := Question{
		ID: string(r.ID), Text: strings.TrimSpace(string(r.Question)), Dataset: string(r.Dataset),
		Answers: r.Answers, Gold: r.Gold, Kind: string(r.Type),
	}
	if q.Text == "" {
		return q, errors.New(`no "question"`)
	}
	if q.ID == "" {
		q.ID = fmt.Sprintf("line %d", line)
	}
	hops := decomposition(r.Hops)
	q.Subqueries = filled(hops)
	if q.Kind == "" {
		q.Kind = q.Dataset
		if q.Kind == "" {
			q.Kind = "all"
		}
		if len(hops) > 0 {
			q.Kind = fmt.Sprintf("%s, %d hops", q.Kind, len(hops))
		}
	}
	return q, nil
}

// hopRow is one step of a known decomposition.
type hopRow struct {
	Subquery text  `json:"subq"`
	Answer   texts `json:"answer"`
	PID      text  `json:"pid"`
}

// decomposition reads a field that other people's files may use for something
// else, in which case there is none.
func decomposition(data json.RawMessage) []hopRow {
	var hops []hopRow
	if len(data) == 0 || json.Unmarshal(data, &hops) != nil {
		return nil
	}
	for _, h := range hops {
		if h.Subquery == "" {
			return nil
		}
	}
	return hops
}

// filled are the subqueries with the answers of earlier hops in their places.
func filled(hops []hopRow) []Subquery {
	known := !slices.ContainsFunc(hops, func(h hopRow) bool { return h.PID == "" })
	var out []Subquery
	for i, h := range hops {
		// From the last one down, so that "#1" is no part of "#12".
		s := string(h.Subquery)
		for k := i; k >= 1; k-- {
			if answers := hops[k-1].Answer; len(answers) > 0 {
				s = strings.ReplaceAll(s, "#"+strconv.Itoa(k), answers[0])
			}
		}
		out = append(out, Subquery{Text: s})
		if known {
			out[i].PID = string(h.PID)
		}
	}
	return out
}

// text is a string, or a number or truth value as a string.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		*t = text(s)
	case '[', '{':
		return fmt.Errorf("%.40s is no text", data)
	case 'n':
		*t = ""
	default:
		*t = text(data)
	}
	return nil
}

// texts is a list of texts, or one.
type texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(data []byte) error {
	list := []text{}
	if data[0] == '[' {
		if err := json.Unmarshal(data, &list); err != nil {
			return err
		}
	} else {
		list = append(list, "")
		if err := list[0].UnmarshalJSON(data); err != nil {
			return err
		}
	}
	*t = nil
	for _, s := range list {
		if s != "" {
			*t = append(*t, string(s))
		}
	}
	return nil
}
