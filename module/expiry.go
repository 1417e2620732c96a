package module

import (
	"time"

	"github.com/weaviate/weaviate/adapters/repos/db/ttl"
	"github.com/weaviate/weaviate/entities/filters"
	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/search"
)

// expiry hides objects whose time to live has passed and that Weaviate has not
// deleted yet, in collections that are set to hide them. Weaviate leaves them
// out of a query's results, which is too late for what a question has read.
type expiry struct {
	// on is false for collections without it.
	on bool
	// deleteOn is the time's property, or one of Weaviate's internal ones.
	deleteOn string
	// after is what is added to the time.
	after time.Duration
	// asked is when the question was: for all of its hops the same.
	asked time.Time
}

func newExpiry(class *models.Class, asked time.Time) expiry {
	c := class.ObjectTTLConfig
	if !ttl.IsTtlEnabled(c) || !c.FilterExpiredObjects {
		return expiry{}
	}
	return expiry{on: true, deleteOn: c.DeleteOn, after: time.Duration(c.DefaultTTL) * time.Second, asked: asked}
}

// property names the property to read for it, "" for none.
func (e expiry) property() string {
	switch e.deleteOn {
	case filters.InternalPropCreationTimeUnix, filters.InternalPropLastUpdateTimeUnix:
		return ""
	default:
		return e.deleteOn
	}
}

// hides tells whether an object has expired. One without a time, or with one
// that can't be read, has not: whether to refuse it is Weaviate's to say.
func (e expiry) hides(r search.Result) bool {
	if !e.on {
		return false
	}
	var base time.Time
	switch e.deleteOn {
	case filters.InternalPropCreationTimeUnix:
		base = time.UnixMilli(r.Created)
	case filters.InternalPropLastUpdateTimeUnix:
		base = time.UnixMilli(r.Updated)
	default:
		values, _ := r.Schema.(map[string]any)
		text, ok := values[e.deleteOn].(string)
		if !ok {
			return false
		}
		var err error
		if base, err = time.Parse(time.RFC3339, text); err != nil {
			return false
		}
	}
	return !base.Add(e.after).After(e.asked)
}
