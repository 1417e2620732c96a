package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/latentask/latentask/internal/jsonl"
)

// writeRecord writes a record as a line of JSON, in one write, so that a run
// that is killed leaves at most one line broken.
func writeRecord(out io.Writer, r Record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = out.Write(append(data, '\n'))
	return err
}

// OpenTrace makes the file for a run's records, or, to resume, opens the one
// that an earlier try left and returns the records in it. The caller closes
// the file.
func OpenTrace(path, run string, resume bool) (*os.File, []Record, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, nil, err
	}
	var known []Record
	if resume {
		var err error
		if known, err = ReadTrace(path, run); err != nil {
			return nil, nil, err
		}
		// Written anew, the file has no broken line in its middle.
		var lines bytes.Buffer
		for _, r := range known {
			if err := writeRecord(&lines, r); err != nil {
				return nil, nil, err
			}
		}
		if err := writeFile(path, lines.Bytes()); err != nil {
			return nil, nil, err
		}
	}
	mode := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if !resume {
		mode |= os.O_TRUNC
	}
	file, err := os.OpenFile(path, mode, 0o644)
	return file, known, err
}

// ReadTrace reads the records of a run; there are none where there is no file.
// Errors are left out, so that their questions are asked again, and so is a last
// line that was broken off. A line of another run is an error.
func ReadTrace(path, run string) ([]Record, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var records []Record
	for line, err := range jsonl.Lines[Record](file) {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if line.Value.Run != run {
			return nil, fmt.Errorf("%s: line %d is of a run with other files, settings or another bundle; name another file with --trace, or leave --resume out", path, line.Number)
		}
		if line.Value.Error == "" {
			records = append(records, line.Value)
		}
	}
	return records, nil
}
