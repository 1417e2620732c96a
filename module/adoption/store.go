package adoption

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// shardState is how far a node is in one shard, as it lies on disk.
type shardState struct {
	Name   string `json:"name"`
	State  string `json:"state"`
	Tenant string `json:"tenant,omitempty"`
	Counts
	// Pass counts from 0. Cursor is the last id that was dealt with in it, in
	// hexadecimal, empty at a pass's beginning.
	Pass   int    `json:"pass"`
	Cursor string `json:"cursor,omitempty"`
	// Began is when the pass began, in Unix milliseconds.
	Began int64 `json:"began,omitempty"`
	// Seen counts what the pass came upon, Left what it had to leave or fill:
	// while that is not 0 another pass follows.
	Seen Counts `json:"seen"`
	Left int    `json:"left"`
	// Activated: the job has activated the tenant, and puts it back.
	Activated bool `json:"activated,omitempty"`
}

// done is how many of a shard's objects have been looked at.
func (s *shardState) done() int {
	if s.Pass > 0 || s.State == StateFinished {
		return s.Objects
	}
	return min(s.Objects, s.Seen.Objects)
}

// state is how far this node is in one job. It is written by the job alone and
// read by anybody.
type state struct {
	path string

	mu   sync.Mutex
	file stateFile
	// speed is kept in memory.
	speed speed
}

type stateFile struct {
	ID            string       `json:"id"`
	Version       uint64       `json:"version"`
	UpdatedUnixMs int64        `json:"updatedUnixMs"`
	Shards        []shardState `json:"shards"`
}

// store keeps the states of a node's jobs under a folder, one file a job.
type store struct{ dir string }

// path is the file of a job. Collections and vectors have names that are safe in
// paths; collections may have a namespace before a colon.
func (s store) path(collection, vector string) string {
	return filepath.Join(s.dir, collection, vector+".json")
}

// open reads what there is of a job, or begins anew where there is nothing, or
// something of another run. A file that can't be read as one is begun anew too:
// it costs a pass over objects that have their vectors.
func (s store) open(collection, vector, id string, version uint64) (*state, error) {
	st := &state{path: s.path(collection, vector)}
	found, err := readState(st.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errDamaged) {
		return nil, err
	}
	if err == nil && found.ID == id && found.Version == version {
		st.file = *found
		return st, nil
	}
	if err := os.MkdirAll(filepath.Dir(st.path), 0o700); err != nil {
		return nil, err
	}
	st.file = stateFile{ID: id, Version: version}
	if found != nil {
		// Tenants that an earlier run activated and did not put back.
		for _, old := range found.Shards {
			if old.Activated {
				st.file.Shards = append(st.file.Shards, shardState{
					Name: old.Name, Tenant: old.Tenant, State: ShardPending, Activated: true,
				})
			}
		}
	}
	return st, st.save()
}

// errDamaged: a file is no state.
var errDamaged = errors.New("damaged state")

func readState(path string) (*stateFile, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f stateFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errDamaged, path, err)
	}
	for _, s := range f.Shards {
		if _, err := parseCursor(s.Cursor); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", errDamaged, path, err)
		}
	}
	return &f, nil
}

// save writes the state, so that a node that is killed finds the old or the new
// one.
func (s *state) save() error {
	s.mu.Lock()
	s.file.UpdatedUnixMs = time.Now().UnixMilli()
	data, err := json.Marshal(s.file)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path+".part", data, 0o600); err != nil {
		return err
	}
	return os.Rename(s.path+".part", s.path)
}

// snapshot is a copy.
func (s *state) snapshot() (stateFile, float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.file
	f.Shards = append([]shardState(nil), f.Shards...)
	return f, s.speed.perSecond(time.Now())
}

// change edits one shard's state and saves.
func (s *state) change(i int, edit func(*shardState)) error {
	s.mu.Lock()
	edit(&s.file.Shards[i])
	s.mu.Unlock()
	return s.save()
}

// append adds shards and saves.
func (s *state) append(shards []shardState) error {
	s.mu.Lock()
	s.file.Shards = append(s.file.Shards, shards...)
	s.mu.Unlock()
	return s.save()
}

// shard is a copy of one shard's state.
func (s *state) shard(i int) shardState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file.Shards[i]
}

// progress is 0 to 1.
func (s *state) progress() float32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var objects, done int
	for _, sh := range s.file.Shards {
		objects += sh.Objects
		done += sh.done()
	}
	if objects == 0 {
		return 0
	}
	return min(float32(done)/float32(objects), 0.999)
}

// parseCursor reads an id of a cursor, nil for an empty one.
func parseCursor(text string) ([]byte, error) {
	id, err := hex.DecodeString(text)
	if err != nil || (len(id) != 0 && len(id) != 16) {
		return nil, fmt.Errorf("cursor %q is no id", text)
	}
	if len(id) == 0 {
		return nil, nil
	}
	return id, nil
}
