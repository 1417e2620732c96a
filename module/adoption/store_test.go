package adoption

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestStateIsFoundAgain(t *testing.T) {
	s := store{dir: t.TempDir()}
	st, err := s.open("Docs", "latent", "Docs/latent", 3)
	if err == nil {
		err = st.append([]shardState{{Name: "a", Cursor: hex.EncodeToString(idOf(1))}})
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		id      string
		version uint64
		shards  int
	}{
		{"the same run", "Docs/latent", 3, 1},
		{"a later run", "Docs/latent", 4, 0},
	} {
		st, err := s.open("Docs", "latent", tt.id, tt.version)
		if err != nil {
			t.Fatal(err)
		}
		if file, _ := st.snapshot(); len(file.Shards) != tt.shards || file.Version != tt.version {
			t.Errorf("%s: %+v", tt.name, file)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "Docs", "*.part")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDamagedStateIsBegunAnew(t *testing.T) {
	for _, text := range []string{"", "{", `{"version":1,"shards":[{"cursor":"zz"}]}`, `[]`, "\x00\x00\x00", "{\"shards\":[]}\n{\"at\":0}\n", "{\"shards\":[{}]}\n{\n{\"at\":0}\n"} {
		s := store{dir: t.TempDir()}
		path := s.path("Docs", "latent")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		st, err := s.open("Docs", "latent", "Docs/latent", 1)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if file, _ := st.snapshot(); len(file.Shards) != 0 {
			t.Errorf("%q: %+v", text, file)
		}
	}
}

// What changes in one shard does not write the others again, and the file stays
// within twice its size.
func TestStateOfManyShards(t *testing.T) {
	const shards = 2000
	s := store{dir: t.TempDir()}
	st, err := s.open("Docs", "latent", "Docs/latent", 1)
	if err != nil {
		t.Fatal(err)
	}
	added := make([]shardState, shards)
	for i := range added {
		added[i] = shardState{Name: fmt.Sprintf("tenant-%06d", i), Tenant: fmt.Sprintf("tenant-%06d", i), State: ShardPending}
	}
	if err := st.append(added); err != nil {
		t.Fatal(err)
	}
	path := s.path("Docs", "latent")
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	whole, written, greatest := size(), int64(0), int64(0)
	for i := range shards {
		for k := range 5 {
			before := size()
			if err := st.change(i, func(sh *shardState) { sh.Cursor, sh.Pass = hex.EncodeToString(idOf(k)), k }); err != nil {
				t.Fatal(err)
			}
			after := size()
			if greatest = max(greatest, after); after > before {
				written += after - before
			} else {
				written += after
			}
		}
	}
	if greatest > 3*whole || written > 50*whole {
		t.Errorf("%d bytes at first, %d at most, %d written", whole, greatest, written)
	}
	want, _ := st.snapshot()
	got, err := readState(path)
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("read again: %v, equal %v", err, reflect.DeepEqual(got.Shards, want.Shards))
	}
}

// A node may be killed in the middle of a line.
func TestStateWithAnUnfinishedLine(t *testing.T) {
	s := store{dir: t.TempDir()}
	st, err := s.open("Docs", "latent", "Docs/latent", 1)
	if err == nil {
		err = st.append([]shardState{{Name: "a"}})
	}
	for pass := 1; pass <= 2 && err == nil; pass++ {
		err = st.change(0, func(sh *shardState) { sh.Pass = pass })
	}
	if err != nil {
		t.Fatal(err)
	}
	path := s.path("Docs", "latent")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(data, '\n') + 1
	second := first + bytes.IndexByte(data[first:], '\n') + 1
	for cut := first; cut < len(data); cut++ {
		if err := os.WriteFile(path, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		want := 0
		if cut >= second {
			want = 1
		}
		st, err := s.open("Docs", "latent", "Docs/latent", 1)
		if err != nil || st.shard(0).Pass != want {
			t.Fatalf("cut at %d of %d: pass %d, %v, want %d", cut, len(data), st.shard(0).Pass, err, want)
		}
		if err := st.change(0, func(sh *shardState) { sh.Pass = 7 }); err != nil {
			t.Fatal(err)
		}
		if again, err := readState(path); err != nil || again.Shards[0].Pass != 7 {
			t.Fatalf("cut at %d and written behind: %+v, %v", cut, again, err)
		}
	}
}

func FuzzReadState(f *testing.F) {
	f.Add([]byte(`{"id":"Docs/latent","version":1,"shards":[{"name":"a","cursor":"00112233445566778899aabbccddeeff"}]}`))
	f.Add([]byte(`{"shards":[{"cursor":"0011"}]}`))
	f.Add([]byte("{\"shards\":[{\"name\":\"a\"}]}\n{\"at\":0,\"shard\":{\"cursor\":\"0011\"}}\n{\"at\""))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "state.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := readState(path)
		if err != nil {
			return
		}
		for _, s := range file.Shards {
			if id, err := parseCursor(s.Cursor); err != nil || (id != nil && len(id) != 16) {
				t.Errorf("cursor %q was let through", s.Cursor)
			}
		}
	})
}
