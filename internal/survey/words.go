package survey

import (
	"fmt"
	"strings"
	"time"

	"github.com/latentask/latentask/internal/fit"
)

// words are what the text and the page say alike.

// line is a label with its value.
type line struct{ Label, Value string }

// facts are the configuration, a line each.
func (r *Report) facts() []line {
	c := r.Collection
	objects := "unknown"
	if c.Objects != nil {
		objects = grouped(*c.Objects)
		if c.Tenants != nil {
			objects += " in active tenants"
		}
	}
	list := []line{{"objects", objects}}
	if t := c.Tenants; t != nil {
		list = append(list, line{"tenants", fmt.Sprintf("%d active, %d inactive, %d offloaded", t.Active, t.Inactive, t.Offloaded)})
	}
	replication := "1 replica"
	if c.Replicas > 1 {
		replication = fmt.Sprintf("%d replicas", c.Replicas)
	}
	if c.Shards > 0 {
		replication += ", " + plural(c.Shards, "shard")
	}
	list = append(list, line{"stored as", replication})
	for _, v := range r.Vectors {
		list = append(list, line{display(v.Name), v.configuration()})
	}
	if len(r.Vectors) == 0 {
		list = append(list, line{"vectors", none})
	}
	return list
}

// configuration of a vector in a line.
func (v *Vector) configuration() string {
	parts := []string{v.Vectorizer}
	if v.Vectorizer == none {
		parts[0] = "none (brought with the objects)"
	}
	if v.Model != "" {
		parts[0] += ", model " + v.Model
	} else if v.Vectorizer != none {
		parts[0] += ", model not named"
	}
	if v.Endpoint != "" {
		parts[0] += ", at " + v.Endpoint
	}
	switch {
	case v.Multi:
		parts = append(parts, "several vectors an object")
	case v.Dimension > 0:
		parts = append(parts, fmt.Sprintf("%d dimensions", v.Dimension))
	}
	quantized := "not quantised"
	if v.Quantization != none {
		quantized = "quantised by " + v.Quantization
	}
	return strings.Join(append(parts, v.Distance, v.Index, quantized), "; ")
}

// verdict says what a comparison found.
func (v *Vector) verdict(retriever string) string {
	switch {
	case v.Fit == nil:
		return "not compared: " + v.Why
	case len(v.Fit.Objects) == 0 && v.Servable:
		return v.Why
	case v.Fit.Kind == fit.Empty:
		return v.Why
	case len(v.Fit.Objects) == 0:
		return "no: " + v.Why
	}
	answer := "no"
	switch v.Fit.Kind {
	case fit.Same:
		answer = "yes"
	case fit.Near:
		answer = "nearly"
	}
	return fmt.Sprintf("%s: %d objects embedded again with %s have a median cosine of %.3f with their stored vectors (%.2f is needed; text laid out: %s)",
		answer, len(v.Fit.Objects), retriever, v.Fit.Median, v.Fit.Needed, v.Fit.Layout)
}

// spread says how narrow a space is.
func spread(s *fit.Space) string {
	return fmt.Sprintf("two random objects have a cosine of %.2f on average (standard deviation %.2f; %.2f to %.2f for nine pairs in ten; %s pairs of %d objects)",
		s.Mean, s.Deviation, s.P5, s.P95, grouped(s.Pairs), s.Vectors)
}

// headline is the action in words.
func (a *Advice) headline() string {
	switch a.Action {
	case Ask:
		return "ask at once"
	case Adopt:
		return fmt.Sprintf("adopt in place: a vector %q of text2vec-latent beside what is there", a.Vector)
	case Beside:
		return "adopt beside: a copy of the collection with a vector of text2vec-latent"
	default:
		return "it cannot be asked"
	}
}

// lines are what adopting costs.
func (c *Cost) lines(objects *int, replicas int) []line {
	var list []line
	if c.PerSecond > 0 {
		list = append(list, line{"speed", fmt.Sprintf("%s objects a second here, measured on %s", rate(c.PerSecond), plural(c.Measured, "text"))})
		if objects != nil {
			list = append(list, line{"time", "about " + about(c.Seconds) + " at that speed; the node takes longer where its processor is slower, or busy"})
		}
	}
	index := c.Index + ", not quantised"
	if c.Quantization != none {
		index = c.Index + ", quantised by " + c.Quantization
	}
	memory := fmt.Sprintf("%s bytes an object", grouped(c.MemoryPerObject))
	disk := fmt.Sprintf("%s bytes an object", grouped(c.DiskPerObject))
	if objects != nil {
		all := ""
		if replicas > 1 {
			all = fmt.Sprintf(" with %d replicas", replicas)
		}
		memory += ", " + bytes(c.Memory) + " in all" + all
		disk += ", " + bytes(c.Disk) + " in all" + all
	}
	return append(list, line{"index", index}, line{"memory", memory}, line{"disk", disk})
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return grouped(n) + " " + thing + "s"
}

// grouped writes a number with a comma before every three digits.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}

// bytes is a size in decimal units, as disks are sold.
func bytes(n int64) string {
	size, unit := float64(n), 0
	units := []string{"bytes", "kB", "MB", "GB", "TB", "PB"}
	for size >= 1000 && unit < len(units)-1 {
		size, unit = size/1000, unit+1
	}
	if unit == 0 || size >= 100 {
		return fmt.Sprintf("%.0f %s", size, units[unit])
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}

// about is a time as coarse as an estimate deserves.
func about(seconds float64) string {
	switch d := time.Duration(seconds * float64(time.Second)); {
	case d < time.Second:
		return "a second"
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", seconds)
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f minutes", d.Minutes())
	case d < 72*time.Hour:
		return fmt.Sprintf("%.1f hours", d.Hours())
	default:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
}

// rate is a speed with two digits at least.
func rate(perSecond float64) string {
	if perSecond < 10 {
		return fmt.Sprintf("%.2g", perSecond)
	}
	return fmt.Sprintf("%.0f", perSecond)
}

// percent of a share; one that is less than half a percent is not nothing.
func percent(share float64) string {
	if share > 0 && share < 0.005 {
		return "<1%"
	}
	return fmt.Sprintf("%.0f%%", 100*share)
}
