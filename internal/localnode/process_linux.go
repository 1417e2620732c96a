package localnode

import "syscall"

// processAttributes put the node in a group of its own, so that an interrupt
// from the terminal reaches this process alone, which then stops the node; and
// let the node end with this process however that ends.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
