package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latentask/latentask/internal/client"
)

// Mode is a way of answering that is compared.
type Mode string

// The modes, in the order in which a question goes through them: those that
// read as many passages as ModeLatent did come after it.
const (
	// ModeLatent is the loop with vectors that the model makes.
	ModeLatent Mode = "latent"
	// ModeExplicit is its twin that writes its queries as text.
	ModeExplicit Mode = "explicit"
	// ModeIter searches with the question and the answer so far, again and
	// again (Iter-RetGen).
	ModeIter Mode = "iter"
	// ModeSingle is one vector search with the question, ModeHybrid one hybrid
	// search.
	ModeSingle Mode = "single"
	ModeHybrid Mode = "hybrid"
	// ModeDirect answers without reading.
	ModeDirect Mode = "direct"
)

// Modes are all of them.
var Modes = []Mode{ModeLatent, ModeExplicit, ModeIter, ModeSingle, ModeHybrid, ModeDirect}

// ParseModes reads a list of modes and puts it in their order.
func ParseModes(names []string) ([]Mode, error) {
	asked := map[Mode]bool{}
	for _, name := range names {
		m := Mode(strings.ToLower(strings.TrimSpace(name)))
		if !slices.Contains(Modes, m) {
			return nil, fmt.Errorf("mode %q is none of %v", name, Modes)
		}
		asked[m] = true
	}
	modes := slices.DeleteFunc(slices.Clone(Modes), func(m Mode) bool { return !asked[m] })
	if len(modes) == 0 {
		return nil, fmt.Errorf("no modes, must be some of %v", Modes)
	}
	return modes, nil
}

// loops tells whether a mode searches more than once, and decides when to stop.
func (m Mode) loops() bool { return m == ModeLatent || m == ModeExplicit || m == ModeIter }

// reads tells whether what a mode finds is read.
func (m Mode) reads() bool { return m != ModeDirect }

// maxPassages is the most passages that a node reads of one search.
const maxPassages = 50

// ask makes the query of a question. passages is how many the modes that search
// once read.
func (m Mode) ask(base client.Question, text string, passages int) client.Question {
	q := base
	q.Text = text
	switch m {
	case ModeLatent:
		q.Mode = "LATENT"
	case ModeExplicit:
		q.Mode = "EXPLICIT"
	case ModeIter:
		q.Mode = "ITERATIVE"
	case ModeDirect:
		q.Mode = "DIRECT"
	case ModeSingle, ModeHybrid:
		q.Mode, q.Search = "SINGLE", "VECTOR"
		if m == ModeHybrid {
			q.Search = "HYBRID"
		}
		q.PassagesPerHop = min(max(passages, 1), maxPassages)
	}
	if m == ModeDirect {
		q.Search = ""
	}
	if !m.loops() {
		// A node reads in one search as many passages as all hops may bring in.
		q.MaxHops = 1
		q.Decode = false
	}
	return q
}
