package adoption

// States of a job.
const (
	// StateRunning: at least one node still fills.
	StateRunning = "running"
	// StateFinished: every object of the shards that the job was for had the
	// vector, or no text, when it was last looked at.
	StateFinished = "finished"
	// StateFailed: a node could not go on; Error says why. Started again, the job
	// fills what lacks.
	StateFailed = "failed"
	// StateStopped: somebody stopped it.
	StateStopped = "stopped"
)

// States of a shard, beside StateRunning, StateFinished and StateFailed.
const (
	// ShardPending: its turn has not come.
	ShardPending = "pending"
	// ShardOffloaded: its tenant lies in cloud storage, where it is left.
	ShardOffloaded = "offloaded"
	// ShardGone: its tenant was deleted meanwhile, or it was moved to another node.
	ShardGone = "gone"
)

// Job is what a client sees of an adoption.
type Job struct {
	Collection string `json:"collection"`
	Vector     string `json:"vector"`
	State      string `json:"state"`
	Error      string `json:"error,omitempty"`
	// Starter is the user with whose rights it works, empty for an anonymous one.
	Starter string `json:"starter"`
	// Rate is the most objects a second and node, 0 for as many as the node's
	// other work allows.
	Rate int `json:"rate"`
	// Tenants are those that it is restricted to; empty is all.
	Tenants       []string `json:"tenants"`
	StartedUnixMs int64    `json:"startedUnixMs"`
	UpdatedUnixMs int64    `json:"updatedUnixMs"`
	// Node is the one that is asked. What is counted is known of it alone: of the
	// others there are the states of their shards, and how far each is in Nodes.
	Node  string `json:"node"`
	Nodes []Node `json:"nodes"`
	// Total sums up the node's shards, of which Offloaded were left.
	Total     Counts `json:"total"`
	Offloaded int    `json:"offloaded"`
	// Shards are those of all nodes, but for LeftOut that are more than were asked
	// for, or of tenants that the reader may not see. Those come first that are not
	// finished.
	Shards  []Shard `json:"shards"`
	LeftOut int     `json:"leftOut"`
	// Objects is how many the node has to look at, Done how many it has looked at.
	// Uncounted are shards of it whose objects are not counted before their turn:
	// Objects has as many for each of them as the others have on average.
	Objects   int `json:"objects"`
	Done      int `json:"done"`
	Uncounted int `json:"uncounted"`
	// Waiting: the node waits for writers to end, which read the schema, or an
	// object, before it could have the vector.
	Waiting     bool    `json:"waiting"`
	PerSecond   float64 `json:"perSecond"`
	SecondsLeft float64 `json:"secondsLeft"`
}

// Shard is how far one shard is. Objects are those that were there when it was
// last counted.
type Shard struct {
	Name   string `json:"name"`
	Tenant string `json:"tenant"`
	Node   string `json:"node"`
	State  string `json:"state"`
	Counts
}

// Counts are of objects.
type Counts struct {
	Objects int `json:"objects"`
	// Filled were given a vector by the job.
	Filled int `json:"filled"`
	// Present had one, made by their writer or by an earlier job.
	Present int `json:"present"`
	// WithoutText have no text of their own. They are given a vector where an
	// import would give them one: of the collection's name, where its configuration
	// has that in the text.
	WithoutText int `json:"withoutText"`
	// Cut are those of Filled whose text is longer than the retriever reads.
	Cut int `json:"cut"`
	// Skipped changed between reading and storing, or were deleted. Those that
	// still lack a vector come again in the next pass.
	Skipped int `json:"skipped"`
}

// Node is how far one node is.
type Node struct {
	Name  string `json:"name"`
	State string `json:"state"`
	// Progress is 0 to 1.
	Progress float64 `json:"progress"`
}

// Request asks for a job.
type Request struct {
	Collection string `json:"collection"`
	Vector     string `json:"vector"`
	Rate       int    `json:"rate"`
	// Tenants restricts it to some; empty is all.
	Tenants []string `json:"tenants"`
}
