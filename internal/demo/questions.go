package demo

import (
	"errors"

	"github.com/latentask/latentask/internal/jsonl"
)

// Question is one of the demo's questions, with what is known of it.
type Question struct {
	Text    string   `json:"question"`
	Answers []string `json:"answers"`
	// Support holds the titles of the passages that it takes to answer.
	Support []string `json:"support"`
}

// readQuestions reads the first count questions of a file, all of them where
// count is 0 or there are fewer.
func readQuestions(path string, count int) ([]Question, error) {
	var questions []Question
	for q, err := range jsonl.File[Question](path) {
		if err != nil {
			return nil, err
		}
		questions = append(questions, q)
		if len(questions) == count {
			break
		}
	}
	if len(questions) == 0 {
		return nil, errors.New(path + " holds none")
	}
	return questions, nil
}
