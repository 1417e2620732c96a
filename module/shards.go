package module

import (
	"fmt"
	"slices"

	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/schema"
	"github.com/weaviate/weaviate/usecases/sharding"
)

// AbsentShardsError refuses a question of a collection of which some shards
// have no node that is up. Weaviate leaves such shards out of every search, and
// nothing in a result would tell that evidence may lie in them.
type AbsentShardsError struct {
	Collection string
	Shards     []string
}

func (e *AbsentShardsError) Error() string {
	return fmt.Sprintf("latentAsk: collection %q: no node is up that holds shard %s, so that evidence may be missing; ask again when one is back, or keep replicas",
		e.Collection, quoted(e.Shards))
}

// absentShards are those that a question would search, a tenant's alone where
// one is named, and that no node holds which is up, in order.
func absentShards(class *models.Class, state *sharding.State, tenant string, up func(node string) bool) []string {
	if schema.MultiTenancyEnabled(class) { // with as many shards as tenants
		shard, ok := state.Physical[tenant]
		if ok && !slices.ContainsFunc(shard.BelongsToNodes, up) {
			return []string{tenant}
		}
		return nil
	}
	var absent []string
	for name, shard := range state.Physical {
		if !slices.ContainsFunc(shard.BelongsToNodes, up) {
			absent = append(absent, name)
		}
	}
	slices.Sort(absent)
	return absent
}

// complete returns an *AbsentShardsError where a search of a collection would
// leave shards out. It asks what Weaviate's own router asks.
func (m *QnA) complete(collection, tenant string) error {
	if m.app == nil || m.app.Cluster == nil || m.app.ClusterService == nil {
		return nil
	}
	var absent []string
	err := m.app.ClusterService.SchemaReader().Read(collection, false, func(class *models.Class, state *sharding.State) error {
		absent = absentShards(class, state, tenant, func(node string) bool {
			_, ok := m.app.Cluster.NodeHostname(node)
			return ok
		})
		return nil
	})
	if err != nil {
		return fmt.Errorf("latentAsk: read where the shards of collection %q are: %w", collection, err)
	}
	if len(absent) > 0 {
		return &AbsentShardsError{Collection: collection, Shards: absent}
	}
	return nil
}
