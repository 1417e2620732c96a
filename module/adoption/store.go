package adoption

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
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
	// FilledUnixMs is when the last object was filled, 0 where none was.
	FilledUnixMs int64 `json:"filledUnixMs,omitempty"`
	// Activated: the job has activated the tenant, and puts it back.
	Activated bool `json:"activated,omitempty"`
	// Counted: Objects is known, or guessed well enough, before the shard's turn.
	Counted bool `json:"counted,omitempty"`
}

// ended tells whether there is nothing more to do for the shard in this run.
func (s *shardState) ended() bool {
	return slices.Contains([]string{StateFinished, ShardOffloaded, ShardGone}, s.State)
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
//
// On disk it is a file of lines, each one JSON value: the whole as it was once,
// and behind it what has changed since, a shard a line. A collection may have
// tens of thousands of tenants, of which a batch changes one.
type state struct {
	path string
	// whole and changes are the bytes of the file's parts.
	whole, changes int
	// opened is when this process took the job up.
	opened time.Time
	// waiting: the job waits for writers to end.
	waiting atomic.Bool

	mu   sync.Mutex
	file stateFile
	// speed is kept in memory.
	speed speed
}

// spare is how many bytes of changes a file may have before it is written anew,
// where the whole is smaller.
const spare = 64 << 10

type stateFile struct {
	ID      string `json:"id"`
	Version uint64 `json:"version"`
	// TakenUnixMs is when this node took the job up first, by its own clock: those
	// of other nodes may run otherwise.
	TakenUnixMs int64 `json:"takenUnixMs,omitempty"`
	// DoubtUnixMs is since when objects may have been written while a node was
	// killed, 0 where none was.
	DoubtUnixMs   int64        `json:"doubtUnixMs,omitempty"`
	UpdatedUnixMs int64        `json:"updatedUnixMs"`
	Shards        []shardState `json:"shards"`
}

// changed is one shard's state, the at-th, in place of what stands before it.
type changed struct {
	At            int        `json:"at"`
	UpdatedUnixMs int64      `json:"updatedUnixMs"`
	Shard         shardState `json:"shard"`
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
	st := &state{path: s.path(collection, vector), opened: time.Now()}
	found, err := readState(st.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errDamaged) {
		return nil, err
	}
	if err == nil && found.ID == id && found.Version == version {
		st.file = *found
		st.file.DoubtUnixMs = doubt(found)
		return st, st.save() // what a killed node may have left of a last line is not written behind
	}
	if err := os.MkdirAll(filepath.Dir(st.path), 0o700); err != nil {
		return nil, err
	}
	st.file = stateFile{ID: id, Version: version}
	if found != nil {
		if slices.ContainsFunc(found.Shards, func(s shardState) bool { return !s.ended() }) {
			st.file.DoubtUnixMs = doubt(found)
		}
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

// skew is how much clocks of a cluster's nodes may differ, and how long a write
// may take from its time of update until it is indexed.
const skew = time.Minute

// doubt is since when objects may have been written while a node was killed that
// left this state.
func doubt(left *stateFile) int64 {
	since := left.UpdatedUnixMs - skew.Milliseconds()
	if left.DoubtUnixMs != 0 {
		since = min(since, left.DoubtUnixMs)
	}
	return since
}

// inDoubt tells whether an object that was updated then may have been in the
// middle of being written when a node was killed.
func (s *state) inDoubt(updatedUnixMs int64) bool {
	s.mu.Lock()
	since := s.file.DoubtUnixMs
	s.mu.Unlock()
	return since != 0 && updatedUnixMs >= since && updatedUnixMs <= s.opened.Add(skew).UnixMilli()
}

// all are the states that can be read.
func (s store) all() []stateFile {
	paths, _ := filepath.Glob(filepath.Join(s.dir, "*", "*.json")) // its only error is of a pattern
	var files []stateFile
	for _, path := range paths {
		if f, err := readState(path); err == nil {
			files = append(files, *f)
		}
	}
	return files
}

// errDamaged: a file is no state.
var errDamaged = errors.New("damaged state")

func readState(path string) (*stateFile, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := parseState(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errDamaged, path, err)
	}
	for _, s := range f.Shards {
		if _, err := parseCursor(s.Cursor); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", errDamaged, path, err)
		}
	}
	return f, nil
}

// parseState puts a file's lines together. A last line without its end is one
// that a node was killed in.
func parseState(data []byte) (*stateFile, error) {
	whole, rest, _ := bytes.Cut(data, []byte("\n"))
	var f stateFile
	if err := json.Unmarshal(whole, &f); err != nil {
		return nil, err
	}
	for {
		line, behind, ended := bytes.Cut(rest, []byte("\n"))
		if !ended {
			return &f, nil
		}
		var c changed
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, err
		}
		if c.At < 0 || c.At >= len(f.Shards) {
			return nil, fmt.Errorf("change of shard %d of %d", c.At, len(f.Shards))
		}
		f.Shards[c.At], f.UpdatedUnixMs = c.Shard, c.UpdatedUnixMs
		rest = behind
	}
}

// save writes the whole state, so that a node that is killed finds the old or
// the new one.
func (s *state) save() error {
	s.mu.Lock()
	s.file.UpdatedUnixMs = time.Now().UnixMilli()
	data, err := json.Marshal(s.file)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if err := os.WriteFile(s.path+".part", data, 0o600); err != nil {
		return err
	}
	s.whole, s.changes = len(data), 0
	return os.Rename(s.path+".part", s.path)
}

// saveChange writes one shard's state behind what is there.
func (s *state) saveChange(c changed) error {
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if s.changes+len(line) > max(s.whole, spare) {
		return s.save()
	}
	file, err := os.OpenFile(s.path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	n, err := file.Write(line)
	if s.changes += n; err != nil {
		// A part of a line must not have another one behind it.
		err = errors.Join(err, file.Truncate(int64(s.whole+s.changes-n)))
		s.changes -= n
	}
	return errors.Join(err, file.Close())
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
	s.file.UpdatedUnixMs = time.Now().UnixMilli()
	c := changed{At: i, UpdatedUnixMs: s.file.UpdatedUnixMs, Shard: s.file.Shards[i]}
	s.mu.Unlock()
	return s.saveChange(c)
}

// take writes down that the node takes the job up, and returns when it did so
// first.
func (s *state) take(now time.Time) (time.Time, error) {
	s.mu.Lock()
	taken := s.file.TakenUnixMs
	if taken == 0 {
		s.file.TakenUnixMs = now.UnixMilli()
	}
	first := time.UnixMilli(s.file.TakenUnixMs)
	s.mu.Unlock()
	if taken != 0 {
		return first, nil
	}
	return first, s.save()
}

// begin starts to measure the speed.
func (s *state) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.speed.begin(now)
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
	e := extentOf(s.file.Shards)
	if e.objects == 0 {
		return 0
	}
	return min(float32(e.done)/float32(e.objects), 0.999)
}

// extent is how much there is to look at.
type extent struct {
	// objects of shards that were not counted are guessed: each has as many as the
	// others have on average.
	objects, done int
	// uncounted are those shards: their tenants are inactive, or were written too
	// lately for Weaviate to count them without loading them.
	uncounted int
}

func extentOf(shards []shardState) extent {
	var e extent
	counted := 0
	for i := range shards {
		s := &shards[i]
		switch {
		case s.State == ShardOffloaded || s.State == ShardGone:
		case s.Counted:
			counted++
			e.objects += s.Objects
			e.done += s.done()
		default:
			e.uncounted++
		}
	}
	if counted > 0 {
		e.objects += e.uncounted * e.objects / counted
	}
	return e
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
