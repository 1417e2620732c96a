package adoption

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/latentask/latentask/internal/series"
)

// Metrics are the job's series. They are of the node and of all its jobs, so
// that their number does not grow with collections.
type Metrics struct {
	objects *prometheus.CounterVec
	running prometheus.Gauge
	ended   *prometheus.CounterVec
}

// NewMetrics makes the series.
func NewMetrics() *Metrics {
	const namespace, subsystem = "weaviate", "latentask_adoption"
	return &Metrics{
		objects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "objects_total",
			Help: "Objects that an adoption filled, and that changed before they could be",
		}, []string{"outcome"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "running",
			Help: "Adoptions that this node works on",
		}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "ended_total",
			Help: "Adoptions that ended on this node",
		}, []string{"outcome"}),
	}
}

// Register adds the series to a registry. A second set in one process keeps the
// first one's.
func (m *Metrics) Register(r prometheus.Registerer) error {
	return series.Register(r, m.objects, m.running, m.ended)
}

func (m *Metrics) dealtWith(c Counts) {
	m.objects.WithLabelValues("filled").Add(float64(c.Filled))
	m.objects.WithLabelValues("skipped").Add(float64(c.Skipped))
}

func (m *Metrics) end(outcome string) { m.ended.WithLabelValues(outcome).Inc() }
