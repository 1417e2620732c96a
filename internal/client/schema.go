package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/weaviate/weaviate-go-client/v5/weaviate/fault"
	"github.com/weaviate/weaviate/entities/models"
)

// Retriever is what a node's /v1/meta says of text2vec-latent.
type Retriever struct {
	// Enabled: the node has the vectorizer among its modules.
	Enabled bool
	// Name is the model's, empty while the bundle is not ready; Dimension is
	// that of its vectors.
	Name      string
	Dimension int
}

// Retriever asks a node which model its text2vec-latent makes vectors with.
func (c *Client) Retriever(ctx context.Context) (Retriever, error) {
	meta, err := c.weaviate.Misc().MetaGetter().Do(ctx)
	if err != nil {
		return Retriever{}, c.unreachable(err)
	}
	modules, _ := meta.Modules.(map[string]any)
	_, enabled := modules[Vectorizer]
	module := object(meta.Modules, Vectorizer)
	dimension, _ := module["dimension"].(float64)
	return Retriever{Enabled: enabled, Name: text(module, "model"), Dimension: int(dimension)}, nil
}

// UpdateClass replaces a collection's schema. What the node refuses is a
// *StatusError.
func (c *Client) UpdateClass(ctx context.Context, class *models.Class) error {
	return c.refused(c.weaviate.Schema().ClassUpdater().WithClass(class).Do(ctx))
}

// DropVector takes a named vector and its index away. What the node refuses is
// a *StatusError. The vector's name stays in the schema until the node has
// cleaned up behind it.
func (c *Client) DropVector(ctx context.Context, collection, vector string) error {
	path := "/v1/schema/" + url.PathEscape(collection) + "/vectors/" + url.PathEscape(vector) + "/index"
	return c.rest(ctx, http.MethodDelete, path, nil, nil)
}

// someTenant is a tenant that no collection needs to have.
const someTenant = "latentask"

// Tenants are a multi-tenant collection's, as far as the key may see them. Its
// error is a *StatusError of 403 where it may see none: Weaviate's own answer is
// then that there are none.
func (c *Client) Tenants(ctx context.Context, collection string) ([]models.Tenant, error) {
	tenants, err := c.weaviate.Schema().TenantsGetter().WithClassName(collection).Do(ctx)
	if err != nil || len(tenants) > 0 {
		return tenants, c.refused(err)
	}
	if _, err := c.Tenant(ctx, collection, someTenant); Status(err) == http.StatusForbidden {
		return nil, err
	}
	return nil, nil
}

// CreateTenants adds tenants to a collection.
func (c *Client) CreateTenants(ctx context.Context, collection string, tenants ...models.Tenant) error {
	if len(tenants) == 0 {
		return nil
	}
	return c.refused(c.weaviate.Schema().TenantsCreator().WithClassName(collection).WithTenants(tenants...).Do(ctx))
}

// UpdateTenants sets tenants' activity.
func (c *Client) UpdateTenants(ctx context.Context, collection string, tenants ...models.Tenant) error {
	return c.refused(c.weaviate.Schema().TenantsUpdater().WithClassName(collection).WithTenants(tenants...).Do(ctx))
}

// refused turns an answer of Weaviate's client that refuses a request into a
// *StatusError, and other errors into what unreachable says.
func (c *Client) refused(err error) error {
	if err == nil {
		return nil
	}
	var f *fault.WeaviateClientError
	if errors.As(err, &f) && f.StatusCode > 0 {
		return &StatusError{Code: f.StatusCode, Message: message([]byte(f.Msg))}
	}
	return c.unreachable(err)
}

// Tenant is one tenant of a collection.
func (c *Client) Tenant(ctx context.Context, collection, tenant string) (*models.Tenant, error) {
	var t models.Tenant
	path := "/v1/schema/" + url.PathEscape(collection) + "/tenants/" + url.PathEscape(tenant)
	if err := c.rest(ctx, http.MethodGet, path, nil, &t); err != nil {
		return nil, err
	}
	return &t, nil
}
