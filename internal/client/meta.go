package client

import "context"

// Version is the node's of Weaviate.
func (c *Client) Version(ctx context.Context) (string, error) {
	meta, err := c.weaviate.Misc().MetaGetter().Do(ctx)
	if err != nil {
		return "", c.unreachable(err)
	}
	return meta.Version, nil
}
