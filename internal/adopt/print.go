package adopt

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/latentask/latentask/internal/client"
)

// Print writes a plan for people.
func (p *Plan) Print(out io.Writer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "  %-8s %s\n", name, fmt.Sprintf(format, args...))
	}
	switch p.Way {
	case InPlace:
		verb := "gets"
		if p.Continues {
			verb = "has"
		}
		fmt.Fprintf(out, "%s %s a vector %q, which the node fills for the objects that are there\n", p.Collection, verb, p.Vector)
	case Copied:
		fmt.Fprintf(out, "%s is copied into %s, which has a vector %q beside those of the original\n", p.Collection, p.Target, p.Vector)
	case Passages:
		fmt.Fprintf(out, "the texts of %s are cut into passages in %s\n", p.Collection, p.Target)
	}
	line("made of", "%s (%s)", strings.Join(p.Properties, ", "), p.Because)
	line("index", "%s", p.indexText())
	line("objects", "%s%s", grouped(p.Cost.Objects), p.tenantsText())
	if p.Cost.Passages > 0 {
		line("passages", "about %s, as many an object as a sample has", grouped(p.Cost.Passages))
	}
	if p.Cost.MemoryPerObject+p.Cost.DiskPerObject > 0 {
		each := "an object"
		if p.Way == Passages {
			each = "a passage"
		}
		line("memory", "about %s (%s bytes %s)", bytesText(p.Cost.Memory), grouped(p.Cost.MemoryPerObject), each)
		line("disk", "about %s (%s bytes %s)", bytesText(p.Cost.Disk), grouped(p.Cost.DiskPerObject), each)
	}
	line("time", "%s", p.timeText())
	if p.Rate > 0 {
		line("rate", "at most %s objects a second", grouped(p.Rate))
	}
	line("queries", "%s", p.Queries)
	for _, note := range p.Notes {
		line("note", "%s", note)
	}
	line("back", "%s", p.Back())
}

// Back is the command that takes everything back.
func (p *Plan) Back() string {
	command := "latentask adopt --undo --collection " + p.Collection
	switch p.Way {
	case Copied:
		return command + " --into " + p.Target
	case Passages:
		return command + " --chunk"
	}
	if p.Vector != DefaultVector {
		command += " --vector " + p.Vector
	}
	return command + " (the node needs " + DropSwitch + "=true for it)"
}

func (p *Plan) indexText() string {
	text := p.Config.VectorIndexType
	config, _ := p.Config.VectorIndexConfig.(map[string]any)
	for _, c := range []map[string]any{config, member(config, "hnsw")} {
		if enabled, _ := member(c, "rq")["enabled"].(bool); enabled {
			return fmt.Sprintf("%s, quantised to %v bits a dimension", text, member(c, "rq")["bits"])
		}
	}
	return text + ", not quantised"
}

// timeText is how long it will take, as far as that was measured.
func (p *Plan) timeText() string {
	switch {
	case p.Cost.Objects == 0:
		return "none for the objects: there are none"
	case p.Cost.Measured == 0:
		return "not known: it was not measured"
	}
	return fmt.Sprintf("about %s: the node embeds %.0f texts a second now, measured there on %d of them; it also stores and indexes, and yields to its traffic",
		time.Duration(p.Cost.Seconds*float64(time.Second)).Round(time.Second), p.Cost.PerSecond, p.Cost.Measured)
}

func (p *Plan) tenantsText() string {
	if p.Tenants == nil {
		return ""
	}
	return fmt.Sprintf(" in %s tenants", grouped(len(p.Tenants)))
}

// bytesText is a number of bytes in the unit that fits it.
func bytesText(n int64) string {
	value := float64(n)
	for _, unit := range []string{"bytes", "KB", "MB", "GB"} {
		if value < 1000 {
			if unit == "bytes" {
				return fmt.Sprintf("%.0f bytes", value)
			}
			return fmt.Sprintf("%.1f %s", value, unit)
		}
		value /= 1000
	}
	return fmt.Sprintf("%.1f TB", value)
}

// PrintJob writes what a job did.
func PrintJob(out io.Writer, job *client.Adoption) {
	sum, where := job.Total, ""
	if elsewhere := job.Elsewhere(); len(elsewhere) > 0 {
		where = fmt.Sprintf(" of node %s", job.Node)
		defer fmt.Fprintf(out, "what %s filled stands in the answer of each (--url)\n", nodesText(elsewhere))
	}
	fmt.Fprintf(out, "%s: %s of %s objects%s filled", job.State, grouped(sum.Filled), grouped(sum.Objects), where)
	for _, part := range []struct {
		n    int
		what string
	}{
		{sum.Present, "had the vector"},
		{sum.WithoutText, "have no text"},
		{sum.Cut, "are longer than the retriever reads"},
		{sum.Skipped, "were written or deleted meanwhile"},
	} {
		if part.n > 0 {
			fmt.Fprintf(out, ", %s %s", grouped(part.n), part.what)
		}
	}
	fmt.Fprintln(out)
	if n := job.Offloaded; n > 0 {
		fmt.Fprintf(out, "%s tenants are offloaded and were left: set them active and run this again for them\n", grouped(n))
	}
}

// nodesText names nodes, and how far each is that has not finished.
func nodesText(nodes []client.AdoptionNode) string {
	var names []string
	for _, n := range nodes {
		if n.State == client.AdoptionRunning {
			names = append(names, fmt.Sprintf("%s (%.0f%%)", n.Name, 100*n.Progress))
			continue
		}
		names = append(names, fmt.Sprintf("%s (%s)", n.Name, n.State))
	}
	return strings.Join(names, ", ")
}

// Print writes what a copy or passages took.
func (o *Outcome) Print(out io.Writer) {
	fmt.Fprintf(out, "%s objects: %s written, %s deleted, in %d passes\n",
		grouped(o.Objects), grouped(o.Written), grouped(o.Deleted), o.Passes)
	if o.Dangling > 0 {
		fmt.Fprintf(out, "%s references are to objects that are not there, and were left out\n", grouped(o.Dangling))
	}
	if o.Unsettled {
		fmt.Fprintln(out, "the collection changed in every pass; run this again when it is written to less")
	}
}

// maxPrinted bounds a list of tenants or shards.
const maxPrinted = 20

// Print writes a verification for people.
func (v *Verification) Print(out io.Writer) {
	name := v.Collection
	if v.Vector != "" {
		name += ", vector " + v.Vector
	}
	fmt.Fprintf(out, "\nverification of %s\n", name)
	for i, t := range v.Tenants {
		if i == maxPrinted {
			fmt.Fprintf(out, "  … and %s tenants more\n", grouped(len(v.Tenants)-i))
			break
		}
		label := "objects"
		if t.Name != "" {
			label = "tenant " + t.Name
		}
		fmt.Fprintf(out, "  %-14s %s", label, grouped(t.Objects))
		if t.Original >= 0 {
			fmt.Fprintf(out, ", of %s", grouped(t.Original))
		}
		fmt.Fprintln(out)
	}
	if v.Inactive > 0 {
		fmt.Fprintf(out, "  %s tenants are not active and were not looked at\n", grouped(v.Inactive))
	}
	for i, s := range v.Shards {
		if i == maxPrinted {
			fmt.Fprintf(out, "  … and %s shards more\n", grouped(len(v.Shards)-i))
			break
		}
		if v.Node != "" && s.Node != v.Node {
			fmt.Fprintf(out, "  %-14s on node %s: %s\n", "shard "+s.Name, s.Node, s.State)
			continue
		}
		fmt.Fprintf(out, "  %-14s %s objects: %s filled, %s present, %s without text, %s cut, %s changed meanwhile\n", "shard "+s.Name,
			grouped(s.Objects), grouped(s.Filled), grouped(s.Present), grouped(s.WithoutText), grouped(s.Cut), grouped(s.Skipped))
	}
	s := v.Sample
	fmt.Fprintf(out, "  %-14s %d objects, %d embedded again: cosine %.4f on average, %.4f at least", "sample", s.Objects, s.Compared, s.Mean, s.Least)
	if s.WithoutText > 0 {
		fmt.Fprintf(out, "; %d without text", s.WithoutText)
	}
	if s.Changed > 0 {
		fmt.Fprintf(out, "; %d written or deleted meanwhile", s.Changed)
	}
	fmt.Fprintln(out)
	if v.Default != "" {
		fmt.Fprintf(out, "  %-14s %s\n", "by default", v.Default)
	}
	for _, a := range v.Asked {
		answer := a.Answer
		if a.Error != "" {
			answer = "error: " + a.Error
		}
		fmt.Fprintf(out, "  %-14s %q: %q, %d objects, %.0f ms", "asked", a.Question, answer, a.Objects, a.Ms)
		if a.Found != nil {
			fmt.Fprintf(out, ", its own object found: %s", map[bool]string{true: "yes", false: "no"}[*a.Found])
		}
		fmt.Fprintln(out)
	}
	for i, p := range v.Problems {
		if i == maxPrinted {
			fmt.Fprintf(out, "  … and %s problems more\n", grouped(len(v.Problems)-i))
			break
		}
		fmt.Fprintf(out, "  PROBLEM        %s\n", p)
	}
	if len(v.Problems) == 0 {
		fmt.Fprintln(out, "  all is as it should be")
	}
}
