package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/weaviate/weaviate-go-client/v5/weaviate/fault"
)

// StatusError is a request that the node refused.
type StatusError struct {
	// Code is HTTP's.
	Code int
	// Message is the node's own.
	Message string
}

func (e *StatusError) Error() string { return fmt.Sprintf("status %d: %s", e.Code, e.Message) }

// Status is the HTTP status of an answer that an error of this package stands
// for, 0 where it stands for none.
func Status(err error) int {
	var status *StatusError
	if errors.As(err, &status) {
		return status.Code
	}
	var f *fault.WeaviateClientError
	if errors.As(err, &f) {
		return f.StatusCode
	}
	return 0
}

// maxReply bounds an answer that is read whole, in bytes.
const maxReply = 64 << 20

// rest sends a request that Weaviate's client has no method for. body and into
// may be nil. What the node refuses is a *StatusError.
func (c *Client) rest(ctx context.Context, method, path string, body, into any) error {
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, payload)
	if err != nil {
		return err
	}
	for name, value := range c.headers {
		request.Header.Set(name, value)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return c.noAnswer(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return c.noAnswer(err)
	}
	if response.StatusCode/100 != 2 {
		return &StatusError{Code: response.StatusCode, Message: message(data)}
	}
	if into == nil || len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("node at %s answered %s with something else than was asked: %w", c.url, path, err)
	}
	return nil
}

// message is what an answer says in Weaviate's form of an error, or all of it
// where it has another.
func message(data []byte) string {
	var known struct {
		Error []struct {
			Message string `json:"message"`
		} `json:"error"`
		Message string `json:"message"`
	}
	if json.Unmarshal(data, &known) == nil {
		var texts []string
		for _, e := range known.Error {
			texts = append(texts, e.Message)
		}
		if known.Message != "" {
			texts = append(texts, known.Message)
		}
		if len(texts) > 0 {
			return strings.Join(texts, "; ")
		}
	}
	text := strings.TrimSpace(string(data))
	if runes := []rune(text); len(runes) > 300 {
		text = string(runes[:300]) + "…"
	}
	return text
}
