package eval

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Vectors keeps the vectors of passages by a hash of the text that was
// embedded, those of each retriever apart. What it was told is on disk when a
// method returns. It is safe for concurrent use, by one process at a time.
type Vectors struct {
	db     *bbolt.DB
	bucket []byte
}

// vectorsWait is how long another process is waited for.
const vectorsWait = 2 * time.Second

// OpenVectors opens the file of vectors, or makes it. retriever is a
// Bundle.Retriever. Close must be called.
func OpenVectors(path, retriever string) (*Vectors, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	db, err := bbolt.Open(path, 0o644, &bbolt.Options{Timeout: vectorsWait})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%s is held by another run that fills a collection; wait for its end", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	v := &Vectors{db: db, bucket: []byte(retriever)}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(v.bucket)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	return v, nil
}

// Get is the vector of a text, nil where it is not kept.
func (v *Vectors) Get(text string) ([]float32, error) {
	var vector []float32
	key := sha256.Sum256([]byte(text))
	err := v.db.View(func(tx *bbolt.Tx) error {
		data := tx.Bucket(v.bucket).Get(key[:])
		if data == nil {
			return nil
		}
		if len(data)%4 != 0 {
			return fmt.Errorf("%s: a vector of %d bytes", v.db.Path(), len(data))
		}
		vector = make([]float32, len(data)/4)
		for i := range vector {
			vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		return nil
	})
	return vector, err
}

// Put keeps the vectors of texts.
func (v *Vectors) Put(vectors map[string][]float32) error {
	if len(vectors) == 0 {
		return nil
	}
	return v.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(v.bucket)
		for text, vector := range vectors {
			key := sha256.Sum256([]byte(text))
			data := make([]byte, 0, 4*len(vector))
			for _, f := range vector {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(f))
			}
			if err := bucket.Put(key[:], data); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close closes the file.
func (v *Vectors) Close() error { return v.db.Close() }
