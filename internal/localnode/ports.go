package localnode

import (
	"errors"
	"fmt"
	"net"
	"strconv"
)

// Ports are all that a node listens on. A zero one is chosen at the start.
type Ports struct {
	HTTP, GRPC int
	// Gossip (TCP and UDP), Data, Raft and RaftRPC serve the cluster. A node
	// alone listens on them too.
	Gossip, Data, Raft, RaftRPC int
}

// UsualPorts are those that a node takes by itself.
var UsualPorts = Ports{HTTP: 8080, GRPC: 50051, Gossip: 7946, Data: 7947, Raft: 8300, RaftRPC: 8301}

func (p *Ports) all() []*int {
	return []*int{&p.HTTP, &p.GRPC, &p.Gossip, &p.Data, &p.Raft, &p.RaftRPC}
}

// Choose returns the preferred ports, with every one that is zero or taken
// replaced by a free one. A port may be taken by somebody else before the node
// has it, in which case the node says so and ends.
func Choose(preferred Ports) (Ports, error) {
	p := preferred
	used := map[int]bool{}
	for _, port := range p.all() {
		if *port != 0 && !used[*port] && free(*port) {
			used[*port] = true
			continue
		}
		chosen, err := anyFree(used)
		if err != nil {
			return Ports{}, err
		}
		*port = chosen
		used[chosen] = true
	}
	return p, nil
}

// free tells whether a port can be listened on, by TCP and UDP, on every
// address: a node's gRPC and cluster ports are not bound to one.
func free(port int) bool {
	address := ":" + strconv.Itoa(port)
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	_ = udp.Close()
	return true
}

// anyFree returns a free port of the system's choice that is not in used.
func anyFree(used map[int]bool) (int, error) {
	for range 100 {
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		if !used[port] && free(port) {
			return port, nil
		}
	}
	return 0, errors.New("find a free port: none in 100 tries")
}
