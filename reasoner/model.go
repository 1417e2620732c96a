package reasoner

import "context"

// model is what the loop needs of a bundle's graphs. onnxModel is the real one;
// tests drive the loop with a scripted one. All methods may be called from
// several goroutines, each with a cache of its own. Slices returned belong to
// the caller; states are rows of layout.hidden, one after the other.
type model interface {
	// allocate makes room for the keys and values of capacity tokens.
	allocate(capacity int) (store, error)
	// forward runs p behind the tokens that c holds, through the backbone that
	// they are of, and writes its keys and values after theirs; it leaves c's own
	// bookkeeping to cache.extend.
	forward(ctx context.Context, c *cache, p pass) (output, error)
	// head writes the natural log probabilities of the next token after each of
	// some states into logprobs: a row of the vocabulary each.
	head(ctx context.Context, states, logprobs []float32) error
	// point is the pointer's choice among words, given their states and the one
	// behind which an answer begins. Only for a bundle that has a pointer.
	point(ctx context.Context, answer, words []float32) (pointed, error)
	// support is how likely each of some passages is one that the answer rests
	// on, 0 to 1, given the states at their ends and the one that the action is
	// read from. Only for a bundle that has it.
	support(ctx context.Context, think, passages []float32) ([]float32, error)
	// compose turns a hop's query states into its query vector.
	compose(ctx context.Context, in composition) (vector, gates []float32, err error)
	// translate turns a hop's latents into embeddings to be injected, from
	// which the backbone can tell them in words.
	translate(ctx context.Context, think, query []float32) (thought, subquery []float32, err error)
	Close() error
}

// store is the memory behind one cache.
type store interface{ Close() error }

// pass is one forward pass of the backbone over one sequence.
type pass struct {
	tokens []int64   // at least one
	inject []float32 // rows for the ids past the latent tokens; may be empty
	rows   []int64   // ascending positions in tokens whose state is wanted, at least one
}

// output holds a row for each of pass.rows.
type output struct {
	states []float32
	action []float32 // pairs of logits: query, answer
}

// state is row i of hidden width h.
func (o output) state(i, h int) []float32 { return o.states[i*h : (i+1)*h] }

// composition is the input of a hop's query vector.
type composition struct {
	query    []float32 // states of the n query tokens
	question []int64   // the retriever's ids, with [CLS] and [SEP]
	pieces   []int64   // candidates of the copy head: the retriever's ids
	states   []float32 // the backbone's state at the end of each piece's word
}
