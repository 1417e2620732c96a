package adopt

import "github.com/weaviate/weaviate/entities/models"

// Cost is what the new vector takes once it is filled, and how long that takes.
type Cost struct {
	// Objects is how many there are. Passages is about how many are made of them,
	// 0 where none are or nothing was measured.
	Objects  int `json:"objects"`
	Passages int `json:"passages,omitempty"`
	// MemoryPerObject and DiskPerObject are bytes of one replica; Memory and Disk
	// those of all objects in all replicas.
	MemoryPerObject int   `json:"memoryPerObject"`
	DiskPerObject   int   `json:"diskPerObject"`
	Memory          int64 `json:"memory"`
	Disk            int64 `json:"disk"`
	// Measured is how many texts of the collection the node embedded to find out
	// how many it embeds a second; 0: that is not known. Seconds is what all take
	// at that speed, or at the rate asked for where that is lower.
	Measured  int     `json:"measured,omitempty"`
	PerSecond float64 `json:"perSecond,omitempty"`
	Seconds   float64 `json:"seconds,omitempty"`
}

const (
	// bytesPerEdge is Weaviate's own rule for the memory of a graph: eight to
	// ten bytes an edge, of which an object has maxConnections (32) on average.
	bytesPerEdge   = 10
	maxConnections = 32
	// graphOnDisk is the commit log of an object's edges.
	graphOnDisk = maxConnections * 8
)

// costOf counts what a vector of a dimension costs. A flat index keeps its
// vectors on disk.
func costOf(objects, replicas, dimension int, indexType, quantization string) Cost {
	vector := 4 * dimension
	code := 0
	switch quantization {
	case quantRQ8:
		code = dimension + 16
	case quantRQ1:
		code = dimension/8 + 8
	}
	c := Cost{Objects: objects, DiskPerObject: vector + code}
	if indexType != indexFlat {
		c.DiskPerObject += graphOnDisk
		c.MemoryPerObject = maxConnections * bytesPerEdge
		if code > 0 {
			c.MemoryPerObject += code
		} else {
			c.MemoryPerObject += vector
		}
	}
	c.sum(objects, replicas)
	return c
}

// sum sets what so many vectors cost.
func (c *Cost) sum(vectors, replicas int) {
	stored := int64(vectors) * int64(replicas)
	c.Memory = int64(c.MemoryPerObject) * stored
	c.Disk = int64(c.DiskPerObject) * stored
}

// replicasOf is how many a collection keeps of an object.
func replicasOf(class *models.Class) int {
	if r := class.ReplicationConfig; r != nil && r.Factor > 1 {
		return int(r.Factor)
	}
	return 1
}
