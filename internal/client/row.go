package client

import "encoding/json"

// row is one object as GraphQL returns it: _additional, and beside it the
// properties.
type row struct {
	Additional additional
	Properties map[string]any
}

type additional struct {
	ID        string  `json:"id"`
	Distance  float64 `json:"distance"`
	LatentAsk *trace  `json:"latentAsk"`
}

type trace struct {
	Hop     int     `json:"hop"`
	Rank    int     `json:"rank"`
	Answer  Answer  `json:"answer"`
	Hops    []Hop   `json:"hops"`
	Timings Timings `json:"timings"`
	Usage   Usage   `json:"usage"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *row) UnmarshalJSON(data []byte) error {
	var known struct {
		Additional additional `json:"_additional"`
	}
	if err := json.Unmarshal(data, &known); err != nil {
		return err
	}
	if err := json.Unmarshal(data, &r.Properties); err != nil {
		return err
	}
	delete(r.Properties, "_additional")
	r.Additional = known.Additional
	return nil
}

func objects(rows []row) []Object {
	out := make([]Object, len(rows))
	for i, r := range rows {
		out[i] = Object{ID: r.Additional.ID, Distance: r.Additional.Distance, Properties: r.Properties}
		if t := r.Additional.LatentAsk; t != nil {
			out[i].Hop, out[i].Rank = t.Hop, t.Rank
		}
	}
	return out
}
