package adopt

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
)

// What a dropped vector left in the properties is no part of a collection that is
// made of them.
func TestForget(t *testing.T) {
	class := decoded(t, `{"class": "Docs", "vectorizer": "text2vec-openai", "properties": [
		{"name": "title", "dataType": ["text"], "moduleConfig": {"text2vec-latent": {"skip": false}, "text2vec-openai": {"skip": true}}},
		{"name": "body", "dataType": ["text"], "moduleConfig": {"text2vec-latent": {"skip": false}}}, {"name": "year", "dataType": ["int"]}]}`)
	forget(class, "text2vec-openai")
	require.Len(t, class.Properties[0].ModuleConfig, 2, "it is the collection's own")
	forget(class, client.Vectorizer)
	require.Equal(t, map[string]any{"text2vec-openai": map[string]any{"skip": true}}, class.Properties[0].ModuleConfig)
	require.Nil(t, class.Properties[1].ModuleConfig)
	require.Nil(t, class.Properties[2].ModuleConfig)
}
