package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/weaviate/weaviate-go-client/v5/weaviate/fault"
	"github.com/weaviate/weaviate/entities/models"
)

// Vectorizer is the module that makes vectors in the bundle's own space.
const Vectorizer = "text2vec-latent"

// Collection is the schema of a collection; its error is ErrNoCollection where
// there is none.
func (c *Client) Collection(ctx context.Context, collection string) (*models.Class, error) {
	class, err := c.weaviate.Schema().ClassGetter().WithClassName(collection).Do(ctx)
	var f *fault.WeaviateClientError
	if errors.As(err, &f) && f.StatusCode == 404 {
		return nil, fmt.Errorf("%w: %q at %s", ErrNoCollection, collection, c.url)
	}
	if err != nil {
		return nil, c.unreachable(err)
	}
	return class, nil
}

// CreateCollection makes a collection of text properties with Weaviate's
// defaults, vectorised by text2vec-latent.
func (c *Client) CreateCollection(ctx context.Context, collection, description string, textProperties ...string) error {
	class := &models.Class{Class: collection, Description: description, Vectorizer: Vectorizer}
	for _, p := range textProperties {
		class.Properties = append(class.Properties, &models.Property{Name: p, DataType: []string{"text"}})
	}
	return c.CreateClass(ctx, class)
}

// CreateClass makes a collection of a schema.
func (c *Client) CreateClass(ctx context.Context, class *models.Class) error {
	if err := c.weaviate.Schema().ClassCreator().WithClass(class).Do(ctx); err != nil {
		return c.unreachable(err)
	}
	return nil
}

// DeleteCollection drops a collection with its objects.
func (c *Client) DeleteCollection(ctx context.Context, collection string) error {
	if err := c.weaviate.Schema().ClassDeleter().WithClassName(collection).Do(ctx); err != nil {
		return c.unreachable(err)
	}
	return nil
}

// Count is how many objects a collection holds.
func (c *Client) Count(ctx context.Context, collection string) (int, error) {
	if err := checkNames("collection", collection); err != nil {
		return 0, err
	}
	var rows []struct {
		Meta struct {
			Count int `json:"count"`
		} `json:"meta"`
	}
	query := fmt.Sprintf("{ Aggregate { %s { meta { count } } } }", collection)
	if err := c.run(ctx, query, []string{"Aggregate", collection}, &rows); err != nil {
		return 0, err
	}
	if len(rows) == 0 {
		return 0, nil
	}
	return rows[0].Meta.Count, nil
}

// listPage is how many ids are asked for at once.
const listPage = 1000

// IDs are the ids of a collection's objects.
func (c *Client) IDs(ctx context.Context, collection string) ([]string, error) {
	if err := checkNames("collection", collection); err != nil {
		return nil, err
	}
	var ids []string
	for after := ""; ; after = ids[len(ids)-1] {
		var rows []row
		// An empty string asks for the first page.
		args := fmt.Sprintf("limit: %d, after: %s", listPage, quote(after))
		if err := c.get(ctx, collection, args, "_additional { id }", &rows); err != nil {
			return nil, err
		}
		for _, r := range rows {
			ids = append(ids, r.Additional.ID)
		}
		if len(rows) < listPage {
			return ids, nil
		}
	}
}

// TextProperties are the names of a collection's text properties.
func TextProperties(class *models.Class) []string {
	var names []string
	for _, p := range class.Properties {
		if len(p.DataType) == 1 && (p.DataType[0] == "text" || p.DataType[0] == "text[]") {
			names = append(names, p.Name)
		}
	}
	return names
}
