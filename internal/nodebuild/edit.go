package nodebuild

import (
	"errors"
	"fmt"
	"strings"
)

// ErrAnchor is what an AnchorError is (errors.Is).
var ErrAnchor = errors.New("anchor does not occur exactly once")

// Edit is one change to one source file: the text that replaces an anchor.
type Edit struct {
	// Name says what the edit is for, in an error.
	Name string
	// File is the path in Weaviate's module, with slashes.
	File string
	// Anchor must occur exactly once in the file.
	Anchor string
	// Replacement stands where the anchor stood; it usually contains it.
	Replacement string
}

// AnchorError says that a file is not what an edit was written for.
type AnchorError struct {
	Edit  Edit
	Count int // occurrences found: 0 or at least 2
}

// Error implements error.
func (e *AnchorError) Error() string {
	return fmt.Sprintf("%s: %s: the anchor occurs %d times instead of once: %q\n"+
		"this version of Weaviate starts up differently; build one that latentask names (latentask build --help), or bring the edit up to date (internal/nodebuild/edit.go)",
		e.Edit.File, e.Edit.Name, e.Count, e.Edit.Anchor)
}

// Is reports that every AnchorError is ErrAnchor.
func (e *AnchorError) Is(target error) bool { return target == ErrAnchor }

// Apply returns text with the edit made, or an *AnchorError.
func (e Edit) Apply(text string) (string, error) {
	if n := strings.Count(text, e.Anchor); n != 1 {
		return "", &AnchorError{Edit: e, Count: n}
	}
	return strings.Replace(text, e.Anchor, e.Replacement, 1), nil
}

const configureAPI = "adapters/handlers/rest/configure_api.go"

// Edits are the changes that make Weaviate call package module: two hooks, and
// the import that both need.
var Edits = []Edit{
	{
		Name:   "import of package module",
		File:   configureAPI,
		Anchor: "\nimport (\n",
		Replacement: "\nimport (\n" +
			"\tlatentaskmodule \"" + modulePath + "/module\"\n",
	},
	{
		Name:   "registration of the modules",
		File:   configureAPI,
		Anchor: "\tappState.Modules = modules.NewProvider(appState.Logger, appState.ServerConfig.Config)\n",
		Replacement: "\tappState.Modules = modules.NewProvider(appState.Logger, appState.ServerConfig.Config)\n" +
			"\tif err := latentaskmodule.Register(appState.Modules, appState.ServerConfig.Config, appState.Logger); err != nil {\n" +
			"\t\treturn err\n" +
			"\t}\n",
	},
	{
		Name:        "wrapping of the searcher",
		File:        configureAPI,
		Anchor:      "traverser.NewExplorer(repo, ",
		Replacement: "traverser.NewExplorer(latentaskmodule.WrapSearcher(repo, appState.Modules), ",
	},
}
