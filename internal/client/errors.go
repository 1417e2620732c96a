package client

import (
	"errors"
	"fmt"
	"strings"

	"github.com/weaviate/weaviate-go-client/v5/weaviate/fault"
)

// ErrNoCollection: the node has no collection of that name.
var ErrNoCollection = errors.New("no such collection")

// ErrUnreachable: no node answered.
var ErrUnreachable = errors.New("no answer from a node")

// QueryError holds what a node says against a GraphQL query, which it does with
// HTTP status 200.
type QueryError struct {
	Messages []string
}

func (e *QueryError) Error() string { return strings.Join(e.Messages, "; ") }

// ImportError tells how many objects of an import a node did not take, and what
// it said against the first ones.
type ImportError struct {
	Failed   int
	Messages []string
}

func (e *ImportError) Error() string {
	return fmt.Sprintf("%d objects were not imported: %s", e.Failed, strings.Join(e.Messages, "; "))
}

// noAnswer words a request that no node answered.
func (c *Client) noAnswer(err error) error {
	return fmt.Errorf("%w at %s (is it running? another address is given with --url): %w", ErrUnreachable, c.url, err)
}

// unreachable words the failure of a request: what the node answered, or that
// it did not.
func (c *Client) unreachable(err error) error {
	var f *fault.WeaviateClientError
	if !errors.As(err, &f) {
		return fmt.Errorf("node at %s: %w", c.url, err)
	}
	// Weaviate's client wraps its own errors without an Unwrap.
	for f.DerivedFromError != nil {
		inner, ok := f.DerivedFromError.(*fault.WeaviateClientError)
		if !ok {
			return c.noAnswer(f.DerivedFromError)
		}
		f = inner
	}
	if f.StatusCode == 401 || f.StatusCode == 403 {
		return fmt.Errorf("the node at %s wants an API key, or another one (--api-key or WEAVIATE_API_KEY): %w", c.url, f)
	}
	return fmt.Errorf("node at %s: %w", c.url, f)
}
