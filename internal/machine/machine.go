// Package machine names the machine that a measurement was made on.
package machine

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Name is the processor's, with how many cores it has here.
func Name() string {
	name := runtime.GOOS + "/" + runtime.GOARCH
	data, _ := os.ReadFile("/proc/cpuinfo") // absent but on Linux
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			name = strings.TrimSpace(value)
			break
		}
	}
	if n := runtime.NumCPU(); n != 1 {
		return fmt.Sprintf("%s, %d cores", name, n)
	}
	return name + ", 1 core"
}
