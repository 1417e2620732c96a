package survey

import "github.com/latentask/latentask/internal/fit"

// Report is what was found out about a collection.
type Report struct {
	Tool    string `json:"tool"`
	Command string `json:"command,omitempty"`
	Date    string `json:"date"`
	// Machine is where the sample was embedded, Bundle and Retriever with what.
	Machine   string `json:"machine"`
	Bundle    string `json:"bundle"`
	Retriever string `json:"retriever"`

	Node       Node       `json:"node"`
	Collection Collection `json:"collection"`
	Sample     Sample     `json:"sample"`
	Text       Text       `json:"text"`
	// Vectors are the collection's, or the one that was asked for.
	Vectors []Vector `json:"vectors"`
	Advice  Advice   `json:"advice"`
	// Unknown is what could not be found out, and why.
	Unknown []string `json:"unknown,omitempty"`
}

// Node is the one that was asked.
type Node struct {
	URL     string `json:"url"`
	Version string `json:"version"`
	// State is how far latentask's bundle is there, empty on a plain Weaviate.
	State string `json:"state,omitempty"`
	// Vectorizer: text2vec-latent is among the node's modules.
	Vectorizer bool `json:"vectorizer"`
}

// Collection is what the schema and a count say.
type Collection struct {
	Name string `json:"name"`
	// Objects is how many there are in tenants that are active; nil where it is
	// unknown.
	Objects *int `json:"objects"`
	// Tenants is nil for a collection without them.
	Tenants *Tenants `json:"tenants,omitempty"`
	// Replicas is the replication factor, Shards how many were wanted.
	Replicas int `json:"replicas"`
	Shards   int `json:"shards,omitempty"`
}

// Tenants counts a collection's tenants by their activity.
type Tenants struct {
	Active    int `json:"active"`
	Inactive  int `json:"inactive"`
	Offloaded int `json:"offloaded"`
}

// Sample is the objects that were looked at.
type Sample struct {
	// Objects is how many, WithoutText how many of them have no text.
	Objects     int `json:"objects"`
	WithoutText int `json:"withoutText"`
	// Tenants are those that they are of.
	Tenants []string `json:"tenants,omitempty"`
}

// Text is how long the sampled objects' texts are, in tokens.
type Text struct {
	// Properties are the collection's text properties, in schema order, counted
	// by the retriever where they have a value.
	Properties []Property `json:"properties"`
	// Retriever is of the text that text2vec-latent would embed, against what
	// the retriever reads; Reader of the passage that the language model reads,
	// against what it reads of one.
	Retriever fit.Lengths `json:"retriever"`
	Reader    fit.Lengths `json:"reader"`
}

// Property is a text property.
type Property struct {
	Name string `json:"name"`
	// Used: it is part of the text that is measured as a whole.
	Used    bool        `json:"used"`
	Lengths fit.Lengths `json:"lengths"`
}

// Vector is one of a collection's vectors.
type Vector struct {
	// Name is empty for the unnamed one.
	Name       string `json:"name"`
	Vectorizer string `json:"vectorizer"`
	// Model and Endpoint are what its configuration names; most name one.
	Model    string `json:"model,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`
	// Index is hnsw, flat, dynamic or hfresh; Distance and Quantization are as
	// Weaviate names them, Quantization "none" where vectors are kept whole.
	Index        string `json:"index"`
	Distance     string `json:"distance"`
	Quantization string `json:"quantization"`
	// Multi: it holds several vectors an object.
	Multi bool `json:"multi,omitempty"`
	// Dimension is that of the stored vectors, 0 where there are none. Stored is
	// how many objects of the sample have one.
	Dimension int `json:"dimension"`
	Stored    int `json:"stored"`
	// Fit is the comparison with the retriever; nil where nothing was compared.
	Fit *Fit `json:"fit,omitempty"`
	// Space is how far apart random objects lie; nil where it can't be told.
	Space *fit.Space `json:"space,omitempty"`
	// Servable: latentAsk can search it. Why says why not, or why.
	Servable bool   `json:"servable"`
	Why      string `json:"why"`
}

// Fit is a comparison of stored vectors with the retriever's.
type Fit struct {
	Kind fit.Kind `json:"kind"`
	// Layout is how the text was laid out that comes nearest.
	Layout  string     `json:"layout,omitempty"`
	Median  float64    `json:"median"`
	Needed  float64    `json:"needed"`
	Objects []Compared `json:"objects,omitempty"`
}

// Compared is an object that was embedded again.
type Compared struct {
	ID     string  `json:"id"`
	Cosine float64 `json:"cosine"`
}

// Action is what is advised.
type Action string

// Actions.
const (
	// Ask: the collection can be asked as it is.
	Ask Action = "ask"
	// Adopt: a vector beside those that are there, in the collection.
	Adopt Action = "adopt"
	// Beside: a copy of the collection, with that vector.
	Beside Action = "beside"
	// Cannot: there is no way.
	Cannot Action = "cannot"
)

// Advice is what to do.
type Advice struct {
	Action Action `json:"action"`
	// Vector is the one to ask, or the one to be made.
	Vector string `json:"vector,omitempty"`
	Why    string `json:"why"`
	// Queries says what becomes of queries that name no vector.
	Queries string `json:"queries,omitempty"`
	// Properties make the new vector's text.
	Properties []string `json:"properties,omitempty"`
	// Steps are to be done, in order; those that are commands begin with
	// "latentask ".
	Steps []string `json:"steps,omitempty"`
	Notes []string `json:"notes,omitempty"`
	// Cost is that of adopting; nil where nothing is adopted.
	Cost *Cost `json:"cost,omitempty"`
}

// Cost is what a new vector takes. Sizes are in bytes.
type Cost struct {
	// PerSecond is how many objects were embedded in a second here, of the
	// sample's texts; 0 where there was none to measure on.
	PerSecond float64 `json:"perSecond"`
	Measured  int     `json:"measured"`
	// Seconds is all objects' time at that speed.
	Seconds float64 `json:"seconds"`
	// Quantization of the new vector, and its index.
	Index        string `json:"index"`
	Quantization string `json:"quantization"`
	// MemoryPerObject and DiskPerObject are of one replica, Memory and Disk of
	// all objects and replicas.
	MemoryPerObject int   `json:"memoryPerObject"`
	DiskPerObject   int   `json:"diskPerObject"`
	Memory          int64 `json:"memory"`
	Disk            int64 `json:"disk"`
}
