package nodebuild

import (
	"embed"
	"io/fs"
	"strings"
)

// addedRoot holds the files that a node has and Weaviate does not, at the paths
// that they get in Weaviate's module. Go's tools pass over it, since the files
// are parts of Weaviate's packages.
const addedRoot = "_added"

//go:embed _added
var addedFiles embed.FS

// added are the files' texts by their paths in Weaviate's module.
func added() map[string]string {
	files := map[string]string{}
	err := fs.WalkDir(addedFiles, addedRoot, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := addedFiles.ReadFile(path)
		files[strings.TrimPrefix(path, addedRoot+"/")] = string(text)
		return err
	})
	if err != nil {
		panic("embedded files can't be read: " + err.Error()) // they are in the program
	}
	return files
}
