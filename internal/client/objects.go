package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/weaviate/weaviate/entities/models"
)

// firstID is before every object's id in the order of ids, which is the order
// that Weaviate lists objects in after an id.
const firstID = "00000000-0000-0000-0000-000000000000"

// Page is some objects of a collection with their vectors, those whose ids come
// after one, in the ids' order; an empty after begins. Fewer than limit are the
// last.
func (c *Client) Page(ctx context.Context, collection, tenant, after string, limit int) ([]*models.Object, error) {
	if after == "" {
		after = firstID
	}
	get := c.weaviate.Data().ObjectsGetter().WithClassName(collection).WithVector().WithAfter(after).WithLimit(limit)
	if tenant != "" {
		get = get.WithTenant(tenant)
	}
	page, err := get.Do(ctx)
	if err != nil {
		return nil, c.refused(err)
	}
	for i := 1; i < len(page); i++ {
		if page[i-1].ID >= page[i].ID {
			return nil, fmt.Errorf("node at %s lists the objects of %s out of order: %s before %s", c.url, collection, page[i-1].ID, page[i].ID)
		}
	}
	return page, nil
}

// Object is one object with its vectors; nil where there is none of that id.
func (c *Client) Object(ctx context.Context, collection, tenant, id string) (*models.Object, error) {
	path := "/v1/objects/" + url.PathEscape(collection) + "/" + url.PathEscape(id) + "?include=vector"
	if tenant != "" {
		path += "&tenant=" + url.QueryEscape(tenant)
	}
	var object models.Object
	err := c.rest(ctx, http.MethodGet, path, nil, &object)
	if Status(err) == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &object, nil
}

// Write stores objects, each under its own id, and returns what the node says
// against those that it refused, by their places.
func (c *Client) Write(ctx context.Context, objects []*models.Object) (map[int]string, error) {
	results, err := c.weaviate.Batch().ObjectsBatcher().WithObjects(objects...).Do(ctx)
	if err != nil {
		return nil, c.refused(err)
	}
	if len(results) != len(objects) {
		return nil, fmt.Errorf("node at %s answered for %d of %d objects", c.url, len(results), len(objects))
	}
	var refused map[int]string
	for i := range results {
		if r := results[i].Result; r != nil {
			refused = refusal(refused, i, r.Errors)
		}
	}
	return refused, nil
}

// refusal notes by its place in a batch what the node said first against it, if
// anything; refused is nil until then.
func refusal(refused map[int]string, place int, said *models.ErrorResponse) map[int]string {
	if said == nil || len(said.Error) == 0 {
		return refused
	}
	if refused == nil {
		refused = map[int]string{}
	}
	refused[place] = said.Error[0].Message
	return refused
}

// Delete removes an object; one that is not there is no error.
func (c *Client) Delete(ctx context.Context, collection, tenant, id string) error {
	path := "/v1/objects/" + url.PathEscape(collection) + "/" + url.PathEscape(id)
	if tenant != "" {
		path += "?tenant=" + url.QueryEscape(tenant)
	}
	err := c.rest(ctx, http.MethodDelete, path, nil, nil)
	if Status(err) == http.StatusNotFound {
		return nil
	}
	return err
}

// TenantCount is how many objects a collection, or one of its tenants, holds.
func (c *Client) TenantCount(ctx context.Context, collection, tenant string) (int, error) {
	if tenant == "" {
		return c.Count(ctx, collection)
	}
	if err := checkNames("collection", collection); err != nil {
		return 0, err
	}
	var rows []struct {
		Meta struct {
			Count int `json:"count"`
		} `json:"meta"`
	}
	query := fmt.Sprintf("{ Aggregate { %s(tenant: %s) { meta { count } } } }", collection, quote(tenant))
	if err := c.run(ctx, query, []string{"Aggregate", collection}, &rows); err != nil {
		return 0, err
	}
	if len(rows) == 0 {
		return 0, nil
	}
	return rows[0].Meta.Count, nil
}

// Select gives objects whose property (or "id") has one of some values: their
// properties by their ids. Values are texts, at most as many as limit.
func (c *Client) Select(ctx context.Context, collection, tenant, property string, values, show []string, limit int) (map[string]map[string]any, error) {
	if err := checkNames("collection", collection); err != nil {
		return nil, err
	}
	if err := checkNames("property", append(slices.Clone(show), property)...); err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	var args arguments
	args.add("where", fmt.Sprintf("{path: %s, operator: ContainsAny, valueText: %s}", quoteAll([]string{property}), list))
	args.addString("tenant", tenant)
	args.addInt("limit", limit)
	var rows []row
	fields := "_additional { id }"
	for _, name := range show {
		fields += " " + name
	}
	if err := c.get(ctx, collection, args.String(), fields, &rows); err != nil {
		return nil, err
	}
	found := make(map[string]map[string]any, len(rows))
	for _, r := range rows {
		found[r.Additional.ID] = r.Properties
	}
	return found, nil
}

// Texts gives one property of some objects by their ids, those whose ids come
// after one in the ids' order, and the last id; an empty after begins. Fewer
// than limit are the last. The property is a text or a uuid.
func (c *Client) Texts(ctx context.Context, collection, tenant, property, after string, limit int) (map[string]string, string, error) {
	if err := checkNames("collection", collection); err != nil {
		return nil, "", err
	}
	if err := checkNames("property", property); err != nil {
		return nil, "", err
	}
	var args arguments
	args.addInt("limit", limit)
	// An empty string asks for the first page.
	args.add("after", quote(after))
	args.addString("tenant", tenant)
	var rows []row
	if err := c.get(ctx, collection, args.String(), property+" _additional { id }", &rows); err != nil {
		return nil, "", err
	}
	values := make(map[string]string, len(rows))
	last := after
	for _, r := range rows {
		values[r.Additional.ID], _ = r.Properties[property].(string)
		last = r.Additional.ID
	}
	return values, last, nil
}

// Refer adds references to objects that are stored, and returns what the node
// says against those that it refused, by their places.
func (c *Client) Refer(ctx context.Context, references []*models.BatchReference) (map[int]string, error) {
	results, err := c.weaviate.Batch().ReferencesBatcher().WithReferences(references...).Do(ctx)
	if err != nil {
		return nil, c.refused(err)
	}
	var refused map[int]string
	for i := range results {
		if r := results[i].Result; r != nil {
			refused = refusal(refused, i, r.Errors)
		}
	}
	return refused, nil
}
