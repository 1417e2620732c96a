package eval

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Bundle is what a bundle's manifest says that matters here.
type Bundle struct {
	Name, Version, Precision string
	// Retriever is a hash of all that a passage's vector depends on beside its
	// text.
	Retriever string
}

// ReadBundle reads the manifest of the bundle in a folder.
func ReadBundle(dir string) (*Bundle, error) {
	path := filepath.Join(dir, "manifest.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the bundle: %w (`make bundle` assembles it)", err)
	}
	var manifest struct {
		Name, Version, Precision string
		Retriever                json.RawMessage
		Files                    map[string]struct {
			SHA256 string `json:"sha256"`
		}
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var retriever map[string]any
	if err := json.Unmarshal(manifest.Retriever, &retriever); err != nil {
		return nil, fmt.Errorf("%s: retriever: %w", path, err)
	}
	// Encoding a map sorts its keys.
	settings, err := json.Marshal(retriever)
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range manifest.Files {
		if strings.HasPrefix(name, "encoder.onnx") || name == "retriever_tokenizer.json" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	sum := sha256.New()
	write(sum, string(settings))
	for _, name := range names {
		write(sum, name, manifest.Files[name].SHA256)
	}
	return &Bundle{
		Name: manifest.Name, Version: manifest.Version, Precision: manifest.Precision,
		Retriever: hex.EncodeToString(sum.Sum(nil)),
	}, nil
}
