package adoption

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	openapi "github.com/go-openapi/errors"
	appstate "github.com/weaviate/weaviate/adapters/handlers/rest/state"
	"github.com/weaviate/weaviate/adapters/repos/db"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/schema"
	"github.com/weaviate/weaviate/usecases/auth/authentication/composer"
	"github.com/weaviate/weaviate/usecases/schema/namespacing"
	"github.com/weaviate/weaviate/usecases/sharding"
)

// stateDir holds the states of jobs, in the node's data folder. A collection's
// folder has no name that begins with a dot.
const stateDir = ".latentask/adoptions"

// NewHost is the host of a node whose parts have all been made.
func NewHost(app *appstate.State) *Host {
	config := app.ServerConfig.Config
	h := &Host{
		Node:    app.Cluster.LocalName(),
		Dir:     filepath.Join(config.Persistence.DataPath, filepath.FromSlash(stateDir)),
		Schema:  &nodeSchema{app},
		Cluster: app.ClusterService,
		Ready:   app.ClusterService.Ready,
		Rights:  app.Authorizer,
		Known:   &users{app},
		Resolve: func(p *models.Principal, collection string) (string, error) {
			name, _, err := namespacing.Resolve(p, app.ClusterService.SchemaReader(), config.Namespaces.Enabled, collection)
			return name, err
		},
	}
	if d, ok := newDatabase(app.DB); ok {
		h.Storage = d
	}
	validate := composer.New(config.Authentication, config.Namespaces.Enabled, app.Logger, app.APIKey, app.OIDC)
	h.Authenticate = func(r *http.Request) (*models.Principal, error) {
		return authenticate(r, config.Authentication.AnonymousAccess.Enabled, validate)
	}
	return h
}

// authenticate does what Weaviate's own endpoints do with a request: a bearer
// token is an API key or an OIDC token, and without one the user is anonymous,
// where that is allowed.
func authenticate(r *http.Request, anonymous bool, validate composer.TokenFunc) (*models.Principal, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		if anonymous {
			return nil, nil
		}
		return nil, openapi.New(http.StatusUnauthorized, "anonymous access not enabled. Please authenticate with an API key or through OIDC: Authorization: Bearer …")
	}
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok || token == "" {
		return nil, openapi.New(http.StatusUnauthorized, "the Authorization header must be: Bearer, a space, and an API key or an OIDC token")
	}
	p, err := validate(token, nil)
	if err == nil && p == nil {
		return nil, openapi.New(http.StatusUnauthorized, "unauthorized")
	}
	return p, err
}

// users knows whose keys are valid.
type users struct{ app *appstate.State }

// Known implements known. A user of OIDC is known while the node has OIDC: the
// token of the start is not kept, and the provider can't be asked for a user, so
// that taking away the rights of a job's starter means taking away roles here.
func (u *users) Known(p *models.Principal) error {
	config := u.app.ServerConfig.Config.Authentication
	switch {
	case p == nil:
		if !config.AnonymousAccess.Enabled {
			return errors.New("anonymous access is not enabled any more")
		}
		return nil
	case p.UserType == models.UserTypeInputOidc:
		if !config.OIDC.Enabled {
			return fmt.Errorf("OIDC, by which user %q was known, is not enabled any more", p.Username)
		}
		return nil
	}
	if config.DBUsers.Enabled && u.app.APIKey != nil && u.app.APIKey.Dynamic != nil {
		found, err := u.app.APIKey.Dynamic.GetUsers(p.Username)
		if err != nil {
			return err
		}
		if user, ok := found[p.Username]; ok {
			if !user.Active {
				return fmt.Errorf("user %q is deactivated", p.Username)
			}
			return nil
		}
	}
	if config.APIKey.Enabled && slices.Contains(config.APIKey.Users, p.Username) {
		return nil
	}
	return fmt.Errorf("there is no user %q any more", p.Username)
}

// nodeSchema is the Schema of a node.
type nodeSchema struct{ app *appstate.State }

// Class implements Schema.
func (n *nodeSchema) Class(collection string) *models.Class {
	return n.app.ClusterService.SchemaReader().ReadOnlyClass(collection)
}

// Wait implements Schema.
func (n *nodeSchema) Wait(ctx context.Context, version uint64) error {
	return n.app.ClusterService.SchemaReader().WaitForUpdate(ctx, version)
}

// Placement implements Schema.
func (n *nodeSchema) Placement(collection string) ([]Placed, error) {
	var placed []Placed
	err := n.app.ClusterService.SchemaReader().Read(collection, false, func(class *models.Class, s *sharding.State) error {
		tenants := schema.MultiTenancyEnabled(class)
		for name, physical := range s.Physical {
			p := Placed{Name: name, Nodes: slices.Clone(physical.BelongsToNodes)}
			if tenants {
				p.Status = physical.ActivityStatus()
			}
			placed = append(placed, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read where the shards of collection %q are: %w", collection, err)
	}
	return placed, nil
}

// How long a tenant may take to be loaded on this node after the cluster has
// activated it.
const (
	loadTime = time.Minute
	loadStep = 20 * time.Millisecond
)

// SetActive implements Schema.
func (n *nodeSchema) SetActive(ctx context.Context, collection, tenant string, active bool) error {
	if !active {
		return n.app.SchemaManager.DeactivateTenants(ctx, collection, tenant)
	}
	if err := n.app.SchemaManager.ActivateTenants(ctx, collection, tenant); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, loadTime)
	defer cancel()
	for !loaded(ctx, n.app.DB, collection, tenant) {
		if err := sleep(ctx, loadStep); err != nil {
			return fmt.Errorf("tenant %q was activated and is not loaded: %w", tenant, err)
		}
	}
	return nil
}

func loaded(ctx context.Context, repo *db.DB, collection, tenant string) bool {
	index := repo.GetIndex(schema.ClassName(collection))
	if index == nil {
		return false
	}
	shard, release, err := index.GetShard(ctx, tenant)
	defer release()
	return err == nil && shard != nil
}
