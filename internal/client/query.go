package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// name is what GraphQL takes as a name, and so what a collection and a property
// can be called in a query.
var name = regexp.MustCompile(`^[_A-Za-z][_0-9A-Za-z]*$`)

func checkNames(kind string, names ...string) error {
	for _, n := range names {
		if !name.MatchString(n) {
			return fmt.Errorf("%s %q: a name has letters, digits and underscores and does not begin with a digit", kind, n)
		}
	}
	return nil
}

// quote writes a string as GraphQL reads it. JSON's escapes are among
// GraphQL's, whose strings take any other character as it is.
func quote(s string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	// A string can always be encoded.
	_ = encoder.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}

func quoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// arguments are the arguments of a GraphQL field, in order.
type arguments []string

func (a *arguments) add(name, value string) { *a = append(*a, name+": "+value) }

func (a *arguments) addString(name, value string) {
	if value != "" {
		a.add(name, quote(value))
	}
}

func (a *arguments) addStrings(name string, values []string) {
	if len(values) > 0 {
		a.add(name, quoteAll(values))
	}
}

func (a *arguments) addInt(name string, value int) {
	if value != 0 {
		a.add(name, fmt.Sprint(value))
	}
}

func (a arguments) String() string { return strings.Join(a, ", ") }

// get runs a Get query of one collection and decodes the list of its results.
func (c *Client) get(ctx context.Context, collection, args, fields string, into any) error {
	query := fmt.Sprintf("{ Get { %s(%s) { %s } } }", collection, args, fields)
	return c.run(ctx, query, []string{"Get", collection}, into)
}

// run runs a GraphQL query and decodes what stands at path in its data.
func (c *Client) run(ctx context.Context, query string, path []string, into any) error {
	response, err := c.weaviate.GraphQL().Raw().WithQuery(query).Do(ctx)
	if err != nil {
		return c.unreachable(err)
	}
	if len(response.Errors) > 0 {
		e := &QueryError{}
		for _, m := range response.Errors {
			if m != nil {
				e.Messages = append(e.Messages, m.Message)
			}
		}
		return e
	}
	var value any = map[string]any{}
	for i, step := range path {
		if i == 0 {
			value = response.Data[step]
			continue
		}
		inner, _ := value.(map[string]any)
		value = inner[step]
	}
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("node at %s answered with something else than %s: %w", c.url, strings.Join(path, "."), err)
	}
	return nil
}
