package reasoner

import (
	"context"
	"time"
)

// Mode is the way in which a question is answered.
type Mode string

const (
	// ModeLatent is the loop: search with a vector made by the language model,
	// read what was found, decide whether to search again, answer.
	ModeLatent Mode = "LATENT"
	// ModeExplicit is the same loop by the backbone's twin, the baseline that
	// writes each thought and subquery as text. Not every bundle has one.
	ModeExplicit Mode = "EXPLICIT"
	// ModeSingle is one search with the question's own embedding, then the
	// answer from the passages found.
	ModeSingle Mode = "SINGLE"
	// ModeDirect answers from the question alone. It makes one plain search, so
	// that there are objects for the answer to stand on, and reads none of them.
	ModeDirect Mode = "DIRECT"
	// ModeIterative is Iter-RetGen over the same reader: each round searches with
	// the embedding of the question and the answer of the round before, reads
	// what that search found and nothing else, and answers.
	ModeIterative Mode = "ITERATIVE"
)

// AnswerBy is the way in which the answer's text is made.
type AnswerBy string

const (
	// AnswerByAuto takes the most confident of the ways that the bundle names.
	AnswerByAuto AnswerBy = "AUTO"
	// AnswerByFree writes the answer token by token, as the model likes.
	AnswerByFree AnswerBy = "FREE"
	// AnswerBySpan writes it too, but only what stands in a passage read or in
	// the question, or "yes", "no", "unknown".
	AnswerBySpan AnswerBy = "SPAN"
	// AnswerByPointer points at its first and last word, without a pass.
	AnswerByPointer AnswerBy = "POINTER"
)

// MaxPassagesPerHop bounds Request.PassagesPerHop. It is far more than a hop of
// a loop can use, so that one search can be as large as all of a loop's.
const MaxPassagesPerHop = 50

// Request is one question. Its zero values, but for Question, stand for the
// defaults named below; a caller whose users can write a zero themselves must
// refuse it before it gets here.
type Request struct {
	// Question must not be blank, and must fit the bundle's question limits.
	Question string
	// Mode is ModeLatent when empty.
	Mode Mode
	// MaxHops bounds the searches, 1 to the bundle's limits.hops, which is also
	// the default.
	MaxHops int
	// PassagesPerHop is how many new passages a search brings in, 1 to
	// MaxPassagesPerHop; the default is the bundle's limits.passages.
	PassagesPerHop int
	// AnswerBy is AnswerByAuto when empty.
	AnswerBy AnswerBy
	// Decode asks for each hop's thought and subquery as text. It is for
	// explanation: the answer is the same with and without, and is made first.
	Decode bool
	// Lens asks for the likeliest words of the model's own head on the state of
	// each latent token. It changes nothing else.
	Lens bool
	// Budget bounds the time from the call of Ask to the answer, waiting in the
	// queue included; 0 is no bound. The loop stops searching, and reads fewer
	// passages of the last search, when an answer from more would come too late;
	// a text that is being written when the budget ends is the answer as far as
	// it got. See Answer.Partial. The first search is always made, and no pass of
	// the model is broken off, so a budget of less than these take is exceeded
	// by them. Decoding, which comes after the answer, has as much time again.
	Budget time.Duration
}

// Query is what one hop searches for.
type Query struct {
	// Vector has the retriever's dimension and unit length.
	Vector []float32
	// Text is what a keyword search would be asked: the question; in ModeExplicit
	// the subquery; in ModeIterative the question and the answer of the round
	// before. One line.
	Text string
	// Words are the hop's focus: words of passages read in earlier hops that
	// the query looks for, heaviest first. Empty at the first hop, and in the
	// modes that make no latents.
	Words []Word
	// Limit is how many passages are wanted beside the excluded ones.
	Limit int
	// Exclude holds the ids that earlier hops found.
	Exclude []string
}

// Word is a lower-cased word with its gate, 0 to 1.
type Word struct {
	Text   string
	Weight float32
}

// Passage is one object that a search found.
type Passage struct {
	// ID is unique in what the Searcher searches.
	ID string
	// Text is the whole text as the reader should see it; the engine cuts it to
	// the bundle's token budget.
	Text string
	// Distance is the object's own in this search, NaN where the search did not
	// compare its vector.
	Distance float32
	// Score is what the search ordered by, greater is better; 0 where that was
	// the distance.
	Score float32
	// VectorRank and KeywordRank are its places, from 1, in the two sides of a
	// hybrid search; 0 where that side did not find it.
	VectorRank, KeywordRank int
}

// Searcher is a search bound to the scope of one question: collection, tenant,
// filter, rights. It returns the best passage first. Search is called from one
// goroutine at a time, and may return fewer passages than asked for, or none.
// When it ends since ctx did, its error must wrap ctx's: the end of a budget is
// told from a fault by that.
type Searcher interface {
	Search(ctx context.Context, q Query) ([]Passage, error)
}

// Embedder makes the retriever's own vectors, of unit length and in order: Embed
// of texts that are searched, EmbedQuestions of what is searched with.
type Embedder interface {
	Embed(ctx context.Context, texts []string) ([][]float32, error)
	EmbedQuestions(ctx context.Context, questions []string) ([][]float32, error)
}

// Why a loop ended, as Answer.StoppedBy.
const (
	// StoppedByAction: the model chose to answer.
	StoppedByAction = "action"
	// StoppedByMaxHops: Request.MaxHops searches were made.
	StoppedByMaxHops = "max_hops"
	// StoppedByNoNewPassages: a search found nothing that was not known.
	StoppedByNoNewPassages = "no_new_passages"
	// StoppedByBudget: Request.Budget was used up, or what was left of it was
	// needed for the answer. Where it did not allow to read any passage there
	// is no answer, the passages found alone: the model is not asked to guess.
	StoppedByBudget = "budget"
	// StoppedByContext: the passages found did not all fit the model's context.
	StoppedByContext = "context"
	// StoppedByRepeated: another round of ModeIterative would change nothing, since
	// the answer was that of the round before, or none.
	StoppedByRepeated = "repeated"
	// StoppedBySingle and StoppedByDirect end the modes without a loop.
	StoppedBySingle = "single"
	StoppedByDirect = "direct"
)

// Answer is the text that the model gave.
type Answer struct {
	Text string
	// Confidence is the share of answers like this one that are right, as the
	// bundle's calibration of By has it; 0 where no answer was decoded.
	Confidence float32
	// Abstained is set when there is no text, when the model says that it does not
	// know, whatever Text is, and when Confidence is below the bundle's threshold.
	Abstained bool
	// Partial is set when more was wanted than could be done: the budget ended,
	// in the loop or in the answer's text, or the context was full.
	Partial bool
	// StoppedBy is one of the StoppedBy constants.
	StoppedBy string
	// By is the way in which Text was made, never AnswerByAuto; empty where no
	// answer was decoded.
	By AnswerBy
	// Source is where Text stands in a passage that was read, whatever the case
	// where it was written freely; nil where it stands in none, and of "yes" and
	// "no".
	Source *Source
}

// Source is a place in a passage.
type Source struct {
	ID string
	// Start and End are bytes of Passage.Text as the Searcher gave it.
	Start, End int
}

// Actions of a hop.
const (
	ActionQuery  = "query"
	ActionAnswer = "answer"
)

// Hop is the trace of one turn of the loop. Hops that searched come first; one
// with ActionAnswer, which found nothing and has no vector, ends the list
// whenever an answer was decoded, and carries the time that this took.
type Hop struct {
	// N counts from 1.
	N      int
	Action string
	// IDs and Distances are of the passages that this hop found and no earlier
	// one had, best first.
	IDs       []string
	Distances []float32
	// Found says more of the same passages, in the same order.
	Found []Found
	// Vector is the query vector; searching with it again finds the same.
	Vector []float32
	// Focus are the words of earlier passages that the hop looked for.
	Focus []Word
	// Thought and Subquery are the latents in words, where asked for and where
	// there was time for the whole text. In ModeExplicit they are what the twin
	// wrote; in ModeIterative Subquery is the text that was embedded.
	Thought, Subquery string
	// Lens holds the hop's latents in order, think tokens first, where asked for.
	Lens []LensToken
	// Model, Search and Decode are the times of the hop's passes, of its
	// search, and of putting its latents into words.
	Model, Search, Decode time.Duration
}

// Found is how a search found a passage; see Passage.
type Found struct {
	ID                      string
	Distance, Score         float32
	VectorRank, KeywordRank int
	// Support is Evidence.Support.
	Support float32
}

// Kinds of a LensToken.
const (
	LensThink = "think"
	LensQuery = "query"
)

// LensToken is what the model's own head makes of one latent token's state.
type LensToken struct {
	Kind string // LensThink or LensQuery
	N    int    // from 1, within its kind
	// Words are the five likeliest tokens as text, weighted with their
	// probabilities, likeliest first.
	Words []Word
	// Focus are the words of the hop's focus that Words agree with.
	Focus []string
}

// Evidence is one passage that was found, in the order of Result.Evidence.
type Evidence struct {
	ID string
	// Hop counts from 1, Rank from 1 within the hop.
	Hop, Rank int
	Distance  float32
	// Support is how likely the passage is one that the answer rests on, 0 to 1,
	// by all that had been read when the loop ended; 0 of one that was not read,
	// and where the bundle does not tell.
	Support float32
}

// Timings of one question. Model holds the passes, without those that put
// latents into words; Queue is the wait for the model.
type Timings struct {
	Total, Model, Search, Queue time.Duration
}

// Usage counts what a question took of the language model, without what put
// latents into words.
type Usage struct {
	// Passes are its forward passes.
	Passes int
	// TokensIn were read, latent tokens included; TokensOut were written, the ends
	// of texts included.
	TokensIn, TokensOut int
}

// Result is an answered question.
type Result struct {
	Answer Answer
	Hops   []Hop
	// Evidence holds every passage found: the one in which the answer stands,
	// then the others by support, by hop and by rank.
	Evidence []Evidence
	Timings  Timings
	Usage    Usage
}
