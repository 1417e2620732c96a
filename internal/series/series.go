// Package series registers Prometheus series.
package series

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Register adds series to a registry, nil for none. Those that are there already
// stay: a second set in one process counts for nobody.
func Register(r prometheus.Registerer, series ...prometheus.Collector) error {
	if r == nil {
		return nil
	}
	for _, c := range series {
		var already prometheus.AlreadyRegisteredError
		if err := r.Register(c); err != nil && !errors.As(err, &already) {
			return err
		}
	}
	return nil
}
