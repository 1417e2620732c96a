package survey

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/latentask/latentask/internal/adopt"
	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/fit"
)

const (
	// measured is how many texts the speed of embedding is measured on, at most
	// and where measureTime is enough for them.
	measured    = 100
	measureTime = 10 * time.Second
	// measuredBatch is how many of them are embedded at once. More of one length
	// are in a batch where there are more.
	measuredBatch = 50
)

// manyLonger is the share of texts too long for the retriever from which on
// passages are proposed.
const manyLonger = 0.02

// copySuffix ends the name that is proposed for a copy.
const copySuffix = "Latent"

// advise decides what to do, and what that costs.
func (t *taking) advise(ctx context.Context) error {
	r := t.report
	a := &r.Advice
	for _, v := range r.Vectors {
		if v.Servable {
			t.askIt(v)
			return nil
		}
	}
	for _, v := range r.Vectors {
		if v.Vectorizer == client.Vectorizer {
			a.Action, a.Why = Cannot, v.Why
			a.Notes = append(a.Notes, "a node whose LATENTASK_BUNDLE holds that model can ask it; a copy without that vector can be adopted")
			return nil
		}
	}
	plan, err := t.plan("")
	a.Action = Adopt
	if err != nil && !errors.Is(err, adopt.ErrNoText) {
		if copied, copyErr := t.plan(t.class.Class + copySuffix); copyErr == nil {
			a.Action = Beside
			a.Notes = append(a.Notes, "in place it can't be: "+err.Error())
			plan, err = copied, nil
		}
	}
	switch {
	case err != nil:
		a.Action, a.Why = Cannot, err.Error()
		return nil
	case r.Sample.Objects > 0 && r.Sample.WithoutText == r.Sample.Objects:
		a.Action, a.Why = Cannot, fmt.Sprintf("none of %d sampled objects has text", r.Sample.Objects)
		return nil
	}
	a.Why = t.why()
	a.Vector, a.Queries, a.Properties = plan.Vector, plan.Queries, plan.Properties
	a.Notes = append(a.Notes, plan.Notes...)
	a.Steps = t.steps(plan)
	if t.oneNamed() && a.Action == Adopt {
		a.Notes = append(a.Notes, fmt.Sprintf("a copy in a collection of its own leaves this one as it is: `%s`",
			t.command("adopt")+" --into "+t.class.Class+copySuffix))
	}
	if n := r.Sample.WithoutText; n > 0 {
		a.Notes = append(a.Notes, fmt.Sprintf("%d of %d sampled objects have no text: they get no vector, and latentAsk does not find them", n, r.Sample.Objects))
	}
	if longer := r.Text.Retriever.Longer; longer >= manyLonger {
		a.Notes = append(a.Notes, fmt.Sprintf("%s of the texts are longer than the retriever reads; `%s` makes passages of them in a collection beside this one",
			percent(longer), t.command("adopt")+" --chunk"))
	}
	return t.cost(ctx, plan)
}

// askIt is the advice to ask a vector.
func (t *taking) askIt(v Vector) {
	a := &t.report.Advice
	a.Action, a.Vector, a.Why = Ask, v.Name, v.Why
	a.Steps = append(t.nodeSteps(v.Vectorizer == client.Vectorizer), t.askCommand(v.Name))
	with := 0
	for _, o := range t.objects {
		if len(o.vectors[v.Name]) > 0 || fit.Joined(o.values, client.TextProperties(t.class), "") == "" {
			with++
		}
	}
	if lacking := len(t.objects) - with; lacking > 0 {
		note := fmt.Sprintf("%d of %d sampled objects have text and no such vector: latentAsk does not find them", lacking, len(t.objects))
		if v.Vectorizer == client.Vectorizer && v.Name != "" {
			note += fmt.Sprintf("; `%s --vector %s` fills it", t.command("adopt"), v.Name)
		}
		a.Notes = append(a.Notes, note)
	}
}

// why says why the collection can't be asked as it is.
func (t *taking) why() string {
	r := t.report
	switch {
	case len(r.Vectors) == 0:
		return "the collection has no vector"
	case r.Sample.Objects == 0 && t.multiTenant() && len(r.Sample.Tenants) == 0:
		return "no tenant is active, so nothing shows what its vectors are"
	case r.Sample.Objects == 0:
		return "it is empty, so nothing shows what its vectors are"
	}
	reasons := make([]string, len(r.Vectors))
	for i, v := range r.Vectors {
		reasons[i] = v.short()
		if len(r.Vectors) > 1 {
			reasons[i] = fmt.Sprintf("%s: %s", display(v.Name), reasons[i])
		}
	}
	return strings.Join(reasons, "; ")
}

func (t *taking) oneNamed() bool {
	all := vectorsOf(t.class)
	return len(all) == 1 && all[0].Name != ""
}

// nodeSteps are what has to become of the node first.
func (t *taking) nodeSteps(vectorizer bool) []string {
	var steps []string
	n := t.report.Node
	if want := weaviate(); want != "" && n.Version != want {
		steps = append(steps, fmt.Sprintf("upgrade the data folder to Weaviate %s, which latentask is for; this is %s", want, n.Version))
	}
	switch modules := "text2vec-latent in ENABLE_MODULES beside the modules that it has"; {
	case n.State == "" && vectorizer:
		steps = append(steps, "stop the node, and start latentask's on the same data folder with "+modules+" (`latentask build` makes it)")
	case n.State == "":
		steps = append(steps, "stop the node, and start latentask's on the same data folder (`latentask build` makes it)")
	case vectorizer && !n.Vectorizer:
		steps = append(steps, "restart the node with "+modules)
	}
	return steps
}

// weaviate is the version that this build is for, empty where it is unknown.
func weaviate() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, d := range info.Deps {
		if d.Path == "github.com/weaviate/weaviate" {
			return strings.TrimPrefix(d.Version, "v")
		}
	}
	return ""
}

func (t *taking) steps(plan *adopt.Plan) []string {
	adopting := t.command("adopt")
	if plan.Way == adopt.Copied {
		adopting += " --into " + plan.Target
	}
	return append(t.nodeSteps(true), adopting+" --dry-run", adopting,
		strings.Replace(t.askCommand(""), "--collection "+t.class.Class, "--collection "+plan.Target, 1))
}

// command is a command of the tool on this collection.
func (t *taking) command(name string) string {
	return fmt.Sprintf("latentask %s --url %s --collection %s", name, t.report.Node.URL, t.class.Class)
}

func (t *taking) askCommand(vector string) string {
	command := t.command("ask")
	if t.multiTenant() {
		tenant := "TENANT"
		if t.options.Tenant != "" {
			tenant = t.options.Tenant
		}
		command += " --tenant " + tenant
	}
	if vector != "" && len(vectorsOf(t.class)) > 1 {
		command += " --target-vector " + vector
	}
	return command + ` "…"`
}

// cost measures how fast the sample is embedded, and tells what all takes.
func (t *taking) cost(ctx context.Context, plan *adopt.Plan) error {
	c := &Cost{
		Index: plan.Config.VectorIndexType, Quantization: none,
		MemoryPerObject: plan.Cost.MemoryPerObject, DiskPerObject: plan.Cost.DiskPerObject,
		Memory: plan.Cost.Memory, Disk: plan.Cost.Disk,
	}
	if config, ok := plan.Config.VectorIndexConfig.(map[string]any); ok {
		c.Quantization = planned(config)
	}
	text := t.embedded(plan.Properties)
	var texts []string
	for _, o := range t.objects {
		if len(texts) < measured && fit.Joined(o.values, plan.Properties, "") != "" {
			texts = append(texts, text(o.values))
		}
	}
	if err := t.speed(ctx, c, texts); err != nil {
		return err
	}
	t.report.Advice.Cost = c
	return nil
}

// speed measures how fast texts are embedded, on as many as there is time for.
func (t *taking) speed(ctx context.Context, c *Cost, texts []string) error {
	var took time.Duration
	for len(texts) > 0 && took < measureTime {
		batch := texts[:min(measuredBatch, len(texts))]
		texts = texts[len(batch):]
		began := time.Now()
		if _, err := t.model.Embed(ctx, batch); err != nil {
			return fmt.Errorf("measure the speed of embedding: %w", err)
		}
		took += time.Since(began)
		c.Measured += len(batch)
	}
	if took <= 0 {
		return nil
	}
	c.PerSecond = float64(c.Measured) / took.Seconds()
	if n := t.report.Collection.Objects; n != nil {
		c.Seconds = float64(*n) / c.PerSecond
	}
	return nil
}

// planned is the quantisation of an index that does not exist yet, whose
// numbers are Go's and not JSON's.
func planned(config map[string]any) string {
	for _, part := range []map[string]any{config, member(config, "hnsw")} {
		rq := member(part, "rq")
		if on, _ := rq["enabled"].(bool); on {
			return fmt.Sprintf("rq-%v", rq["bits"])
		}
	}
	return none
}

// display is a vector's name for people.
func display(vector string) string {
	if vector == "" {
		return "the unnamed vector"
	}
	return fmt.Sprintf("vector %q", vector)
}
