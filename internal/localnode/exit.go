package localnode

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// ExitError tells that a node ended by itself.
type ExitError struct {
	// LogFile holds all that the node said, Tail the end of it.
	LogFile, Tail string
	// Err is the process's, nil where it ended with status 0.
	Err error
}

func (e *ExitError) Error() string {
	status := "status 0"
	if e.Err != nil {
		status = e.Err.Error()
	}
	return fmt.Sprintf("the node ended by itself (%s); its log is %s and ends with:\n%s", status, e.LogFile, e.Tail)
}

func (e *ExitError) Unwrap() error { return e.Err }

const (
	tailBytes = 8 << 10
	tailLines = 12
)

// tail is the last lines of a file, or why it can't be read.
func tail(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > tailBytes {
		_, _ = file.Seek(-tailBytes, io.SeekEnd)
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
