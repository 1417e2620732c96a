package client

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Question is one latentAsk query. Zero values are left to the node.
type Question struct {
	Collection string
	Tenant     string
	Text       string
	// Mode is LATENT, EXPLICIT, ITERATIVE, SINGLE or DIRECT.
	Mode string
	// Search is AUTO, VECTOR or HYBRID; AnswerBy AUTO, FREE, SPAN or POINTER.
	Search, AnswerBy string
	MaxHops          int
	PassagesPerHop   int
	// Read are the properties that make a passage, Show those that come back.
	Read, Show []string
	// Without leaves objects out of every search. It may be nil.
	Without *Without
	// TargetVector names the vector to search, where there are several.
	TargetVector string
	Decode       bool
	// Lens asks for the words that the model's head makes of the latents.
	Lens bool
	// Details asks for what each side of a search made of the passages, the
	// keywords, the answer's source, and what the question took of the model.
	Details bool
	// Vectors asks for the hops' query vectors.
	Vectors bool
	Budget  time.Duration
	Limit   int
}

// Without is the objects of which a text property (or "id") has one of some
// values.
type Without struct {
	Property string
	Values   []string
}

// filter is it as a where filter.
func (w *Without) filter() string {
	operands := make([]string, len(w.Values))
	for i, value := range w.Values {
		operands[i] = fmt.Sprintf("{path: %s, operator: NotEqual, valueText: %s}", quoteAll([]string{w.Property}), quote(value))
	}
	if len(operands) == 1 {
		return operands[0]
	}
	return "{operator: And, operands: [" + strings.Join(operands, ", ") + "]}"
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
	for _, choice := range []struct{ name, value string }{{"search", q.Search}, {"answerBy", q.AnswerBy}} {
		if choice.value == "" {
			continue
		}
		if err := checkNames(choice.name, choice.value); err != nil {
			return nil, err
		}
		ask.add(choice.name, choice.value)
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
	if q.Lens {
		ask.add("lens", "true")
	}
	ask.addInt("budgetMs", int(q.Budget.Milliseconds()))

	var args arguments
	args.add("latentAsk", "{"+ask.String()+"}")
	if q.Without != nil && len(q.Without.Values) > 0 {
		args.add("where", q.Without.filter())
	}
	args.addString("tenant", q.Tenant)
	args.addInt("limit", q.Limit)

	var rows []row
	fields := strings.Join(q.Show, " ") + " _additional { id distance " + q.fields() + " }"
	if err := c.get(ctx, q.Collection, args.String(), fields, &rows); err != nil {
		return nil, err
	}
	reply := &Reply{Objects: objects(rows)}
	if len(rows) > 0 && rows[0].Additional.LatentAsk != nil {
		trace := rows[0].Additional.LatentAsk
		reply.Answer, reply.Hops, reply.Timings, reply.Usage = trace.Answer, trace.Hops, trace.Timings, trace.Usage
	}
	return reply, nil
}

// fields are those of the latentAsk field that the question asks for.
func (q *Question) fields() string {
	answer := "text confidence abstained partial stoppedBy"
	hop := "n action ids distances focus { word weight } thought subquery ms { model search decode }"
	usage := ""
	if q.Vectors {
		hop += " vector"
	}
	if q.Lens {
		hop += " lens { kind n words { text weight } focus }"
	}
	if q.Details {
		answer += " by source { id property index start end }"
		hop += " search keywords { word weight } found { id distance score vectorRank keywordRank support }"
		usage = " usage { passes tokensIn tokensOut }"
	}
	return "latentAsk { hop rank answer { " + answer + " } hops { " + hop + " } timings { totalMs modelMs searchMs queueMs }" + usage + " }"
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
