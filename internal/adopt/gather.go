package adopt

import (
	"context"
	"errors"
	"slices"

	"github.com/latentask/latentask/internal/client"
)

// Gather finds out what a plan needs.
func Gather(ctx context.Context, c *client.Client, o Options) (Facts, error) {
	if err := o.check(); err != nil {
		return Facts{}, err
	}
	var f Facts
	var err error
	if f.Class, err = c.Collection(ctx, o.Collection); err != nil {
		return f, permitted(err, "read the schema of "+o.Collection, "read_collections")
	}
	operator, err := c.Operator(ctx)
	if err != nil {
		return f, err
	}
	if operator.State == "loading" {
		// The model and its dimension are known when it is ready.
		if operator, err = c.WaitBundle(ctx); err != nil {
			return f, err
		}
	}
	f.Operator = operator.State
	if f.Retriever, err = c.Retriever(ctx); err != nil {
		return f, err
	}
	if f.Retriever.Enabled {
		if f.Adopts, err = c.Adopts(ctx); err != nil {
			return f, permitted(err, "read the node's adoptions", "read_collections")
		}
	}
	name := f.Class.Class
	if t := f.Class.MultiTenancyConfig; t != nil && t.Enabled {
		if f.Tenants, err = c.Tenants(ctx, name); err != nil {
			return f, permitted(err, "read the tenants of "+name, "read_tenants on "+name)
		}
		for _, tenant := range f.Tenants {
			if !active(tenant) || (len(o.Tenants) > 0 && !slices.Contains(o.Tenants, tenant.Name)) {
				continue
			}
			n, err := c.TenantCount(ctx, name, tenant.Name)
			if asleep(err) {
				continue // it went to sleep since it was listed
			}
			if err != nil {
				return f, permitted(err, "count the objects of "+name, "read_data")
			}
			f.Objects += n
		}
	} else if f.Objects, err = c.Count(ctx, name); err != nil {
		return f, permitted(err, "count the objects of "+name, "read_data")
	}
	if target := o.target(name); target != name {
		if f.Target, err = c.Collection(ctx, target); errors.Is(err, client.ErrNoCollection) {
			f.Target, err = nil, nil
		}
		if err != nil {
			return f, permitted(err, "read the schema of "+target, "read_collections")
		}
	}
	return f, nil
}
