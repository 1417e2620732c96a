package adopt

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/progress"
)

// Properties of a collection of passages.
const (
	titleProperty    = "title"    // the object's title, where it has one
	textProperty     = "text"     // the passage
	propertyProperty = "property" // the property that it stands in
	indexProperty    = "index"    // which value of a text[] property
	placeProperty    = "place"    // which passage of the value
	partsProperty    = "parts"    // how many passages the object has
	startProperty    = "start"    // its first character in the value
	endProperty      = "end"      // the one after its last
	objectProperty   = "object"   // the object's id
	ofProperty       = "of"       // a reference to the object
)

// Passages makes the collection of passages be what the collection's texts are.
func (r *Runner) Passages(ctx context.Context, p *Plan) (*Outcome, error) {
	there, err := r.exists(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	if there == nil {
		r.say("making the collection %s", p.Target)
		if err := r.Client.CreateClass(ctx, passagesClass(p)); err != nil {
			return nil, permitted(err, "make the collection "+p.Target, "create_collections on "+p.Target)
		}
	}
	r.say("waiting for the node's bundle")
	if _, err := r.Client.WaitBundle(ctx); err != nil {
		return nil, err
	}
	out, err := r.settle(ctx, p, "objects", r.passagePass)
	if err != nil {
		return out, err
	}
	return out, r.eachTenant(ctx, p, func(ctx context.Context, tenant string) error {
		n, err := r.sweep(ctx, p, tenant)
		out.Deleted += n
		return err
	})
}

// passagesClass is the schema of a collection of passages.
func passagesClass(p *Plan) *models.Class {
	skip := map[string]any{client.Vectorizer: map[string]any{"skip": true}}
	property := func(name, kind, description string) *models.Property {
		property := &models.Property{Name: name, DataType: []string{kind}, Description: description}
		if name != titleProperty && name != textProperty {
			property.ModuleConfig = skip
		}
		if kind == "text" && property.ModuleConfig != nil {
			property.Tokenization = "field"
		}
		return property
	}
	settings := map[string]any{"vectorizeClassName": false}
	if _, s := vectorizerOf(p.Config); s["model"] != nil {
		settings["model"] = s["model"]
	}
	return &models.Class{
		Class:       p.Target,
		Description: Mark{Of: p.Collection, Way: Passages}.On("Passages of the objects of " + p.Collection + "."),
		Vectorizer:  client.Vectorizer,
		ModuleConfig: map[string]any{
			client.Vectorizer: settings,
		},
		VectorIndexType:    p.Config.VectorIndexType,
		VectorIndexConfig:  p.Config.VectorIndexConfig,
		MultiTenancyConfig: p.class.MultiTenancyConfig,
		ReplicationConfig:  p.class.ReplicationConfig,
		Properties: []*models.Property{
			property(titleProperty, "text", "title of the object"),
			property(textProperty, "text", "the passage"),
			property(propertyProperty, "text", "property of the object that it stands in"),
			property(indexProperty, "int", "which value of the property, from 0"),
			property(placeProperty, "int", "which passage of the value, from 0"),
			property(partsProperty, "int", "how many passages the object has"),
			property(startProperty, "int", "its first character in the value, from 0"),
			property(endProperty, "int", "the character after its last"),
			property(objectProperty, "uuid", "id of the object"),
			property(ofProperty, p.Collection, "the object"),
		},
	}
}

// passagesPage is how many objects are looked at at once, passagesLimit the most
// passages that Weaviate gives in one answer by default.
const (
	passagesPage  = 32
	passagesLimit = 10000
)

// passagePass brings the passages of every object up to date.
func (r *Runner) passagePass(ctx context.Context, p *Plan, tenant string, out *Outcome, step *progress.Step) error {
	w := r.newWriter(ctx, p)
	err := func() error {
		for after := ""; ; {
			objects, err := r.pageOf(w.ctx, p.Collection, tenant, after, passagesPage)
			if err != nil {
				return err
			}
			if err := r.update(w, p, tenant, objects, out); err != nil {
				return err
			}
			out.Objects += len(objects)
			step.Add(len(objects))
			if len(objects) < passagesPage {
				return nil
			}
			after = string(objects[len(objects)-1].ID)
		}
	}()
	return w.end(p, out, err)
}

// shown are the properties that tell whether a passage is as it should be.
var shown = []string{titleProperty, textProperty, startProperty, endProperty, partsProperty, objectProperty}

// update stores the passages of some objects that lack or differ. Those that an
// object has no more are deleted before its new ones are written: what is broken
// off between leaves passages lacking, which the next run sees.
func (r *Runner) update(w *writer, p *Plan, tenant string, objects []*models.Object, out *Outcome) error {
	have, err := r.existing(w.ctx, p, tenant, objects)
	if err != nil {
		return err
	}
	var lacking []*models.Object
	for _, o := range objects {
		for _, passage := range passagesOf(p, o, tenant) {
			id := string(passage.ID)
			if !sameShown(passage, have[id]) {
				lacking = append(lacking, passage)
			}
			delete(have, id)
		}
	}
	for id := range have {
		if err := r.remove(w.ctx, p.Target, tenant, id); err != nil {
			return err
		}
		out.Deleted++
	}
	for _, passage := range lacking {
		if err := w.put(passage); err != nil {
			return err
		}
	}
	return nil
}

// existing are the stored passages of some objects by their ids.
func (r *Runner) existing(ctx context.Context, p *Plan, tenant string, objects []*models.Object) (map[string]map[string]any, error) {
	ids := make([]string, len(objects))
	for i, o := range objects {
		ids[i] = string(o.ID)
	}
	var found map[string]map[string]any
	err := r.patiently(ctx, func() (err error) {
		found, err = r.Client.Select(ctx, p.Target, tenant, objectProperty, ids, shown, passagesLimit)
		return err
	})
	if err != nil || len(found) < passagesLimit {
		return found, err
	}
	if len(objects) == 1 {
		return nil, fmt.Errorf("object %s has %d passages or more, which is too many", ids[0], passagesLimit)
	}
	half := len(objects) / 2
	first, err := r.existing(ctx, p, tenant, objects[:half])
	if err != nil {
		return nil, err
	}
	second, err := r.existing(ctx, p, tenant, objects[half:])
	if err != nil {
		return nil, err
	}
	maps.Copy(first, second)
	return first, nil
}

// sameShown tells whether a stored passage is the one that it should be.
func sameShown(want *models.Object, have map[string]any) bool {
	values, _ := want.Properties.(map[string]any)
	for _, name := range shown {
		if have[name] == nil || values[name] != have[name] {
			return false
		}
	}
	return true
}

// sweep deletes the passages of objects that are gone, and returns how many.
func (r *Runner) sweep(ctx context.Context, p *Plan, tenant string) (deleted int, err error) {
	for after := ""; ; {
		var passages map[string]string
		var there map[string]map[string]any
		var next string
		err := r.patiently(ctx, func() (err error) {
			passages, next, err = r.Client.Texts(ctx, p.Target, tenant, objectProperty, after, sweepPage)
			if err != nil {
				return err
			}
			of := map[string]bool{}
			for _, object := range passages {
				of[object] = true
			}
			there, err = r.Client.Select(ctx, p.Collection, tenant, "id", slices.Sorted(maps.Keys(of)), nil, sweepPage)
			return err
		})
		if err != nil {
			return deleted, err
		}
		for id, object := range passages {
			if _, ok := there[object]; ok {
				continue
			}
			if err := r.remove(ctx, p.Target, tenant, id); err != nil {
				return deleted, permitted(err, "delete objects of "+p.Target, "delete_data on "+p.Target)
			}
			deleted++
		}
		if len(passages) < sweepPage {
			return deleted, nil
		}
		after = next
	}
}

// sweepPage is how many passages are looked at at once.
const sweepPage = 500
