package graphql

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/weaviate/weaviate/entities/modulecapabilities"

	"github.com/latentask/latentask/reasoner"
)

// Limits of the argument that hold for every bundle. A bundle's own, narrower
// limits (hops, tokens of a question) are checked by the engine.
const (
	// MaxQuestionChars bounds the characters of a question.
	MaxQuestionChars = 4000
	// MaxProperties bounds the entries of properties.
	MaxProperties = 32
	// MaxBudget bounds budgetMs.
	MaxBudget = 10 * time.Minute
)

// Search is how hops search. Its zero value is SearchAuto.
type Search string

const (
	// SearchAuto is SearchHybrid in the modes that make hops, where a property
	// that is read can be searched by keywords, else SearchVector.
	SearchAuto Search = "AUTO"
	// SearchVector searches the vector index alone.
	SearchVector Search = "VECTOR"
	// SearchHybrid fuses that with a keyword search of the inverted index.
	SearchHybrid Search = "HYBRID"
)

// Params is one latentAsk argument. Weaviate carries it from the parsed query
// to the searcher as a module parameter; as a NearParam it names the target
// vector and no distance threshold.
type Params struct {
	// Request is what the engine is asked. Its zero values are the engine's
	// defaults.
	Request reasoner.Request
	Search  Search
	// Properties are the text properties that are read as a passage, in the
	// order in which they are joined. Empty means all the vectorised ones.
	Properties []string
	// TargetVectors names the vector that is searched, where there are several.
	TargetVectors []string

	// invalid is the first fault found while reading the argument. Weaviate
	// drops an argument whose extraction fails and runs the query without it,
	// so a fault is kept here for Validate.
	invalid error
}

// FromModuleParams finds the latentAsk argument among a query's module
// parameters.
func FromModuleParams(params map[string]any) (*Params, bool) {
	p, ok := params[ArgumentName].(*Params)
	return p, ok && p != nil
}

// Validate reports the first field that breaks a limit, as a
// *reasoner.InputError.
func (p *Params) Validate() error {
	if p.invalid != nil {
		return p.invalid
	}
	if !utf8.ValidString(p.Request.Question) {
		return invalid("question", "must be valid UTF-8")
	}
	if strings.TrimSpace(p.Request.Question) == "" {
		return invalid("question", "must not be empty")
	}
	if n := utf8.RuneCountInString(p.Request.Question); n > MaxQuestionChars {
		return invalid("question", "has %d characters, the limit is %d", n, MaxQuestionChars)
	}
	if p.Request.PassagesPerHop > reasoner.MaxPassagesPerHop {
		return invalid("passagesPerHop", "is %d, must be 1 to %d", p.Request.PassagesPerHop, reasoner.MaxPassagesPerHop)
	}
	if p.Request.Budget > MaxBudget {
		return invalid("budgetMs", "is %d, must be 1 to %d", p.Request.Budget.Milliseconds(), MaxBudget.Milliseconds())
	}
	if n := len(p.Properties); n > MaxProperties {
		return invalid("properties", "names %d properties, the limit is %d", n, MaxProperties)
	}
	seen := make(map[string]bool, len(p.Properties))
	for _, name := range p.Properties {
		if name == "" {
			return invalid("properties", "must not hold an empty name")
		}
		if seen[name] {
			return invalid("properties", "names %q twice", name)
		}
		seen[name] = true
	}
	if n := len(p.TargetVectors); n > 1 {
		return invalid("targetVectors", "names %d vectors, latentAsk searches one", n)
	}
	if len(p.TargetVectors) == 1 && p.TargetVectors[0] == "" {
		return invalid("targetVectors", "must not hold an empty name")
	}
	return nil
}

func invalid(field, format string, args ...any) error {
	return &reasoner.InputError{Field: ArgumentName + "." + field, Problem: fmt.Sprintf(format, args...)}
}

// GetCertainty is 0: latentAsk has no threshold, since the distances of
// different hops do not compare.
func (p *Params) GetCertainty() float64 { return 0 }

// GetDistance is 0, see GetCertainty.
func (p *Params) GetDistance() float64 { return 0 }

// GetTargetVectors names the vector to search. Where the query names none it is
// an empty name, for which the searcher finds the vector: without any name
// Weaviate looks for a default by itself and refuses a collection that has
// several vectors.
func (p *Params) GetTargetVectors() []string {
	if len(p.TargetVectors) == 0 {
		return []string{""}
	}
	return p.TargetVectors
}

// SimilarityMetricProvided is false, see GetCertainty.
func (p *Params) SimilarityMetricProvided() bool { return false }

var _ modulecapabilities.NearParam = (*Params)(nil)
