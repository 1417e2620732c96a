package nodebuild

import (
	"errors"
	"fmt"
	"slices"
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

// Edits are the changes to Weaviate's source, in two groups: those that make it
// call package module, with the import that they need, and those that name a
// default where a collection has several vectors and nobody says which.
var Edits = slices.Concat(hooks, defaults())

var hooks = []Edit{
	importing(configureAPI, "latentaskmodule", modulePath+"/module"),
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
	{
		Name:   "registration of the adoption's tasks",
		File:   configureAPI,
		Anchor: "\tproviders := map[string]distributedtask.Provider{}\n",
		Replacement: "\tproviders := map[string]distributedtask.Provider{}\n" +
			"\tlatentaskmodule.AddTasks(providers, appState.Modules)\n",
	},
}

// importing adds an import to a file.
func importing(file, name, path string) Edit {
	const anchor = "\nimport (\n"
	return Edit{
		Name:        "import of " + path,
		File:        file,
		Anchor:      anchor,
		Replacement: anchor + "\t" + name + " \"" + path + "\"\n",
	}
}

// defaults are the places where Weaviate counts a collection's named vectors to
// find the one that is meant, and that a query's certainty is of. They ask
// package latentask first, which added holds.
func defaults() []Edit {
	const (
		several   = "\t\tif len(class.VectorConfig) > 1 {\n"
		one       = "\t\tif name, ok := latentask.DefaultTarget(class); ok {\n"
		certainty = "configvalidation.CheckCertaintyCompatibility(class, targetVectors); err != nil {\n"
		returned  = one + "\t\t\treturn []string{name}, nil\n\t\t}\n" + several
		appended  = one + "\t\t\ttargetVectors = append(targetVectors, name)\n\t\t} else if len(class.VectorConfig) > 1 {\n"
		certain   = "configvalidation.CheckCertaintyCompatibility(class, latentask.OrDefault(class, targetVectors)); err != nil {\n"
		written   = "\tif !modelsext.ClassHasLegacyVectorIndex(class) && len(incomingObject.Vector) > 0 {\n"
	)
	edits := []Edit{
		{"default vector of GraphQL's searches", "usecases/traverser/target_vector_param_helper.go", several, returned},
		{"default vector of searches by a module", "usecases/modules/modules.go", several, returned},
		{"default vector of gRPC's searches", "adapters/handlers/grpc/v1/parse_search_request.go", several, appended},
		{"default vector of gRPC's aggregations", "adapters/handlers/grpc/v1/parse_aggregate_request.go", several, appended},
		{"default vector of REST's searches", "adapters/handlers/rest/search/request.go", several, returned},
		{"default vector of distances asked for", "usecases/traverser/traverser_validate_distance_metrics.go", certainty, certain},
		{"default vector of certainties given", "usecases/traverser/explorer.go", certainty, certain},
		{"default vector of objects written", "usecases/objects/validation/vector_validation.go", written, "" +
			"\tif name, ok := latentask.DefaultTarget(class); ok && len(incomingObject.Vector) > 0 {\n" +
			"\t\tif incomingObject.Vectors == nil {\n" +
			"\t\t\tincomingObject.Vectors = models.Vectors{}\n" +
			"\t\t}\n" +
			"\t\tincomingObject.Vectors[name] = append([]float32(nil), incomingObject.Vector...)\n" +
			"\t\tincomingObject.Vector = nil\n" +
			"\t}\n\n" + written},
	}
	var all []Edit
	for _, edit := range edits {
		all = append(all, edit, importing(edit.File, "latentask", weaviatePath+"/entities/latentask"))
	}
	return all
}
