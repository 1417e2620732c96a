package adoption

import (
	"context"
	"fmt"
	"slices"

	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/usecases/auth/authorization"
)

// rights asks Weaviate's own Authorizer.
type rights interface {
	Authorize(ctx context.Context, principal *models.Principal, verb string, resources ...string) error
	// FilterAuthorizedResources returns those of the resources that Authorize would
	// let through.
	FilterAuthorizedResources(ctx context.Context, principal *models.Principal, verb string, resources ...string) ([]string, error)
}

// known tells whether a user still has a valid key, where keys tell.
type known interface {
	// Known returns why a user is none any more.
	Known(principal *models.Principal) error
}

// mayFill is what a batch import into these shards would need: reading the
// collection's schema and updating objects. No tenants are all of them.
func mayFill(ctx context.Context, r rights, p *models.Principal, collection string, tenants []string) error {
	if err := mayRead(ctx, r, p, collection); err != nil {
		return err
	}
	resources := authorization.CollectionsData(collection)
	if len(tenants) > 0 {
		resources = authorization.ShardsData(collection, tenants...)
	}
	return r.Authorize(ctx, p, authorization.UPDATE, resources...)
}

// mayRead is what seeing a collection's jobs needs.
func mayRead(ctx context.Context, r rights, p *models.Principal, collection string) error {
	return r.Authorize(ctx, p, authorization.READ, authorization.CollectionsMetadata(collection)...)
}

// unseen are those of a collection's tenants whose names a principal may not
// know, as it may not list them.
func (s *Service) unseen(ctx context.Context, p *models.Principal, collection string, tenants []string) (map[string]bool, error) {
	if len(tenants) == 0 {
		return nil, nil
	}
	resources := authorization.ShardsMetadata(collection, tenants...)
	allowed, err := s.host.Rights.FilterAuthorizedResources(ctx, p, authorization.READ, resources...)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, resource := range allowed {
		seen[resource] = true
	}
	unseen := map[string]bool{}
	for i, resource := range resources {
		if !seen[resource] {
			unseen[tenants[i]] = true
		}
	}
	return unseen, nil
}

// mayActivate is what activating tenants needs, and putting them back.
func mayActivate(ctx context.Context, r rights, p *models.Principal, collection string, tenants ...string) error {
	return r.Authorize(ctx, p, authorization.UPDATE, authorization.ShardsMetadata(collection, tenants...)...)
}

// copyOf keeps a principal for later, nil for an anonymous one.
func copyOf(p *models.Principal) *models.Principal {
	if p == nil {
		return nil
	}
	c := *p
	c.Groups = slices.Clone(p.Groups)
	return &c
}

// nameOf is a principal's name for people.
func nameOf(p *models.Principal) string {
	if p == nil {
		return ""
	}
	return p.Username
}

// stillMay checks a job's starter again, as it is done when a job goes on after
// a restart and before each shard. Roles are looked up anew, those of groups by
// the groups that the starter's token named when the job was started.
func (j *job) stillMay(ctx context.Context, r rights, k known, tenants []string, activate bool) error {
	p := j.payload.Starter
	err := k.Known(p)
	if err == nil {
		err = mayFill(ctx, r, p, j.payload.Collection, tenants)
	}
	if err == nil && activate {
		err = mayActivate(ctx, r, p, j.payload.Collection, tenants...)
	}
	if err != nil {
		return fmt.Errorf("the job's starter may not go on: %w", err)
	}
	return nil
}
