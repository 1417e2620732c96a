package nodebuild

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
)

const (
	modulePath   = "github.com/latentask/latentask"
	weaviatePath = "github.com/weaviate/weaviate"
)

// ErrNoProject is returned where latentask's source can't be found.
var ErrNoProject = errors.New("no latentask source tree found")

// FindProject returns the root of latentask's source tree: the nearest folder,
// from the working folder upward and then from the executable's upward, whose
// go.mod is latentask's.
func FindProject() (string, error) {
	var starts []string
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(exe))
	}
	for _, start := range starts {
		for dir := start; ; dir = filepath.Dir(dir) {
			if data, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && modfile.ModulePath(data) == modulePath {
				return dir, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", fmt.Errorf("%w above %v: run this inside a checkout, or name one", ErrNoProject, starts)
}

// requirement reads the version of Weaviate that the project's go.mod names.
func requirement(project string) (string, error) {
	file, err := readModfile(filepath.Join(project, "go.mod"))
	if err != nil {
		return "", err
	}
	for _, require := range file.Require {
		if require.Mod.Path == weaviatePath {
			return require.Mod.Version, nil
		}
	}
	return "", fmt.Errorf("%s does not require %s", file.Syntax.Name, weaviatePath)
}

// writeModfile writes the project's go.mod to path with Weaviate at version and
// replaced by the folder source, and go.sum beside it, for `go build -modfile`.
func writeModfile(project, path, version, source string) error {
	file, err := readModfile(filepath.Join(project, "go.mod"))
	if err != nil {
		return err
	}
	if err := file.AddRequire(weaviatePath, version); err != nil {
		return err
	}
	if err := file.AddReplace(weaviatePath, "", source, ""); err != nil {
		return err
	}
	file.Cleanup()
	data, err := file.Format()
	if err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(project, "go.sum"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return err
	}
	return os.WriteFile(path[:len(path)-len(filepath.Ext(path))]+".sum", sums, 0o644)
}

func readModfile(path string) (*modfile.File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return modfile.Parse(path, data, nil)
}
