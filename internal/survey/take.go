package survey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/adopt"
	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/fit"
	"github.com/latentask/latentask/internal/machine"
)

// Options say what to look at.
type Options struct {
	Collection string
	// Tenant is the one to look at; empty: some active ones.
	Tenant string
	// Vector is the one to look at, where All is not set.
	Vector string
	All    bool
}

// ErrNoVector: the collection has no such vector.
var ErrNoVector = errors.New("no such vector")

// ErrTenant: the tenant is not there, is not active, or the collection has none.
var ErrTenant = errors.New("no such tenant")

// maxCounted bounds the tenants whose objects are counted, each with a request.
const maxCounted = 1000

// Take finds out about a collection. It fails where the schema or the objects
// can't be read; the rest of what the key may not see is in Report.Unknown.
func Take(ctx context.Context, s Source, m Model, o Options) (*Report, error) {
	facts := m.Facts()
	r := &Report{
		Date: time.Now().UTC().Format(time.RFC3339), Machine: machine.Name(),
		Bundle: facts.Bundle, Retriever: facts.Retriever,
	}
	t := &taking{source: s, model: m, facts: facts, options: o, report: r}
	for _, step := range []func(context.Context) error{
		t.node, t.schema, t.tenants, t.draw, t.count, t.vectors, t.text, t.advise,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// taking is a report under way.
type taking struct {
	source  Source
	model   Model
	facts   Facts
	options Options
	report  *Report

	class   *models.Class
	known   []models.Tenant
	objects []sampled
	adopts  bool
}

func (t *taking) unknown(what string, err error) {
	t.report.Unknown = append(t.report.Unknown, fmt.Sprintf("%s: %v", what, err))
}

// hidden tells whether an error is the node's refusal of a right.
func hidden(err error) bool {
	if status := client.Status(err); status == http.StatusForbidden || status == http.StatusUnauthorized {
		return true
	}
	// GraphQL answers with status 200.
	var query *client.QueryError
	return errors.As(err, &query) && strings.Contains(err.Error(), "forbidden")
}

func (t *taking) node(ctx context.Context) error {
	n := &t.report.Node
	n.URL = t.source.URL()
	var err error
	if n.Version, err = t.source.Version(ctx); err != nil {
		return err
	}
	operator, err := t.source.Operator(ctx)
	if err != nil {
		return err
	}
	retriever, err := t.source.Retriever(ctx)
	if err != nil {
		return err
	}
	n.State, n.Vectorizer = operator.State, retriever.Enabled
	if n.State == "" {
		t.adopts = true // the node that will be built does
		return nil
	}
	if t.adopts, err = t.source.Adopts(ctx); hidden(err) {
		t.adopts = true
		t.unknown("whether the node can adopt a collection", err)
		return nil
	}
	return err
}

func (t *taking) schema(ctx context.Context) (err error) {
	if t.class, err = t.source.Collection(ctx, t.options.Collection); err != nil {
		return err
	}
	t.report.Collection = collectionOf(t.class)
	vectors := vectorsOf(t.class)
	if !t.options.All {
		vectors = slices.DeleteFunc(vectors, func(v Vector) bool { return v.Name != t.options.Vector })
		if len(vectors) == 0 {
			return fmt.Errorf("%w: %q of collection %s", ErrNoVector, t.options.Vector, t.class.Class)
		}
	}
	t.report.Vectors = vectors
	return nil
}

func (t *taking) multiTenant() bool {
	return t.class.MultiTenancyConfig != nil && t.class.MultiTenancyConfig.Enabled
}

func (t *taking) tenants(ctx context.Context) error {
	if !t.multiTenant() {
		if t.options.Tenant != "" {
			return fmt.Errorf("%w: collection %s has none", ErrTenant, t.class.Class)
		}
		return nil
	}
	known, err := t.source.Tenants(ctx, t.class.Class)
	if hidden(err) {
		if t.options.Tenant == "" {
			return fmt.Errorf("the key may not list the tenants of %s; name one with --tenant: %w", t.class.Class, err)
		}
		t.unknown("the collection's tenants", err)
		return nil
	}
	if err != nil {
		return err
	}
	t.known, t.report.Collection.Tenants = known, count(known)
	if t.options.Tenant == "" {
		return nil
	}
	for _, tenant := range known {
		if tenant.Name == t.options.Tenant {
			if !active(tenant) {
				return fmt.Errorf("%w: %s of collection %s is %s, and its objects can't be read", ErrTenant, tenant.Name, t.class.Class, tenant.ActivityStatus)
			}
			return nil
		}
	}
	return fmt.Errorf("%w: collection %s has no tenant %q", ErrTenant, t.class.Class, t.options.Tenant)
}

func (t *taking) draw(ctx context.Context) error {
	tenants := []string{""}
	if t.multiTenant() {
		tenants = choose(t.known, t.options.Tenant)
		t.report.Sample.Tenants = tenants
	}
	var objects []*models.Object
	for i, tenant := range tenants {
		// What one tenant lacks the next ones make up for.
		size := (sampleSize - len(objects)) / (len(tenants) - i)
		drawn, err := draw(ctx, t.source, t.class.Class, tenant, size)
		if err != nil {
			return fmt.Errorf("read objects of %s: %w", t.class.Class, err)
		}
		objects = append(objects, drawn...)
	}
	t.objects = sampledOf(t.class, objects)
	t.report.Sample.Objects = len(objects)
	return nil
}

func (t *taking) count(ctx context.Context) error {
	tenants := []string{""}
	if t.multiTenant() {
		tenants = nil
		for _, tenant := range t.known {
			if active(tenant) {
				tenants = append(tenants, tenant.Name)
			}
		}
		if t.known == nil {
			return nil
		}
		if len(tenants) > maxCounted {
			t.unknown("how many objects there are", fmt.Errorf("%d tenants are active, and at most %d are counted", len(tenants), maxCounted))
			return nil
		}
	}
	sum := 0
	for _, tenant := range tenants {
		n, err := t.source.TenantCount(ctx, t.class.Class, tenant)
		if hidden(err) {
			t.unknown("how many objects there are", err)
			return nil
		}
		if err != nil {
			return fmt.Errorf("count the objects of %s: %w", t.class.Class, err)
		}
		sum += n
	}
	t.report.Collection.Objects = &sum
	return nil
}

// vectors compares each vector of the sample with the retriever's.
func (t *taking) vectors(ctx context.Context) error {
	text := client.TextProperties(t.class)
	for i := range t.report.Vectors {
		v := &t.report.Vectors[i]
		var list [][]float32
		var objects []fit.Object
		for _, o := range t.objects {
			vector := o.vectors[v.Name]
			objects = append(objects, fit.Object{ID: o.id, Values: o.values, Vector: vector})
			if len(vector) > 0 {
				list = append(list, vector)
				v.Dimension = len(vector)
			}
		}
		v.Stored = len(list)
		if space, ok := fit.SpaceOf(list); ok {
			v.Space = &space
		}
		if v.Multi {
			v.judge(t.facts.Retriever, "", "")
			continue
		}
		result, err := fit.Compare(ctx, t.model, t.facts.Dimension, fit.Layouts(t.class.Class, text, configured(t.class, *v)), objects)
		if err != nil {
			return err
		}
		v.Fit = &Fit{Kind: result.Kind, Layout: result.Layout, Median: result.Median, Needed: fit.MinimumCosine}
		for _, c := range result.Cosines {
			v.Fit.Objects = append(v.Fit.Objects, Compared(c))
		}
		v.judge(t.facts.Retriever, settingOfModel(t.class, *v), result.Found())
	}
	return nil
}

// text measures the sample's texts, as what is asked is made of them.
func (t *taking) text(context.Context) error {
	used := client.TextProperties(t.class)
	if plan, err := t.plan(""); err == nil {
		used = plan.Properties
	}
	embedded := t.embedded(used)
	var retriever, reader []int
	for _, o := range t.objects {
		passage := fit.Joined(o.values, used, ". ")
		if passage == "" {
			t.report.Sample.WithoutText++
			continue
		}
		retriever = append(retriever, t.model.RetrieverTokens(embedded(o.values)))
		reader = append(reader, t.model.ReaderTokens(passage))
	}
	t.report.Text.Retriever = fit.LengthsOf(retriever, t.facts.MaxTokens)
	t.report.Text.Reader = fit.LengthsOf(reader, t.facts.PassageTokens)
	for _, name := range client.TextProperties(t.class) {
		var tokens []int
		for _, o := range t.objects {
			if value := fit.Joined(o.values, []string{name}, " "); value != "" {
				tokens = append(tokens, t.model.RetrieverTokens(value))
			}
		}
		t.report.Text.Properties = append(t.report.Text.Properties, Property{
			Name: name, Used: slices.Contains(used, name), Lengths: fit.LengthsOf(tokens, t.facts.MaxTokens),
		})
	}
	return nil
}

// embedded makes the text of an object's values that the vector is made of which
// is asked: that of a vectorizer of the collection's where its vector can be
// asked or is text2vec-latent's, else what adopt would embed, which leaves the
// collection's name out.
func (t *taking) embedded(properties []string) func(values map[string]any) string {
	for _, v := range t.report.Vectors {
		if v.Servable || v.Vectorizer == client.Vectorizer {
			if text := configured(t.class, v); text != nil {
				return text
			}
		}
	}
	return fit.WeaviateText{Properties: properties}.Of
}

// plan is what adopting would do; into names a copy.
func (t *taking) plan(into string) (*adopt.Plan, error) {
	f := adopt.Facts{
		Class: t.class, Tenants: t.known, Operator: "ready", Adopts: t.adopts,
		Retriever: client.Retriever{Enabled: true, Name: t.facts.Retriever, Dimension: t.facts.Dimension},
	}
	if n := t.report.Collection.Objects; n != nil {
		f.Objects = *n
	}
	return adopt.Make(adopt.Options{Collection: t.class.Class, Into: into}, f)
}
