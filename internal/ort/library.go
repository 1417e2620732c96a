package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// LibraryVersion is the ONNX Runtime that the project is built and tested with
// on the CPU.
const LibraryVersion = "1.32.0"

// minVersion is the oldest release that is accepted; its GPU build is the
// newest there is. Later 1.x releases are accepted too: their C interface and
// operators only grow.
const minVersion = "1.31"

// libraryVariable names a libonnxruntime to load in place of the search.
const libraryVariable = "LATENTASK_ORT_LIBRARY"

// libraryName is what the library is called, without its version.
const libraryName = "libonnxruntime.so"

// libraryPattern matches the library's name with any version or none.
var libraryPattern = regexp.MustCompile(`^libonnxruntime\.so(\.\d+)*$`)

// findLibrary settles which libonnxruntime to load. An explicit path, from the
// configuration or the environment, is the only candidate when there is one.
// Otherwise: lib/ or ../lib beside the executable, then .latentask/lib of the
// working directory or of a folder above it. In each, the GPU build in gpu/ goes first
// unless the device is the CPU; it serves the CPU as well.
func findLibrary(explicit string, want request) (string, error) {
	missing := func(op string, err error) error {
		return &Error{
			Kind: ErrLibraryMissing, Op: op, Err: err,
			Hint: fmt.Sprintf("put libonnxruntime.so.%s into lib/ beside the executable, or name it in %s; `make libs` fetches it", LibraryVersion, libraryVariable),
		}
	}
	if explicit == "" {
		explicit = os.Getenv(libraryVariable)
	}
	if explicit != "" {
		path, err := filepath.Abs(explicit)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return "", missing("find ONNX Runtime", err)
		}
		return path, nil
	}
	folders := libraryFolders()
	for _, folder := range folders {
		subfolders := []string{"gpu", "."}
		if want.kind == CPU {
			subfolders = []string{"."}
		}
		for _, sub := range subfolders {
			if path := libraryIn(filepath.Join(folder, sub)); path != "" {
				return path, nil
			}
		}
	}
	return "", missing("find ONNX Runtime", fmt.Errorf("no %s in %s", libraryName, strings.Join(folders, ", ")))
}

// libraryIn is the library in a folder, or "". The tested version goes first,
// then the others by name, from the last down.
func libraryIn(folder string) string {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return ""
	}
	best := ""
	for _, entry := range entries { // sorted by name
		info, err := os.Stat(filepath.Join(folder, entry.Name()))
		if err != nil || !info.Mode().IsRegular() || !libraryPattern.MatchString(entry.Name()) {
			continue
		}
		best = filepath.Join(folder, entry.Name())
		if entry.Name() == libraryName+"."+LibraryVersion {
			break
		}
	}
	return best
}

// libraryFolders lists where a library is looked for, best first.
func libraryFolders() []string {
	var folders []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		folders = append(folders, filepath.Join(filepath.Dir(exe), "lib"), filepath.Join(filepath.Dir(exe), "..", "lib"))
	}
	dir, err := os.Getwd()
	for err == nil {
		folder := filepath.Join(dir, ".latentask", "lib")
		if _, statErr := os.Stat(folder); statErr == nil {
			folders = append(folders, folder)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return folders
}

// checkVersion refuses libraries older than minVersion, which may lack operators
// of the graphs, and those of another major version.
func checkVersion(got string) error {
	gotMajor, gotMinor, err := majorMinor(got)
	if err == nil {
		wantMajor, wantMinor, _ := majorMinor(minVersion)
		if gotMajor == wantMajor && gotMinor >= wantMinor {
			return nil
		}
		err = fmt.Errorf("found %s", got)
	}
	return &Error{
		Kind: ErrLibraryVersion, Op: "load ONNX Runtime", Err: err,
		Hint: hintVersion,
	}
}

// hintVersion is the way out of a library that is too old.
const hintVersion = "install ONNX Runtime " + LibraryVersion + ", or another 1.x from " + minVersion + " on"

func majorMinor(version string) (major, minor int, err error) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return 0, 0, fmt.Errorf("version %q", version)
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	if err := errors.Join(err1, err2); err != nil {
		return 0, 0, fmt.Errorf("version %q: %w", version, err)
	}
	return major, minor, nil
}
