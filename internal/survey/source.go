package survey

import (
	"context"

	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// Source is the node that is asked; *client.Client is one.
type Source interface {
	URL() string
	Version(ctx context.Context) (string, error)
	Operator(ctx context.Context) (client.Operator, error)
	Retriever(ctx context.Context) (client.Retriever, error)
	Adopts(ctx context.Context) (bool, error)
	Collection(ctx context.Context, collection string) (*models.Class, error)
	Tenants(ctx context.Context, collection string) ([]models.Tenant, error)
	// TenantCount is how many objects a tenant holds, or a collection without
	// tenants where tenant is empty.
	TenantCount(ctx context.Context, collection, tenant string) (int, error)
	// Page is objects with their vectors in the order of their ids, those behind
	// after.
	Page(ctx context.Context, collection, tenant, after string, limit int) ([]*models.Object, error)
}

var _ Source = (*client.Client)(nil)
