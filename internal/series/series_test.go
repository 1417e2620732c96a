package series

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestRegister(t *testing.T) {
	named := func(name string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name})
	}
	if err := Register(nil, named("a")); err != nil {
		t.Errorf("without a registry: %v", err)
	}
	r := prometheus.NewRegistry()
	for range 2 {
		if err := Register(r, named("a"), named("b")); err != nil {
			t.Error(err)
		}
	}
	if n, err := testutil.GatherAndCount(r); n != 2 || err != nil {
		t.Errorf("%d series, %v", n, err)
	}
	other := prometheus.NewCounter(prometheus.CounterOpts{Name: "a", Help: "Something else"})
	if err := Register(r, other); err == nil {
		t.Error("another series of the same name was registered")
	}
}
