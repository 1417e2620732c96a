package adopt

import "strings"

// Way is how a collection is adopted.
type Way string

const (
	// InPlace adds a vector to the collection.
	InPlace Way = "in place"
	// Copied makes a new collection of the same objects.
	Copied Way = "copy"
	// Passages makes a new collection of pieces of the objects' texts.
	Passages Way = "passages"
)

// DefaultVector is the name of the vector where none is given.
const DefaultVector = "latent"

// passagesSuffix ends the name of a collection of passages.
const passagesSuffix = "Passages"

// Options are what is asked for.
type Options struct {
	Collection string
	// Vector names the new vector; DefaultVector where empty.
	Vector string
	// Properties are the text properties that it is made of; empty: those that
	// the collection's own vector is made of.
	Properties []string
	// Into names a copy; empty: no copy is made.
	Into string
	// Chunk makes passages.
	Chunk bool
	// Rate is the most objects a second, 0: no limit but the node's traffic.
	Rate int
	// Tenants restricts it to some; empty: all.
	Tenants []string
	// Quantization is none, rq-8 or rq-1; empty: as the node's default is, as
	// far as the collection shows it.
	Quantization string
}

// Way is the one that the options ask for.
func (o *Options) Way() Way {
	switch {
	case o.Into != "":
		return Copied
	case o.Chunk:
		return Passages
	default:
		return InPlace
	}
}

// VectorName is the new vector's name.
func (o *Options) VectorName() string {
	if o.Vector == "" {
		return DefaultVector
	}
	return o.Vector
}

// target is the collection that will be asked. class is the collection's own
// name, which an alias may stand for.
func (o *Options) target(class string) string {
	switch o.Way() {
	case Copied:
		// Weaviate writes the first letter of a collection large.
		return strings.ToUpper(o.Into[:1]) + o.Into[1:]
	case Passages:
		return class + passagesSuffix
	default:
		return class
	}
}
