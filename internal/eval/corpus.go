package eval

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"

	"github.com/latentask/latentask/internal/jsonl"
)

// Passage is one text that can be found.
type Passage struct {
	PID, Title, Text string
}

// Corpus is the passages of a file, in its order.
type Corpus struct {
	Path     string
	Passages []Passage
	// Hash is of the passages' ids, titles and texts: files that differ in
	// nothing else have the same.
	Hash string
}

// passageRow is a line of a file. Fields that are not named here are ignored.
type passageRow struct {
	PID   text `json:"pid"`
	Title text `json:"title"`
	Text  text `json:"text"`
}

// ReadCorpus reads a file of passages. A title may be absent or empty. An error
// names file and line.
func ReadCorpus(path string) (*Corpus, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c := &Corpus{Path: path}
	lines := map[string]int{}
	sum := sha256.New()
	for line, err := range jsonl.Lines[passageRow](file) {
		p := Passage{PID: string(line.Value.PID), Title: string(line.Value.Title), Text: string(line.Value.Text)}
		if err == nil {
			if err = p.check(lines); err != nil {
				err = fmt.Errorf("line %d: %w", line.Number, err)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		lines[p.PID] = line.Number
		write(sum, p.PID, p.Title, p.Text)
		c.Passages = append(c.Passages, p)
	}
	if len(c.Passages) == 0 {
		return nil, fmt.Errorf("%s holds no passages", path)
	}
	c.Hash = hex.EncodeToString(sum.Sum(nil))
	return c, nil
}

func (p *Passage) check(lines map[string]int) error {
	switch first, again := lines[p.PID]; {
	case p.PID == "":
		return errors.New(`no "pid"`)
	case again:
		return fmt.Errorf("pid %q stands on line %d too", p.PID, first)
	case p.Text == "" && p.Title == "":
		return errors.New(`neither "text" nor "title"`)
	}
	return nil
}

// write adds texts to a hash so that where one ends and the next begins counts.
func write(h hash.Hash, texts ...string) {
	for _, t := range texts {
		_, _ = io.WriteString(h, strconv.Itoa(len(t))+":"+t) // a hash takes everything
	}
}
