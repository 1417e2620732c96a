package client

// Reply is what a node answers to a Question.
type Reply struct {
	Answer  Answer  `json:"answer"`
	Hops    []Hop   `json:"hops"`
	Timings Timings `json:"timings"`
	Usage   Usage   `json:"usage"`
	// Objects are the evidence, best first.
	Objects []Object `json:"objects"`
}

// Answer is the text and how it came about.
type Answer struct {
	Text       string  `json:"text"`
	Confidence float64 `json:"confidence"`
	Abstained  bool    `json:"abstained"`
	Partial    bool    `json:"partial"`
	StoppedBy  string  `json:"stoppedBy"`
	// By is the way that made the text: FREE, SPAN or POINTER. It and Source
	// come with Question.Details.
	By     string  `json:"by,omitempty"`
	Source *Source `json:"source,omitempty"`
}

// Source is where an answer stands word for word.
type Source struct {
	ID       string `json:"id"`
	Property string `json:"property"`
	// Index tells which value of a text[] property is meant, nil for a text.
	Index *int `json:"index,omitempty"`
	// Start and End (exclusive) are characters (Unicode code points) of the
	// stored value.
	Start int `json:"start"`
	End   int `json:"end"`
}

// Usage is what a question took of the language model.
type Usage struct {
	// Passes are forward passes, TokensIn those read, TokensOut those written.
	Passes    int `json:"passes"`
	TokensIn  int `json:"tokensIn"`
	TokensOut int `json:"tokensOut"`
}

// Hop is one turn of the loop.
type Hop struct {
	N         int       `json:"n"`
	Action    string    `json:"action"`
	IDs       []string  `json:"ids"`
	Distances []float64 `json:"distances"`
	Vector    []float32 `json:"vector,omitempty"`
	Focus     []Word    `json:"focus"`
	Thought   string    `json:"thought,omitempty"`
	Subquery  string    `json:"subquery,omitempty"`
	Ms        HopMs     `json:"ms"`
	// Search is vector or hybrid, Keywords what a hybrid one asked the inverted
	// index, Found the passages of IDs. All three come with Question.Details.
	Search   string  `json:"search,omitempty"`
	Keywords []Word  `json:"keywords,omitempty"`
	Found    []Found `json:"found,omitempty"`
	// Lens comes with Question.Lens.
	Lens []Latent `json:"lens,omitempty"`
}

// Found is one passage of a hop, as each side of the search saw it.
type Found struct {
	ID string `json:"id"`
	// Distance is nil where the object has no vector.
	Distance *float64 `json:"distance"`
	// Score is the fused one of a hybrid search, 0 in a vector search.
	Score float64 `json:"score"`
	// VectorRank and KeywordRank count from 1; 0 where that side did not find it.
	VectorRank  int `json:"vectorRank"`
	KeywordRank int `json:"keywordRank"`
	// Support is how likely the passage is one that the answer rests on, 0 to 1.
	Support float64 `json:"support"`
}

// Latent is what the model's own head makes of one latent's state.
type Latent struct {
	// Kind is think or query, N counts from 1 within a kind.
	Kind string `json:"kind"`
	N    int    `json:"n"`
	// Words are the likeliest tokens, likeliest first.
	Words []Token `json:"words"`
	// Focus are the words of the hop's focus that these agree with.
	Focus []string `json:"focus"`
}

// Token is a token of the model with its probability.
type Token struct {
	Text   string  `json:"text"`
	Weight float64 `json:"weight"`
}

// Word is a word that a hop looked for. Its weight is 0 to 1 in a focus, and
// how many times it was asked among keywords.
type Word struct {
	Word   string  `json:"word"`
	Weight float64 `json:"weight"`
}

// HopMs are the milliseconds of a hop.
type HopMs struct {
	Model  float64 `json:"model"`
	Search float64 `json:"search"`
	Decode float64 `json:"decode"`
}

// Timings are the milliseconds of a question.
type Timings struct {
	TotalMs  float64 `json:"totalMs"`
	ModelMs  float64 `json:"modelMs"`
	SearchMs float64 `json:"searchMs"`
	QueueMs  float64 `json:"queueMs"`
}

// Object is one object of a result.
type Object struct {
	ID       string  `json:"id"`
	Distance float64 `json:"distance"`
	// Hop and Rank say where latentAsk found it; 0 in a plain search.
	Hop  int `json:"hop,omitempty"`
	Rank int `json:"rank,omitempty"`
	// Properties holds those that were asked for.
	Properties map[string]any `json:"properties"`
}
