package adopt

// Cost is what the new vector takes once it is filled.
type Cost struct {
	Objects int `json:"objects"`
	// MemoryPerObject and DiskPerObject are bytes; Memory and Disk those of all.
	MemoryPerObject int   `json:"memoryPerObject"`
	DiskPerObject   int   `json:"diskPerObject"`
	Memory          int64 `json:"memory"`
	Disk            int64 `json:"disk"`
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
func costOf(objects, dimension int, indexType, quantization string) Cost {
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
	c.Memory = int64(c.MemoryPerObject) * int64(objects)
	c.Disk = int64(c.DiskPerObject) * int64(objects)
	return c
}
