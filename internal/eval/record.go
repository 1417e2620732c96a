package eval

import (
	"slices"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/eval/score"
)

// Record is one question in one mode: all that figures are made of, and a line
// of the trace.
type Record struct {
	ID   string `json:"id"`
	Mode Mode   `json:"mode"`
	// Hops are the searches, in order.
	Hops   []HopRecord `json:"hops"`
	Answer string      `json:"answer"`
	// By is the way that made the answer, Sourced tells whether a place is
	// known where it stands word for word.
	By         string  `json:"by,omitempty"`
	Sourced    bool    `json:"sourced"`
	Confidence float64 `json:"confidence"`
	Abstained  bool    `json:"abstained"`
	StoppedBy  string  `json:"stopped_by"`
	Passes     int     `json:"passes"`
	TokensIn   int     `json:"tokens_in"`
	TokensOut  int     `json:"tokens_out"`
	// TotalMs is to the answer: decoding latents, which comes after it, is left
	// out.
	TotalMs  float64 `json:"total_ms"`
	ModelMs  float64 `json:"model_ms"`
	SearchMs float64 `json:"search_ms"`
	QueueMs  float64 `json:"queue_ms"`
	// Error is what the node said in place of an answer. All else is zero then.
	Error string `json:"error,omitempty"`
	// Scores are here for readers of the trace; figures are made of the rest.
	Scores *Scores `json:"scores,omitempty"`
	// Run marks the lines of one run, see Run.
	Run string `json:"run"`
}

// HopRecord is one search.
type HopRecord struct {
	// PIDs are the passages that it found and no earlier one had, best first.
	PIDs []string `json:"pids"`
	// Ms are its milliseconds: passes and search, decoding left out.
	Ms     float64 `json:"ms"`
	Search string  `json:"search,omitempty"`
	// Subquery is the query in words, where it was asked for.
	Subquery string `json:"subquery,omitempty"`
}

// newRecord keeps what a reply says. pid is the passage's id of an object.
func newRecord(q Question, mode Mode, reply *client.Reply, pid func(objectID string) string) Record {
	r := Record{
		ID: q.ID, Mode: mode, Hops: []HopRecord{},
		Answer: reply.Answer.Text, By: reply.Answer.By, Sourced: reply.Answer.Source != nil,
		Confidence: reply.Answer.Confidence, Abstained: reply.Answer.Abstained, StoppedBy: reply.Answer.StoppedBy,
		Passes: reply.Usage.Passes, TokensIn: reply.Usage.TokensIn, TokensOut: reply.Usage.TokensOut,
		TotalMs: reply.Timings.TotalMs, ModelMs: reply.Timings.ModelMs,
		SearchMs: reply.Timings.SearchMs, QueueMs: reply.Timings.QueueMs,
	}
	for _, h := range reply.Hops {
		// Words for latents are made after the answer, for who looks at it.
		r.TotalMs -= h.Ms.Decode
		if h.Action != "query" {
			continue
		}
		hop := HopRecord{PIDs: make([]string, len(h.IDs)), Ms: h.Ms.Model + h.Ms.Search, Search: h.Search, Subquery: h.Subquery}
		for i, id := range h.IDs {
			hop.PIDs[i] = pid(id)
		}
		r.Hops = append(r.Hops, hop)
	}
	r.Scores = r.scores(q)
	return r
}

// passages are those read, each once.
func (r *Record) passages() []string {
	if !r.Mode.reads() {
		return nil
	}
	var pids []string
	for _, h := range r.Hops {
		for _, pid := range h.PIDs {
			if !slices.Contains(pids, pid) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// Scores are a record's, against what is known of its question. Those that
// cannot be told are nil.
type Scores struct {
	EM        *float64 `json:"em,omitempty"`
	F1        *float64 `json:"f1,omitempty"`
	GoldFound *float64 `json:"gold_found,omitempty"`
	AllFound  *float64 `json:"all_found,omitempty"`
}

func (r *Record) scores(q Question) *Scores {
	s := &Scores{}
	if len(q.Answers) > 0 {
		em, f1 := score.Best(score.RuleOf(q.Dataset), r.Answer, q.Answers)
		if r.Error != "" {
			em, f1 = 0, 0
		}
		s.EM, s.F1 = &em, &f1
	}
	if len(q.Gold) > 0 && r.Mode.reads() {
		found := share(q.Gold, r.passages())
		all := 0.0
		if found == 1 {
			all = 1
		}
		s.GoldFound, s.AllFound = &found, &all
	}
	return s
}

// share is how much of gold is among pids.
func share(gold, pids []string) float64 {
	n := 0
	for _, g := range gold {
		if slices.Contains(pids, g) {
			n++
		}
	}
	return float64(n) / float64(len(gold))
}

// stoppedRight tells whether a loop ended when it should: at the first hop after
// which all gold had been read, or at its limit where that never happened.
func (r *Record) stoppedRight(q Question) bool {
	var read []string
	for i, h := range r.Hops {
		read = append(read, h.PIDs...)
		if share(q.Gold, read) == 1 {
			return i == len(r.Hops)-1
		}
	}
	return r.StoppedBy == "max_hops"
}

// answered tells whether there is an answer that could be right: neither none
// nor the one by which the model says that it does not know.
func (r *Record) answered() bool {
	a := score.Normalise(r.Answer)
	return r.Error == "" && a != "" && a != "unknown"
}
