package eval

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lock keeps a folder to one process, which loses it when it ends, however that
// ends.
type lock struct{ file *os.File }

// takeLock takes the lock of a file, which it makes.
func takeLock(path string) (*lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		err = errors.Join(err, file.Close())
		return nil, fmt.Errorf("another run works on %s; wait for its end: %w", filepath.Dir(path), err)
	}
	return &lock{file}, nil
}

func (l *lock) release() error { return l.file.Close() }

// FileDigest names a file by what is in it.
func FileDigest(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return digest(string(data)), nil
}

// digest is a short hash of texts, to name folders and runs with.
func digest(texts ...string) string {
	sum := sha256.New()
	write(sum, texts...)
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
