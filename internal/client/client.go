package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/weaviate/weaviate-go-client/v5/weaviate"
)

// Config says which node to talk to.
type Config struct {
	// URL is the node's address, as http://localhost:8080.
	URL string
	// APIKey is sent where it is not empty.
	APIKey string
	// Timeout bounds one request. Zero is DefaultTimeout.
	Timeout time.Duration
}

// DefaultTimeout is long, since importing a batch means embedding it.
const DefaultTimeout = 10 * time.Minute

// Client talks to one node. It is safe for concurrent use.
type Client struct {
	url      string
	weaviate *weaviate.Client
	// http and headers are for what Weaviate's client has no method for.
	http    *http.Client
	headers map[string]string
}

// New makes a client. It does not connect.
func New(config Config) (*Client, error) {
	address, err := url.Parse(config.URL)
	if err != nil || address.Host == "" || (address.Scheme != "http" && address.Scheme != "https") {
		return nil, fmt.Errorf("%q is no address of a node, must be like http://localhost:8080", config.URL)
	}
	if config.Timeout == 0 {
		config.Timeout = DefaultTimeout
	}
	headers := map[string]string{}
	if config.APIKey != "" {
		headers["Authorization"] = "Bearer " + config.APIKey
	}
	c, err := weaviate.NewClient(weaviate.Config{
		Scheme: address.Scheme, Host: address.Host, Headers: headers, Timeout: config.Timeout,
	})
	if err != nil {
		return nil, err
	}
	return &Client{
		url: address.Scheme + "://" + address.Host, weaviate: c,
		http: &http.Client{Timeout: config.Timeout}, headers: headers,
	}, nil
}

// URL is the node's address.
func (c *Client) URL() string { return c.url }

// Weaviate is the official client beneath.
func (c *Client) Weaviate() *weaviate.Client { return c.weaviate }

// Operator is what a node's /v1/meta says of latentask.
type Operator struct {
	// State is absent, loading, ready or failed; empty on a node without
	// latentask.
	State string
	// Reason says why the state is not ready.
	Reason string
	// Bundle and Device name what is ready.
	Bundle, Device string
	// Warning is set where the device is not the one that was asked for.
	Warning string
}

// Operator asks a node how far its bundle is.
func (c *Client) Operator(ctx context.Context) (Operator, error) {
	meta, err := c.weaviate.Misc().MetaGetter().Do(ctx)
	if err != nil {
		return Operator{}, c.unreachable(err)
	}
	module := object(meta.Modules, "qna-latent")
	bundle, device := object(module, "bundle"), object(module, "device")
	o := Operator{
		State: text(module, "state"), Reason: text(module, "reason"),
		Device: text(device, "used"), Warning: text(device, "warning"),
	}
	if name := text(bundle, "name"); name != "" {
		o.Bundle = name + " " + text(bundle, "version")
	}
	return o, nil
}

// object is a member of a JSON object that is one itself, nil where it is not.
func object(value any, name string) map[string]any {
	outer, _ := value.(map[string]any)
	inner, _ := outer[name].(map[string]any)
	return inner
}

func text(value map[string]any, name string) string {
	s, _ := value[name].(string)
	return s
}
