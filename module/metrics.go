package module

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/latentask/latentask/graphql"
	"github.com/latentask/latentask/internal/series"
	"github.com/latentask/latentask/reasoner"
)

// metrics are the node's weaviate_latentask_ series. Labels take a fixed set of
// values, so their number does not grow with collections or tenants.
type metrics struct {
	questions *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	stages    *prometheus.HistogramVec
	hops      prometheus.Histogram
	searches  *prometheus.CounterVec
	state     *prometheus.GaugeVec
	texts     prometheus.Counter
	checks    *prometheus.CounterVec
}

func newMetrics() *metrics {
	const namespace, subsystem = "weaviate", "latentask"
	seconds := prometheus.ExponentialBuckets(0.005, 2, 14)
	return &metrics{
		questions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "questions_total",
			Help: "latentAsk questions by mode and outcome",
		}, []string{"mode", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "question_duration_seconds",
			Help: "Time of an answered question, waiting included", Buckets: seconds,
		}, []string{"mode"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "stage_duration_seconds",
			Help: "Time of an answered question by stage", Buckets: seconds,
		}, []string{"stage"}),
		hops: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "searches",
			Help: "Searches an answered question made", Buckets: prometheus.LinearBuckets(1, 1, 8),
		}),
		searches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "hops_total",
			Help: "Hops that searched, of questions answered or not, by kind of search",
		}, []string{"search"}),
		state: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "bundle_state",
			Help: "1 for the state that the bundle is in",
		}, []string{"state"}),
		texts: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "embedded_texts_total",
			Help: "Texts that text2vec-latent made vectors of",
		}),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "collection_checks_total",
			Help: "Comparisons of a collection's stored vectors with the bundle's retriever",
		}, []string{"outcome"}),
	}
}

// register adds the series to a registry. A second service in one process keeps
// the first one's.
func (m *metrics) register(r prometheus.Registerer) error {
	return series.Register(r, m.questions, m.duration, m.stages, m.hops, m.searches, m.state, m.texts, m.checks)
}

func (m *metrics) setState(current State) {
	for _, s := range []State{StateAbsent, StateLoading, StateReady, StateFailed} {
		value := 0.0
		if s == current {
			value = 1
		}
		m.state.WithLabelValues(string(s)).Set(value)
	}
}

func (m *metrics) embedded(texts int) { m.texts.Add(float64(texts)) }

// asked counts one question. mode must be one of the engine's, which a
// validated request's is.
func (m *metrics) asked(mode reasoner.Mode, result *reasoner.Result, err error) {
	if mode == "" {
		mode = reasoner.ModeLatent
	}
	m.questions.WithLabelValues(string(mode), outcome(result, err)).Inc()
	if err != nil || result == nil {
		return
	}
	m.duration.WithLabelValues(string(mode)).Observe(result.Timings.Total.Seconds())
	for stage, d := range map[string]time.Duration{
		"model": result.Timings.Model, "search": result.Timings.Search, "queue": result.Timings.Queue,
	} {
		m.stages.WithLabelValues(stage).Observe(d.Seconds())
	}
	searches := 0
	for i := range result.Hops {
		if result.Hops[i].Action == reasoner.ActionQuery {
			searches++
		}
	}
	m.hops.Observe(float64(searches))
}

// searched counts the searches of one question.
func (m *metrics) searched(hops []graphql.HopSearch) {
	for _, h := range hops {
		m.searches.WithLabelValues(h.Kind).Inc()
	}
}

func (m *metrics) checked(ok bool) {
	if ok {
		m.checks.WithLabelValues("passed").Inc()
	} else {
		m.checks.WithLabelValues("refused").Inc()
	}
}
