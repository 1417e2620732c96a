package client

import (
	"context"
	"strings"
	"time"
)

// Question is one latentAsk query. Zero values are left to the node.
type Question struct {
	Collection string
	Tenant     string
	Text       string
	// Mode is LATENT, EXPLICIT, SINGLE or DIRECT.
	Mode           string
	MaxHops        int
	PassagesPerHop int
	// Read are the properties that make a passage, Show those that come back.
	Read, Show []string
	// TargetVector names the vector to search, where there are several.
	TargetVector string
	Decode       bool
	// Vectors asks for the hops' query vectors.
	Vectors bool
	Budget  time.Duration
	Limit   int
}

// Reply is what a node answers to a Question.
type Reply struct {
	Answer  Answer  `json:"answer"`
	Hops    []Hop   `json:"hops"`
	Timings Timings `json:"timings"`
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
}

// Word is a word that a hop looked for, its weight 0 to 1.
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

// Ask sends a question. A reply without objects, which GraphQL has no place for
// an answer in, is empty.
func (c *Client) Ask(ctx context.Context, q Question) (*Reply, error) {
	if err := checkNames("collection", q.Collection); err != nil {
		return nil, err
	}
	if err := checkNames("property", q.Show...); err != nil {
		return nil, err
	}
	var ask arguments
	ask.add("question", quote(q.Text))
	if q.Mode != "" {
		if err := checkNames("mode", q.Mode); err != nil {
			return nil, err
		}
		ask.add("mode", q.Mode)
	}
	ask.addInt("maxHops", q.MaxHops)
	ask.addInt("passagesPerHop", q.PassagesPerHop)
	ask.addStrings("properties", q.Read)
	if q.TargetVector != "" {
		ask.addStrings("targetVectors", []string{q.TargetVector})
	}
	if q.Decode {
		ask.add("decode", "true")
	}
	ask.addInt("budgetMs", int(q.Budget.Milliseconds()))

	var args arguments
	args.add("latentAsk", "{"+ask.String()+"}")
	args.addString("tenant", q.Tenant)
	args.addInt("limit", q.Limit)

	hop := "n action ids distances focus { word weight } thought subquery ms { model search decode }"
	if q.Vectors {
		hop += " vector"
	}
	fields := strings.Join(q.Show, " ") + ` _additional { id distance latentAsk { hop rank
		answer { text confidence abstained partial stoppedBy }
		hops { ` + hop + ` }
		timings { totalMs modelMs searchMs queueMs } } }`
	var rows []row
	if err := c.get(ctx, q.Collection, args.String(), fields, &rows); err != nil {
		return nil, err
	}
	reply := &Reply{Objects: objects(rows)}
	if len(rows) > 0 && rows[0].Additional.LatentAsk != nil {
		trace := rows[0].Additional.LatentAsk
		reply.Answer, reply.Hops, reply.Timings = trace.Answer, trace.Hops, trace.Timings
	}
	return reply, nil
}

// Search is one nearText search, as latentAsk's rival.
func (c *Client) Search(ctx context.Context, collection, tenant, concept string, limit int, show []string) ([]Object, error) {
	if err := checkNames("collection", collection); err != nil {
		return nil, err
	}
	if err := checkNames("property", show...); err != nil {
		return nil, err
	}
	var args arguments
	args.add("nearText", "{concepts: "+quoteAll([]string{concept})+"}")
	args.addString("tenant", tenant)
	args.addInt("limit", limit)
	var rows []row
	if err := c.get(ctx, collection, args.String(), strings.Join(show, " ")+" _additional { id distance }", &rows); err != nil {
		return nil, err
	}
	return objects(rows), nil
}
