package module

import "sync/atomic"

// traffic counts what a node is asked at this moment.
type traffic struct{ running atomic.Int64 }

// begin counts one until the returned function is called. A nil traffic counts
// nothing.
func (t *traffic) begin() (end func()) {
	if t == nil {
		return func() {}
	}
	t.running.Add(1)
	return func() { t.running.Add(-1) }
}

// Busy implements adoption.Traffic.
func (t *traffic) Busy() int { return int(t.running.Load()) }
