package adopt

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"

	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"

	"github.com/latentask/latentask/internal/client"
)

// Verification is what was found of a collection that was adopted.
type Verification struct {
	Collection string `json:"collection"`
	Vector     string `json:"vector,omitempty"`
	// Shards are the job's counts; nil for a copy and for passages.
	Shards []client.AdoptionShard `json:"shards,omitempty"`
	// Node is the one that counted; of other nodes' shards there are the states.
	Node string `json:"node,omitempty"`
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
	// have text and no vector. Changed were written or deleted meanwhile, and show
	// nothing.
	Objects       int `json:"objects"`
	WithoutText   int `json:"withoutText"`
	WithoutVector int `json:"withoutVector"`
	Changed       int `json:"changed,omitempty"`
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
	sampled  []*sampledObject // have text and the vector
}

// sampledObject is one of the sample.
type sampledObject struct {
	object *models.Object
	tenant string
	// text is what its vector is made of.
	text string
	// amiss: something was at the last look, and nobody wrote the object about then.
	amiss bool
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
	names := c.names
	c.names = nil
	for _, name := range names {
		n, err := c.Client.TenantCount(ctx, c.class.Class, name)
		if asleep(err) {
			c.out.Inactive++ // since they were listed: a job puts tenants back
			continue
		}
		if err != nil {
			return permitted(err, "count the objects of "+c.class.Class, "read_data on "+c.class.Class)
		}
		total += n
		c.names = append(c.names, name)
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
	c.out.Shards, c.out.Node = job.Shards, job.Node
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

// draw reads some objects from anywhere in the order of ids, of tenants at random
// where there are more than can be looked at, and hands over those of each tenant.
func (c *checker) draw(ctx context.Context, collection string, n int, use func(tenant string, objects []*models.Object) error) error {
	left := n
	for i, at := range rand.Perm(len(c.names)) {
		if left <= 0 {
			return nil
		}
		// What one tenant lacks the next ones make up for.
		tenants := len(c.names) - i
		objects, err := c.scattered(ctx, collection, c.names[at], (left+tenants-1)/tenants)
		if asleep(err) {
			continue // since it was counted
		}
		if err != nil {
			return permitted(err, "read objects of "+collection, "read_data on "+collection)
		}
		left -= len(objects)
		if err := use(c.names[at], objects); err != nil {
			return err
		}
	}
	return nil
}

// looks is how often something is looked at that is not as it should be, since
// users write meanwhile. What changed about each look shows nothing.
const looks = 4

// sample embeds objects again.
func (c *checker) sample(ctx context.Context, n int) error {
	var doubtful []*sampledObject
	err := c.draw(ctx, c.class.Class, n, func(tenant string, objects []*models.Object) error {
		for _, o := range objects {
			doubtful = append(doubtful, &sampledObject{object: o, tenant: tenant})
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.out.Sample.Objects = len(doubtful)
	for look := 1; look <= looks && len(doubtful) > 0; look++ {
		if look > 1 {
			if err := c.pause(ctx); err != nil {
				return err
			}
		}
		var left []*sampledObject
		for _, o := range doubtful {
			again, err := c.examine(ctx, o)
			if err != nil {
				return err
			}
			if again {
				left = append(left, o)
			}
		}
		doubtful = left
	}
	c.out.Sample.Changed += len(doubtful)
	return nil
}

// examine looks at an object, and tells whether it has to be looked at again:
// what is amiss is a problem when it was so twice and nobody wrote the object
// meanwhile.
func (c *checker) examine(ctx context.Context, o *sampledObject) (again bool, err error) {
	found, amiss, err := c.look(ctx, o)
	if err != nil {
		return false, err
	}
	if amiss != "" {
		now, err := c.read(ctx, o)
		if err != nil {
			return false, err
		}
		if now == nil {
			c.out.Sample.Changed++
			return false, nil
		}
		same := sameVersion(o.object, now)
		if !same || !o.amiss {
			o.object, o.amiss = now, same
			return true, nil
		}
		c.problem("%s", amiss)
	}
	c.out.Sample.add(found)
	if found.WithoutText+found.WithoutVector == 0 {
		c.sampled = append(c.sampled, o)
	}
	return false, nil
}

// look compares an object's vector with a fresh one: what that adds to the
// sample, and what is amiss.
func (c *checker) look(ctx context.Context, o *sampledObject) (found Sample, amiss string, err error) {
	id := string(o.object.ID)
	var empty bool
	if o.text, empty = settingsOf(c.class, c.vector).text(o.object); empty {
		return Sample{WithoutText: 1}, "", nil
	}
	if !hasVector(o.object, c.vector) {
		return Sample{WithoutVector: 1}, fmt.Sprintf("object %s has text and no vector", id), nil
	}
	distance, ok, err := c.Client.Near(ctx, c.class.Class, o.tenant, c.vector, o.text, id)
	if err != nil {
		return found, "", fmt.Errorf("embed object %s again: %w", id, err)
	}
	if !ok {
		return found, fmt.Sprintf("object %s is not found by its own text", id), nil
	}
	cosine := 1 - distance
	found = Sample{Compared: 1, Least: cosine, Mean: cosine}
	if cosine < SameCosine {
		found.Different = 1
		amiss = fmt.Sprintf("object %s: the stored vector and a fresh one have the cosine %.3f", id, cosine)
	}
	return found, amiss, nil
}

// add counts what was found of one object.
func (s *Sample) add(one Sample) {
	s.WithoutText += one.WithoutText
	s.WithoutVector += one.WithoutVector
	s.Different += one.Different
	if one.Compared == 0 {
		return
	}
	if s.Compared == 0 || one.Least < s.Least {
		s.Least = one.Least
	}
	s.Mean = (s.Mean*float64(s.Compared) + one.Mean) / float64(s.Compared+1)
	s.Compared++
}

// read is an object of the sample as it is now; nil where it is gone.
func (c *checker) read(ctx context.Context, o *sampledObject) (*models.Object, error) {
	now, err := c.Client.Object(ctx, c.class.Class, o.tenant, string(o.object.ID))
	return now, permitted(err, "read objects of "+c.class.Class, "read_data on "+c.class.Class)
}

// sameVersion tells whether nobody wrote an object between reading it twice. A
// job that fills a vector leaves the time of update.
func sameVersion(a, b *models.Object) bool {
	return a.LastUpdateTimeUnix == b.LastUpdateTimeUnix && sameJSON(a.Properties, b.Properties) && sameJSON(a.Vectors, b.Vectors)
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

// defaults looks whether queries that name no vector search what they searched:
// the unnamed vector where there is one, else the only one beside the new one.
func (c *checker) defaults(ctx context.Context) error {
	if c.way != InPlace || len(c.sampled) == 0 {
		return nil
	}
	old, name := "", "the unnamed vector"
	if !modelsext.ClassHasLegacyVectorIndex(c.class) {
		others := slices.DeleteFunc(named(c.class), func(name string) bool { return name == c.vector })
		switch len(others) {
		case 0:
			return nil // the collection had no vector to search
		case 1:
			old, name = others[0], fmt.Sprintf("the vector %q", others[0])
		default:
			c.out.Default = "queries have to name a vector"
			return nil
		}
	}
	for look := 1; ; look++ {
		holder, err := c.holder(ctx, old)
		if err != nil {
			return err
		}
		if holder == nil {
			c.out.Default = "not known: no object of the sample has " + name
			return nil
		}
		amiss := c.byDefault(ctx, holder, old)
		if amiss == "" {
			c.out.Default = name
			return nil
		}
		if look == looks {
			c.problem("%s", amiss)
			return nil
		}
		if err := c.pause(ctx); err != nil {
			return err
		}
	}
}

// holder is an object of the sample that has a vector; nil where none has.
func (c *checker) holder(ctx context.Context, vector string) (*sampledObject, error) {
	for _, o := range c.sampled {
		if !hasVector(o.object, vector) {
			continue
		}
		now, err := c.read(ctx, o)
		if err != nil {
			return nil, err
		}
		if now != nil && hasVector(now, vector) {
			return o, nil
		}
	}
	return nil, nil
}

// byDefault compares a query that names no vector with one that names the old
// one, and says what is amiss. An unnamed one has no name to compare with: that
// the query is answered is all.
func (c *checker) byDefault(ctx context.Context, near *sampledObject, old string) string {
	id := string(near.object.ID)
	c.out.Default = ""
	nameless, err := c.Client.NearObject(ctx, c.class.Class, near.tenant, "", id, nearLimit)
	if err != nil {
		c.out.Default = "refused"
		return fmt.Sprintf("a query that names no vector is answered by an error: %v", err)
	}
	if old == "" {
		return ""
	}
	byName, err := c.Client.NearObject(ctx, c.class.Class, near.tenant, old, id, nearLimit)
	if err != nil {
		return fmt.Sprintf("a query that names %q is answered by an error: %v", old, err)
	}
	if !slices.Equal(nameless, byName) {
		return fmt.Sprintf("a query that names no vector finds other objects than one that names %q", old)
	}
	return ""
}

// nearLimit is how many objects two queries are compared by.
const nearLimit = 5
