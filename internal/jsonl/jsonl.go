// Package jsonl reads files of JSON values, one a line, plain or gzipped.
package jsonl

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// MaxLine bounds a line, in bytes.
const MaxLine = 16 << 20

// ErrLineTooLong: a line has more than MaxLine bytes.
var ErrLineTooLong = fmt.Errorf("line is longer than %d bytes", MaxLine)

// File yields the values of a file in order, gzipped or not, whatever its name.
// An error names the file and the line, and ends the sequence. Blank lines are
// skipped.
func File[T any](path string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		file, err := os.Open(path)
		if err != nil {
			yield(zero, err)
			return
		}
		defer file.Close()
		for value, err := range Read[T](file) {
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			if !yield(value, err) {
				return
			}
		}
	}
}

// Read yields the values that r holds, see File.
func Read[T any](r io.Reader) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for line, err := range Lines[T](r) {
			if !yield(line.Value, err) {
				return
			}
		}
	}
}

// Line is a value and the line on which it stands, from 1.
type Line[T any] struct {
	Number int
	Value  T
}

// Lines yields the values that r holds with their lines, see File.
func Lines[T any](r io.Reader) iter.Seq2[Line[T], error] {
	return func(yield func(Line[T], error) bool) {
		var zero Line[T]
		buffered := bufio.NewReader(r)
		source := io.Reader(buffered)
		if magic, _ := buffered.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
			unzipped, err := gzip.NewReader(buffered)
			if err != nil {
				yield(zero, err)
				return
			}
			defer unzipped.Close()
			source = unzipped
		}
		lines := bufio.NewScanner(source)
		lines.Buffer(make([]byte, 0, 64<<10), MaxLine)
		number := 0
		for lines.Scan() {
			number++
			line := lines.Bytes()
			if blank(line) {
				continue
			}
			var value T
			if err := json.Unmarshal(line, &value); err != nil {
				yield(zero, fmt.Errorf("line %d: %w", number, err))
				return
			}
			if !yield(Line[T]{Number: number, Value: value}, nil) {
				return
			}
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			yield(zero, fmt.Errorf("line %d: %w", number+1, ErrLineTooLong))
		case err != nil:
			yield(zero, fmt.Errorf("after line %d: %w", number, err))
		}
	}
}

// Count counts the values of a file.
func Count(path string) (int, error) {
	n := 0
	for _, err := range File[json.RawMessage](path) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

func blank(line []byte) bool {
	for _, b := range line {
		if b != ' ' && b != '\t' && b != '\r' {
			return false
		}
	}
	return true
}
