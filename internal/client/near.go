package client

import (
	"context"
	"fmt"
)

// Near is the distance between a text's vector, as the node makes it, and one
// object's; false where the search does not find the object.
func (c *Client) Near(ctx context.Context, collection, tenant, vector, text, id string) (float64, bool, error) {
	concept := fmt.Sprintf("concepts: %s", quoteAll([]string{text}))
	if vector != "" {
		concept += ", targetVectors: " + quoteAll([]string{vector})
	}
	var args arguments
	args.add("nearText", "{"+concept+"}")
	args.add("where", fmt.Sprintf(`{path: ["id"], operator: Equal, valueText: %s}`, quote(id)))
	rows, err := c.near(ctx, collection, tenant, args, 1)
	if err != nil || len(rows) == 0 {
		return 0, false, err
	}
	return rows[0].Additional.Distance, true, nil
}

// NearObject are the ids of the objects nearest to one, nearest first. An empty
// vector names none in the query.
func (c *Client) NearObject(ctx context.Context, collection, tenant, vector, id string, limit int) ([]string, error) {
	object := "id: " + quote(id)
	if vector != "" {
		object += ", targetVectors: " + quoteAll([]string{vector})
	}
	var args arguments
	args.add("nearObject", "{"+object+"}")
	rows, err := c.near(ctx, collection, tenant, args, limit)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.Additional.ID
	}
	return ids, nil
}

func (c *Client) near(ctx context.Context, collection, tenant string, args arguments, limit int) ([]row, error) {
	if err := checkNames("collection", collection); err != nil {
		return nil, err
	}
	args.addString("tenant", tenant)
	args.addInt("limit", limit)
	var rows []row
	err := c.get(ctx, collection, args.String(), "_additional { id distance }", &rows)
	return rows, err
}
