package module

import (
	"slices"
	"strings"
	"testing"

	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/usecases/sharding"
)

func TestAbsentShards(t *testing.T) {
	on := func(nodes ...string) sharding.Physical { return sharding.Physical{BelongsToNodes: nodes} }
	state := &sharding.State{Physical: map[string]sharding.Physical{
		"a": on("node1"), "b": on("node2", "node3"), "c": on("node3"), "d": on("node3", "node4"),
	}}
	tenants := &models.Class{MultiTenancyConfig: &models.MultiTenancyConfig{Enabled: true}}
	for name, c := range map[string]struct {
		class  *models.Class
		tenant string
		up     []string
		want   []string
	}{
		"all up":                   {&models.Class{}, "", []string{"node1", "node2", "node3", "node4"}, nil},
		"replicas are left":        {&models.Class{}, "", []string{"node1", "node3"}, nil},
		"some have none left":      {&models.Class{}, "", []string{"node1", "node2"}, []string{"c", "d"}},
		"a tenant that is up":      {tenants, "b", []string{"node2"}, nil},
		"a tenant that is not":     {tenants, "c", []string{"node1"}, []string{"c"}},
		"a tenant that is unknown": {tenants, "e", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := absentShards(c.class, state, c.tenant, func(node string) bool { return slices.Contains(c.up, node) })
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if got := (&AbsentShardsError{Collection: "Docs", Shards: []string{"c", "d"}}).Error(); !strings.Contains(got, `"Docs"`) || !strings.Contains(got, `"c", "d"`) {
		t.Errorf("the error is %s", got)
	}
}
