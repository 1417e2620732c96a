package adopt

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// Verification is what was found of a collection that was adopted.
type Verification struct {
	Collection string `json:"collection"`
	Vector     string `json:"vector,omitempty"`
	// Shards are the job's counts; nil for a copy and for passages.
	Shards []client.AdoptionShard `json:"shards,omitempty"`
	// Tenants are the objects of each tenant that is active, one without a name
	// for a collection without tenants.
	Tenants []TenantCheck `json:"tenants"`
	// Inactive tenants were not looked at.
	Inactive int     `json:"inactive,omitempty"`
	Sample   Sample  `json:"sample"`
	Asked    []Asked `json:"asked"`
	// Default is what became of queries that name no vector.
	Default string `json:"default,omitempty"`
	// Problems are what is not as it should be; none: all is well.
	Problems []string `json:"problems,omitempty"`
}

// TenantCheck counts a tenant's objects.
type TenantCheck struct {
	Name    string `json:"name,omitempty"`
	Objects int    `json:"objects"`
	// Original is how many the collection has that a copy was made of, -1 where
	// there is none.
	Original int `json:"original"`
}

// Sample is what embedding some objects again gave.
type Sample struct {
	// Objects were looked at; WithoutText have nothing to embed, WithoutVector
	// have text and no vector.
	Objects       int `json:"objects"`
	WithoutText   int `json:"withoutText"`
	WithoutVector int `json:"withoutVector"`
	// Compared is how many were embedded again, Least and Mean the cosines of
	// stored and fresh vectors; Different those below SameCosine.
	Compared  int     `json:"compared"`
	Least     float64 `json:"least"`
	Mean      float64 `json:"mean"`
	Different int     `json:"different"`
}

// SameCosine is what a vector and a fresh one of the same text have at least.
// Batches of other lengths, and an index that is quantised, cost a little.
const SameCosine = 0.995

// Asked is one question of a verification.
type Asked struct {
	Question string  `json:"question"`
	Answer   string  `json:"answer"`
	Objects  int     `json:"objects"`
	Ms       float64 `json:"ms"`
	// Found: the object that the question was made of is among them; nil for a
	// question of the user's.
	Found *bool  `json:"found,omitempty"`
	Error string `json:"error,omitempty"`
}

// VerifyOptions say how much is looked at.
type VerifyOptions struct {
	// Sample is how many objects are embedded again, Questions those to ask;
	// where there are none, some are made of objects' texts.
	Sample    int
	Questions []string
}

// madeQuestions is how many questions are made where none are given.
const madeQuestions = 3

// Verify looks at what adopting a collection made.
func (r *Runner) Verify(ctx context.Context, o Options, v VerifyOptions) (*Verification, error) {
	class, err := r.Client.Collection(ctx, o.Collection)
	if err != nil {
		return nil, permitted(err, "read the schema of "+o.Collection, "read_collections on "+o.Collection)
	}
	original := class.Class
	target := o.target(original)
	if target != original {
		if class, err = r.Client.Collection(ctx, target); err != nil {
			return nil, permitted(err, "read the schema of "+target, "read_collections on "+target)
		}
	}
	c := &checker{Runner: r, class: class, original: original, way: o.Way(), out: &Verification{Collection: target}}
	if o.Way() != Passages {
		c.vector = o.VectorName()
		c.out.Vector = c.vector
		config, ok := class.VectorConfig[c.vector]
		if !ok {
			return nil, refuse(ErrNotOurs, "run latentask adopt first", "collection %s has no vector %q", target, c.vector)
		}
		if module, _ := vectorizerOf(config); module != client.Vectorizer {
			return nil, refuse(ErrNotOurs, "", "vector %q of collection %s is of %s", c.vector, target, module)
		}
	}
	if err := c.tenants(ctx, o.Tenants); err != nil {
		return nil, err
	}
	if err := c.counts(ctx); err != nil {
		return nil, err
	}
	if err := c.sample(ctx, v.Sample); err != nil {
		return nil, err
	}
	if err := c.beside(ctx, o, v.Sample); err != nil {
		return nil, err
	}
	c.ask(ctx, v.Questions)
	if err := c.defaults(ctx); err != nil {
		return nil, err
	}
	return c.out, nil
}

// checker is a verification under way.
type checker struct {
	*Runner
	class    *models.Class
	original string
	way      Way
	vector   string
	names    []string // of tenants that are active; one empty name without tenants
	out      *Verification
	sampled  []sampledObject
}

type sampledObject struct {
	object *models.Object
	tenant string
	text   string
}

func (c *checker) problem(format string, args ...any) {
	c.out.Problems = append(c.out.Problems, fmt.Sprintf(format, args...))
}

func (c *checker) tenants(ctx context.Context, only []string) error {
	if t := c.class.MultiTenancyConfig; t == nil || !t.Enabled {
		c.names = []string{""}
		return nil
	}
	list, err := c.Client.Tenants(ctx, c.class.Class)
	if err != nil {
		return permitted(err, "read the tenants of "+c.class.Class, "read_tenants on "+c.class.Class)
	}
	for _, t := range list {
		if len(only) > 0 && !slices.Contains(only, t.Name) {
			continue
		}
		if !active(t) {
			c.out.Inactive++
			continue
		}
		c.names = append(c.names, t.Name)
	}
	slices.Sort(c.names)
	return nil
}

// counts compares how many objects there are with how many there should be.
func (c *checker) counts(ctx context.Context) error {
	total := 0
	for _, name := range c.names {
		n, err := c.Client.TenantCount(ctx, c.class.Class, name)
		if err != nil {
			return permitted(err, "count the objects of "+c.class.Class, "read_data on "+c.class.Class)
		}
		total += n
		check := TenantCheck{Name: name, Objects: n, Original: -1}
		if c.way == Copied {
			if check.Original, err = c.Client.TenantCount(ctx, c.original, name); err != nil {
				return permitted(err, "count the objects of "+c.original, "read_data on "+c.original)
			}
			if check.Original != n {
				c.problem("%s has %s objects, %s has %s", at(c.class.Class, name), grouped(n), c.original, grouped(check.Original))
			}
		}
		c.out.Tenants = append(c.out.Tenants, check)
	}
	if c.way != InPlace {
		return nil
	}
	job, err := c.Client.Adoption(ctx, c.class.Class, c.vector)
	if err != nil {
		// A job that is long over may be forgotten; the sample tells.
		return nil
	}
	c.out.Shards = job.Shards
	if job.State != client.AdoptionFinished {
		c.problem("the job is %s: %s", job.State, status(job))
	}
	for _, s := range job.Shards {
		if sum := s.Filled + s.Present + s.WithoutText + s.Skipped; job.State == client.AdoptionFinished && sum < s.Objects {
			c.problem("shard %s: %s of %s objects were looked at", s.Name, grouped(sum), grouped(s.Objects))
		}
	}
	return nil
}

func at(collection, tenant string) string {
	if tenant == "" {
		return collection
	}
	return collection + ", tenant " + tenant
}

// sample embeds objects again, from anywhere in the order of ids.
func (c *checker) sample(ctx context.Context, n int) error {
	if n <= 0 || len(c.names) == 0 {
		return nil
	}
	s := &c.out.Sample
	s.Least = 1
	sum := 0.0
	settings := settingsOf(c.class, c.vector)
	each := (n + len(c.names) - 1) / len(c.names)
	for _, tenant := range c.names {
		if s.Objects >= n {
			break
		}
		objects, err := c.scattered(ctx, c.class.Class, tenant, each)
		if err != nil {
			return permitted(err, "read objects of "+c.class.Class, "read_data on "+c.class.Class)
		}
		for _, o := range objects {
			s.Objects++
			text, empty := settings.text(o)
			if empty {
				s.WithoutText++
				continue
			}
			if !hasVector(o, c.vector) {
				s.WithoutVector++
				c.problem("object %s has text and no vector", o.ID)
				continue
			}
			c.sampled = append(c.sampled, sampledObject{o, tenant, text})
			distance, ok, err := c.Client.Near(ctx, c.class.Class, tenant, c.vector, text, string(o.ID))
			if err != nil {
				return fmt.Errorf("embed object %s again: %w", o.ID, err)
			}
			if !ok {
				c.problem("object %s is not found by its own text", o.ID)
				continue
			}
			cosine := 1 - distance
			s.Compared++
			sum += cosine
			s.Least = min(s.Least, cosine)
			if cosine < SameCosine {
				s.Different++
				c.problem("object %s: the stored vector and a fresh one have the cosine %.3f", o.ID, cosine)
			}
		}
	}
	if s.Compared > 0 {
		s.Mean = sum / float64(s.Compared)
	} else {
		s.Least = 0
	}
	return nil
}

// hasVector tells whether an object has a vector of a name, its unnamed one for
// none.
func hasVector(o *models.Object, name string) bool {
	if name == "" {
		return len(o.Vector) > 0
	}
	v := reflect.ValueOf(o.Vectors[name])
	return v.Kind() == reflect.Slice && v.Len() > 0
}

// questionWords is how many words of a text make a question.
const questionWords = 12

// ask asks the questions, or some that are made of objects' texts.
func (c *checker) ask(ctx context.Context, questions []string) {
	show := client.TextProperties(c.class)
	send := func(question, tenant, id string) {
		a := Asked{Question: question}
		reply, err := c.Client.Ask(ctx, client.Question{
			Collection: c.class.Class, Tenant: tenant, Text: question, Show: show, TargetVector: c.vector,
		})
		if err != nil {
			a.Error = err.Error()
			c.problem("a question was answered by an error: %v", err)
		} else {
			a.Answer, a.Objects, a.Ms = reply.Answer.Text, len(reply.Objects), reply.Timings.TotalMs
			if id != "" {
				found := slices.ContainsFunc(reply.Objects, func(o client.Object) bool { return o.ID == id })
				a.Found = &found
			}
		}
		c.out.Asked = append(c.out.Asked, a)
	}
	if len(c.names) == 0 {
		return // no tenant is active
	}
	if len(questions) > 0 {
		for _, q := range questions {
			send(q, c.names[0], "")
		}
		return
	}
	for _, s := range c.sampled[:min(madeQuestions, len(c.sampled))] {
		send(firstWords(s.text, questionWords), s.tenant, string(s.object.ID))
	}
}

func firstWords(text string, n int) string {
	words := strings.Fields(text)
	return strings.Join(words[:min(n, len(words))], " ")
}

// defaults looks whether queries that name no vector search what they searched.
func (c *checker) defaults(ctx context.Context) error {
	if c.way != InPlace || len(c.sampled) == 0 {
		return nil
	}
	others := slices.DeleteFunc(named(c.class), func(name string) bool { return name == c.vector })
	s := c.sampled[0]
	id := string(s.object.ID)
	unnamed, err := c.Client.NearObject(ctx, c.class.Class, s.tenant, "", id, nearLimit)
	switch {
	case len(others) > 1:
		c.out.Default = "queries have to name a vector"
		return nil
	case err != nil:
		c.out.Default = "refused"
		c.problem("a query that names no vector is answered by an error: %v", err)
		return nil
	case len(others) == 0:
		c.out.Default = "the unnamed vector"
		return nil
	}
	byName, err := c.Client.NearObject(ctx, c.class.Class, s.tenant, others[0], id, nearLimit)
	if err != nil {
		return err
	}
	if !slices.Equal(unnamed, byName) {
		c.problem("a query that names no vector finds other objects than one that names %q", others[0])
		return nil
	}
	c.out.Default = fmt.Sprintf("the vector %q", others[0])
	return nil
}

// nearLimit is how many objects two queries are compared by.
const nearLimit = 5
