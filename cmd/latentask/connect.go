package main

import (
	"os"

	"github.com/spf13/pflag"

	"github.com/latentask/latentask/internal/client"
)

// connection is the part of a command line that says which node is meant.
type connection struct {
	url, apiKey string
}

func (c *connection) addFlags(flags *pflag.FlagSet) {
	address := os.Getenv("WEAVIATE_URL")
	if address == "" {
		address = "http://localhost:8080"
	}
	flags.StringVar(&c.url, "url", address, "address of the node (or WEAVIATE_URL)")
	// The key itself is no default: help would show it.
	flags.StringVar(&c.apiKey, "api-key", "", "API key of the node (or WEAVIATE_API_KEY)")
}

func (c *connection) client() (*client.Client, error) {
	key := c.apiKey
	if key == "" {
		key = os.Getenv("WEAVIATE_API_KEY")
	}
	return client.New(client.Config{URL: c.url, APIKey: key})
}
