package adopt

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"unicode/utf8"

	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

const (
	// estimateTenants is how many tenants a sample is taken from at most.
	estimateTenants = 4
	// speedBytes is how much of a text the node is sent to measure its speed on.
	// The retriever reads 256 tokens, which are fewer bytes, and whole texts may be
	// more than the node takes in one request.
	speedBytes = 8 << 10
)

// Estimate has the node embed a sample of the plan's texts, and adds to the
// plan's cost how long all take at that speed, and how many passages there will
// be. Where the node can't tell its speed, now or ever, the cost stays without.
func (r *Runner) Estimate(ctx context.Context, p *Plan) error {
	objects, texts, passages, err := r.sampleTexts(ctx, p)
	if err != nil {
		return permitted(err, "read objects of "+p.Collection, "read_data on "+p.Collection)
	}
	if objects == 0 {
		return nil
	}
	of := p.Cost.Objects
	if p.Way == Passages {
		p.Cost.Passages = int(math.Round(float64(of) * float64(passages) / float64(objects)))
		p.Cost.sum(p.Cost.Passages, replicasOf(p.class))
		of = p.Cost.Passages
	} else {
		of = int(math.Round(float64(of) * float64(len(texts)) / float64(objects)))
	}
	speed := &client.Speed{}
	if len(texts) > 0 {
		// Passages may be more than a node measures at once.
		rand.Shuffle(len(texts), func(i, k int) { texts[i], texts[k] = texts[k], texts[i] })
		sample := texts[:min(client.SpeedSample, len(texts))]
		for i, text := range sample {
			sample[i] = beginning(text, speedBytes)
		}
		speed, err = r.Client.Speed(ctx, client.SpeedRequest{Collection: p.Collection, Vector: p.Vector, Texts: sample})
		switch client.Status(err) {
		case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusServiceUnavailable:
			return nil // a node without this, or one whose bundle is not ready
		case http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
			return nil // one, or a proxy before it, that takes less
		}
		if err != nil {
			return permitted(err, "have the node embed a sample of "+p.Collection, "read_data on "+p.Collection)
		}
	}
	p.Cost.Measured, p.Cost.PerSecond = speed.Texts, speed.PerSecond
	perSecond := speed.PerSecond
	if p.Rate > 0 {
		perSecond = min(perSecond, float64(p.Rate))
	}
	if perSecond > 0 {
		p.Cost.Seconds = float64(of) / perSecond
	}
	if p.Way == InPlace {
		p.Cost.Seconds += speed.JobSeconds
	}
	return nil
}

// beginning is as much of a text as fits into a number of bytes, in whole
// characters.
func beginning(text string, size int) string {
	if len(text) <= size {
		return text
	}
	for size > 0 && !utf8.RuneStart(text[size]) {
		size--
	}
	return text[:size]
}

// sampleTexts reads some of the plan's objects, and gives the texts that will be
// embedded of them: how many objects there were, those texts, and how many
// passages they are.
func (r *Runner) sampleTexts(ctx context.Context, p *Plan) (objects int, texts []string, passages int, err error) {
	tenants := []string{""}
	if p.Tenants != nil {
		tenants = nil
		for _, i := range rand.Perm(len(p.Tenants)) {
			if active(p.Tenants[i]) && len(tenants) < estimateTenants {
				tenants = append(tenants, p.Tenants[i].Name)
			}
		}
	}
	for _, tenant := range tenants {
		sample, err := r.scattered(ctx, p.Collection, tenant, (client.SpeedSample+len(tenants)-1)/len(tenants))
		if asleep(err) {
			continue
		}
		if err != nil {
			return 0, nil, 0, err
		}
		for _, o := range sample {
			objects++
			if p.Way == Passages {
				list := passagesOf(p, o, tenant)
				passages += len(list)
				for _, passage := range list {
					texts = append(texts, passageText(passage))
				}
				continue
			}
			if text, empty := p.settings().text(o); !empty {
				texts = append(texts, text)
			}
		}
	}
	return objects, texts, passages, nil
}

// settings are those of the plan's vector.
func (p *Plan) settings() settings {
	_, config := vectorizerOf(p.Config)
	return settings{class: p.class, className: classNameOf(config), only: p.Properties}
}

// passageText is what the vector of a passage is made of.
func passageText(passage *models.Object) string {
	values, _ := passage.Properties.(map[string]any)
	return fmt.Sprint(values[textProperty], " ", values[titleProperty])
}
