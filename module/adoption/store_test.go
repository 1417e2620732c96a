package adoption

import (
	"encoding/hex"
	"os"
	"path/filepath"
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
	for _, text := range []string{"", "{", `{"version":1,"shards":[{"cursor":"zz"}]}`, `[]`, "\x00\x00\x00"} {
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

func FuzzReadState(f *testing.F) {
	f.Add([]byte(`{"id":"Docs/latent","version":1,"shards":[{"name":"a","cursor":"00112233445566778899aabbccddeeff"}]}`))
	f.Add([]byte(`{"shards":[{"cursor":"0011"}]}`))
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
