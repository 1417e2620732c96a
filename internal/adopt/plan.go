package adopt

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/weaviate/weaviate/entities/models"
	"github.com/weaviate/weaviate/entities/modelsext"

	"github.com/latentask/latentask/internal/client"
)

// Facts are what a plan is made from.
type Facts struct {
	Class *models.Class
	// Tenants are a multi-tenant collection's.
	Tenants []models.Tenant
	// Objects is how many there are in tenants that are active.
	Objects int
	// Retriever is the node's; Operator its state of latentAsk, empty on a plain
	// Weaviate.
	Retriever client.Retriever
	Operator  string
	// Adopts: the node can fill a vector in place.
	Adopts bool
	// Target is the collection that is to be made, where there is one of its
	// name; nil else.
	Target *models.Class
}

// Plan is what will be done.
type Plan struct {
	Way        Way    `json:"way"`
	Collection string `json:"collection"`
	// Target is the collection that can be asked afterwards.
	Target     string   `json:"target"`
	Vector     string   `json:"vector,omitempty"`
	Properties []string `json:"properties"`
	// Because says why these properties.
	Because string `json:"because"`
	// Config is the new vector's in the schema.
	Config models.VectorConfig `json:"config"`
	// Continues: the schema is as it should be already.
	Continues bool `json:"continues"`
	// Tenants are those that are worked on, in order; nil for a collection
	// without tenants.
	Tenants []models.Tenant `json:"tenants,omitempty"`
	// Inactive is how many of them are activated for it and put back; Offloaded
	// how many tenants of the collection are left out, since their data is not on
	// the node.
	Inactive  int `json:"inactive,omitempty"`
	Offloaded int `json:"offloaded,omitempty"`
	// Queries says what becomes of queries that name no vector.
	Queries string `json:"queries"`
	// Notes are what there is to know beside.
	Notes []string `json:"notes,omitempty"`
	Cost  Cost     `json:"cost"`
	// Rate is the most objects a second, 0 for none.
	Rate int `json:"rate,omitempty"`

	class *models.Class
	// restricted: the tenants are some of the collection's.
	restricted bool
}

var (
	vectorName     = regexp.MustCompile(`^[_A-Za-z][_0-9A-Za-z]{0,229}$`)
	collectionName = regexp.MustCompile(`^[A-Za-z][_0-9A-Za-z]{0,254}$`)
)

// Make decides what to do; its error is a *Refusal.
func Make(o Options, f Facts) (*Plan, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := able(f); err != nil {
		return nil, err
	}
	p := &Plan{
		Way: o.Way(), Collection: f.Class.Class, Target: o.target(f.Class.Class), Vector: o.VectorName(),
		Rate: o.Rate, class: f.Class,
	}
	var err error
	if p.Properties, p.Because, err = properties(f.Class, o.Properties); err != nil {
		return nil, err
	}
	if err := p.chooseTenants(o, f); err != nil {
		return nil, err
	}
	quantization := o.Quantization
	if quantization == "" {
		quantization = defaultQuantization(f.Class)
	}
	p.Config = vectorConfig(f.Class, p.Properties, f.Retriever, quantization)
	p.Cost = costOf(f.Objects, replicasOf(f.Class), f.Retriever.Dimension, p.Config.VectorIndexType, quantization)

	switch p.Way {
	case InPlace:
		err = p.inPlace(o, f)
	case Copied:
		err = p.copied(o, f)
	case Passages:
		err = p.passages(f)
	}
	if err != nil {
		return nil, err
	}
	// Where a collection is made Weaviate applies its own default, which those
	// that it was applied to before show.
	if quantization == "" && !p.Continues && isQuantised(f.Class, p.Way == InPlace) {
		p.note("the new index is not quantised, though one of the collection's own is: --quantization rq-8 or rq-1 makes it so")
	}
	if n := replicasOf(f.Class); n > 1 {
		p.note("every object has %d replicas, each of which holds the new vector: memory and disk are those of all", n)
	}
	if p.Inactive > 0 {
		p.note("%d tenants are not active: each is activated, worked on and put back; their objects are not in the count", p.Inactive)
	}
	if p.Offloaded > 0 {
		p.note("%d tenants are offloaded and stay so, without what is made here: set them active and run this again for them", p.Offloaded)
	}
	return p, nil
}

func (p *Plan) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

// check refuses options that can't be meant.
func (o *Options) check() error {
	if o.Into != "" && o.Chunk {
		return refuse(ErrOptions, "make the copy first, then its passages", "--into and --chunk")
	}
	if o.Into != "" && !collectionName.MatchString(o.Into) {
		return refuse(ErrName, "a collection's name has letters, digits and underscores", "%q", o.Into)
	}
	if !vectorName.MatchString(o.VectorName()) {
		return refuse(ErrName, "a vector's name has letters, digits and underscores", "%q", o.VectorName())
	}
	if o.Rate < 0 {
		return refuse(ErrOptions, "0 stands for no limit", "--rate %d", o.Rate)
	}
	switch o.Quantization {
	case "", quantNone, quantRQ8, quantRQ1:
		return nil
	}
	return refuse(ErrOptions, "it is none, rq-8 or rq-1", "--quantization %s", o.Quantization)
}

// able refuses nodes that can't make the vectors.
func able(f Facts) error {
	switch {
	case f.Retriever.Enabled:
		return nil
	case f.Operator == "":
		return refuse(ErrNotEnabled, "build one with `latentask build`; it opens the data folder of a Weaviate 1.39.0 as it is", "it is a Weaviate without latentask")
	default:
		return refuse(ErrNotEnabled, "add "+client.Vectorizer+" to ENABLE_MODULES and restart it", "%s is not among its modules", client.Vectorizer)
	}
}

func (p *Plan) chooseTenants(o Options, f Facts) error {
	multi := f.Class.MultiTenancyConfig != nil && f.Class.MultiTenancyConfig.Enabled
	if !multi {
		if len(o.Tenants) > 0 {
			return refuse(ErrTenant, "leave --tenants out", "collection %s has no tenants", f.Class.Class)
		}
		return nil
	}
	p.Tenants = []models.Tenant{}
	known := map[string]bool{}
	for _, t := range f.Tenants {
		known[t.Name] = true
		named := slices.Contains(o.Tenants, t.Name)
		switch {
		case len(o.Tenants) > 0 && !named:
			continue
		case offloaded(t) && named:
			return refuse(ErrOffloaded, "set it active first", "tenant %q of collection %s is %s", t.Name, f.Class.Class, t.ActivityStatus)
		case offloaded(t):
			p.Offloaded++
			continue
		case !active(t):
			p.Inactive++
		}
		p.Tenants = append(p.Tenants, t)
	}
	for _, name := range o.Tenants {
		if !known[name] {
			return refuse(ErrTenant, "", "collection %s has no tenant %q", f.Class.Class, name)
		}
	}
	p.restricted = len(o.Tenants) > 0
	slices.SortFunc(p.Tenants, func(a, b models.Tenant) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func active(t models.Tenant) bool {
	switch t.ActivityStatus {
	case "", models.TenantActivityStatusACTIVE, models.TenantActivityStatusHOT:
		return true
	}
	return false
}

// offloaded tells whether a tenant's data is in cloud storage, or on its way
// there or back. Fetching it, and sending it back, is for its owner to decide.
func offloaded(t models.Tenant) bool {
	return !active(t) && t.ActivityStatus != models.TenantActivityStatusINACTIVE && t.ActivityStatus != models.TenantActivityStatusCOLD
}

// inPlace decides on a vector of the collection itself.
func (p *Plan) inPlace(o Options, f Facts) error {
	class := f.Class
	old := named(class)
	if class.Vectorizer == client.Vectorizer {
		return refuse(ErrNothingToDo, "ask it", "the vectors of collection %s are of %s", class.Class, client.Vectorizer)
	}
	for _, name := range old {
		if module, _ := vectorizerOf(class.VectorConfig[name]); module == client.Vectorizer && name != p.Vector {
			return refuse(ErrNothingToDo, "ask it, or fill what lacks with --vector "+name,
				"collection %s has a vector of %s already, %q", class.Class, client.Vectorizer, name)
		}
	}
	if modelsext.ClassHasLegacyVectorIndex(class) && p.Vector == modelsext.DefaultNamedVectorName {
		return refuse(ErrName, "choose another", "a vector beside an unnamed one can't be called %q", p.Vector)
	}
	if err := p.vacant(o, class); err != nil {
		return err
	}
	if !f.Adopts {
		return refuse(ErrCannotAdopt, "build a newer node, or copy the collection with --into", "it knows no adoptions")
	}
	others := slices.DeleteFunc(old, func(name string) bool { return name == p.Vector })
	switch {
	case modelsext.ClassHasLegacyVectorIndex(class):
		p.Queries = "queries that name no vector go on searching the unnamed one"
	case len(others) > 1:
		p.Queries = "queries have to name one of the collection's vectors, as they had to before"
	case len(others) == 1:
		p.Queries = fmt.Sprintf("queries that name no vector go on searching %q: this node keeps it as the default; a plain Weaviate would refuse them", others[0])
	default:
		p.Queries = "the collection had no vector to search"
	}
	if len(others) > 0 || modelsext.ClassHasLegacyVectorIndex(class) {
		p.note("the vectors that are there stay as they are, and so do the times of update")
	}
	p.note("from now on the node makes both vectors of an object that is written, which needs its bundle to be ready")
	p.note("a plain Weaviate leaves a collection with a vector of %s out of its schema: take the vector back (--undo) before the data folder goes to one", client.Vectorizer)
	return nil
}

// vacant tells whether the vector's name is free or the vector is there as it
// would be made.
func (p *Plan) vacant(o Options, class *models.Class) error {
	there, ok := class.VectorConfig[p.Vector]
	if !ok {
		return nil
	}
	if modelsext.IsVectorIndexDropped(there) {
		return refuse(ErrDropping, "wait until the node has cleaned up behind it, or choose another --vector", "%q of collection %s", p.Vector, class.Class)
	}
	module, settings := vectorizerOf(there)
	if module != client.Vectorizer {
		return refuse(ErrTaken, "choose another --vector", "vector %q of collection %s is of %s", p.Vector, class.Class, module)
	}
	stored := textsOf(settings["properties"])
	if len(stored) == 0 {
		stored = unskipped(class, client.Vectorizer)
	}
	if len(o.Properties) > 0 && !slices.Equal(stored, p.Properties) {
		return refuse(ErrTaken, "leave --properties out, choose another --vector, or take the vector back with --undo",
			"vector %q of collection %s is made of %s", p.Vector, class.Class, strings.Join(stored, ", "))
	}
	p.Properties, p.Because = stored, "those of the vector that is there"
	p.Config, p.Continues = there, true
	return nil
}

// textsOf are the sorted texts of a decoded JSON list.
func textsOf(list any) []string {
	values, _ := list.([]any)
	var out []string
	for _, v := range values {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}

// copied decides on a copy.
func (p *Plan) copied(o Options, f Facts) error {
	class := f.Class
	if strings.EqualFold(p.Target, class.Class) {
		return refuse(ErrTaken, "choose another --into", "%s is the collection itself", p.Target)
	}
	for _, name := range named(class) {
		if name == p.Vector {
			return refuse(ErrTaken, "choose another --vector", "collection %s has a vector %q", class.Class, p.Vector)
		}
	}
	if err := p.claim(f); err != nil {
		return err
	}
	p.Queries = "collection " + class.Class + " stays as it is"
	p.note("ids, properties, references, tenants and vectors are kept, the times of creation and update are not; references of the collection to itself point into the copy")
	p.note("what changes in %s while it is copied is copied again at the end; what is written to %s before that is overwritten", class.Class, p.Target)
	return nil
}

// passages decides on a collection of passages.
func (p *Plan) passages(f Facts) error {
	if f.Class.Vectorizer == "" && len(f.Class.VectorConfig) == 0 && len(p.Properties) == 0 {
		return refuse(ErrNoText, "", "collection %s", f.Class.Class)
	}
	if err := p.claim(f); err != nil {
		return err
	}
	p.Vector = ""
	p.Queries = "collection " + f.Class.Class + " stays as it is"
	p.note("a passage is at most %d words of one value; it refers to its object by %q and names the property and the characters that it stands at", passageWords, "of")
	return nil
}

// claim tells whether the target can be made or was made by us.
func (p *Plan) claim(f Facts) error {
	if f.Target == nil {
		return nil
	}
	if !made(f.Target, f.Class.Class, p.Way) {
		return refuse(ErrTaken, "choose another name, or delete that collection", "collection %s is there, and is no %s of %s made by this tool", p.Target, p.Way, f.Class.Class)
	}
	p.Continues = true
	return nil
}
