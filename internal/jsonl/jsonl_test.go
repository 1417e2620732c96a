package jsonl

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type row struct {
	Title string `json:"title"`
}

func zipped(t testing.TB, text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestFileReadsPlainAndGzipped(t *testing.T) {
	text := `{"title": "Ove"}` + "\n\n" + `{"title": "Łódź"}` + "\r\n" + `{"title": "last"}`
	for name, data := range map[string][]byte{"plain": []byte(text), "gzipped": zipped(t, text)} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rows")
			require.NoError(t, os.WriteFile(path, data, 0o644))
			var titles []string
			for r, err := range File[row](path) {
				require.NoError(t, err)
				titles = append(titles, r.Title)
			}
			require.Equal(t, []string{"Ove", "Łódź", "last"}, titles)
			n, err := Count(path)
			require.NoError(t, err)
			require.Equal(t, 3, n)
		})
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	long := `{"title": "` + strings.Repeat("x", MaxLine) + `"}`
	whole := zipped(t, strings.Repeat(`{"title": "Ove"}`+"\n", 1000))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"not JSON":          {[]byte(`{"title": "a"}` + "\n{oops"), "line 2"},
		"too long":          {[]byte(`{"title": "a"}` + "\n" + long), "line 2: line is longer"},
		"cut gzip":          {whole[:len(whole)-10], "unexpected EOF"},
		"not gzip after it": {[]byte{0x1f, 0x8b, 0, 0}, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			var last error
			for _, err := range Read[row](bytes.NewReader(c.data)) {
				last = err
			}
			require.ErrorContains(t, last, c.want)
		})
	}
}

func TestFileNamesAMissingFile(t *testing.T) {
	_, err := Count(filepath.Join(t.TempDir(), "absent.jsonl"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "absent.jsonl")
}

func TestReadStopsWhereTheCallerDoes(t *testing.T) {
	n := 0
	for range Read[row](strings.NewReader("{}\n{}\n{oops")) {
		n++
		break
	}
	require.Equal(t, 1, n)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"title": "a"}` + "\n"))
	f.Add(zipped(f, `{"title": "a"}`+"\n"))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, data []byte) {
		failed := false
		for value, err := range Read[map[string]any](bytes.NewReader(data)) {
			if failed {
				t.Fatal("a value after an error")
			}
			failed = err != nil
			if failed && value != nil {
				t.Fatal("a value beside an error")
			}
		}
	})
}

func TestLinesCountsBlankOnes(t *testing.T) {
	var numbers []int
	for line, err := range Lines[int](strings.NewReader("1\n\n  \n2\n")) {
		require.NoError(t, err)
		numbers = append(numbers, line.Number)
	}
	require.Equal(t, []int{1, 4}, numbers)
}
