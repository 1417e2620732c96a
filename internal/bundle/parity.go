package bundle

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path"
)

// ParityFile holds the reference inputs and outputs.
const ParityFile = "parity/parity.json"

// Parity holds reference inputs and outputs that were written with the bundle:
// what Go computes from the same inputs must agree.
type Parity struct {
	Encoder struct {
		Texts     []string `json:"texts"`
		Vectors   string   `json:"vectors"` // file in parity/, a row a text
		Dimension int      `json:"dimension"`
		Note      string   `json:"note"`
	} `json:"encoder"`
	Tokens   []TokensParity   `json:"tokens"`
	Loop     []LoopParity     `json:"loop"`
	Explicit []ExplicitParity `json:"explicit"` // of a bundle that has the twin
}

// TokensParity is a text in both tokenizers. Offsets are bytes.
type TokensParity struct {
	Text             string   `json:"text"`
	LMIDs            []int64  `json:"lm_ids"`
	LMOffsets        [][2]int `json:"lm_offsets"`
	RetrieverIDs     []int64  `json:"retriever_ids"`
	RetrieverOffsets [][2]int `json:"retriever_offsets"`
	WordState        []int    `json:"word_state"`
}

// LoopParity is a question with the passages of each hop and what the model
// made of them.
type LoopParity struct {
	Question     string       `json:"question"`
	Passages     [][]string   `json:"passages"`      // by hop
	QueryVectors string       `json:"query_vectors"` // file in parity/, a row a hop
	Actions      []int        `json:"actions"`
	Focus        [][]Weighted `json:"focus"` // by hop
	// Supports are those of the passages read, in reading order, when the loop
	// ended; zeros of a bundle that does not tell.
	Supports   []float64 `json:"supports"`
	Answer     string    `json:"answer"`
	Thoughts   []string  `json:"thoughts"`
	Subqueries []string  `json:"subqueries"`
	// Answers are by way of answering, WayFree and the others that the bundle has.
	Answers map[string]AnswerParity `json:"answers"`
	// Lens holds by hop the likeliest token of each latent, think tokens first.
	Lens [][]string `json:"lens"`
}

// ExplicitParity is what the explicit twin made of a question.
type ExplicitParity struct {
	Question   string                  `json:"question"`
	Passages   [][]string              `json:"passages"` // by hop
	Actions    []int                   `json:"actions"`
	Thoughts   []string                `json:"thoughts"`
	Subqueries []string                `json:"subqueries"`
	Answers    map[string]AnswerParity `json:"answers"`
}

// AnswerParity is an answer in one way. Score is the natural logarithm of its
// probability before calibration; Abstained leaves the threshold out.
type AnswerParity struct {
	Text   string  `json:"text"`
	Score  float64 `json:"score"`
	Source *struct {
		Passage int    `json:"passage"` // from 0, in reading order
		Text    string `json:"text"`
	} `json:"source"`
	Abstained bool `json:"abstained"`
}

// Weighted is a word with its gate, in JSON a pair.
type Weighted struct {
	Word   string
	Weight float32
}

// UnmarshalJSON reads ["word", 0.5].
func (w *Weighted) UnmarshalJSON(data []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("%d values, not a word and its weight", len(pair))
	}
	if err := json.Unmarshal(pair[0], &w.Word); err != nil {
		return err
	}
	return json.Unmarshal(pair[1], &w.Weight)
}

// Parity reads the reference data. Errors are of type [*Error].
func (b *Bundle) Parity() (*Parity, error) {
	data, err := os.ReadFile(b.File(ParityFile))
	if err != nil {
		return nil, fileError(ParityFile, err)
	}
	var p Parity
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, &Error{Kind: ErrCorrupt, File: ParityFile, Hint: hintRebuild, Err: err}
	}
	return &p, nil
}

// ParityRows reads a file of little-endian float32 in parity/ as rows of width
// values. Errors are of type [*Error].
func (b *Bundle) ParityRows(name string, width int) ([][]float32, error) {
	name = path.Join("parity", path.Base(name)) // nothing outside parity/
	data, err := os.ReadFile(b.File(name))
	if err != nil {
		return nil, fileError(name, err)
	}
	if width < 1 || len(data)%(4*width) != 0 {
		return nil, &Error{Kind: ErrCorrupt, File: name, Hint: hintRebuild, Err: fmt.Errorf("%d bytes are no rows of %d float32", len(data), width)}
	}
	rows := make([][]float32, len(data)/(4*width))
	for r := range rows {
		rows[r] = make([]float32, width)
		for i := range rows[r] {
			rows[r][i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*(r*width+i):]))
		}
	}
	return rows, nil
}
