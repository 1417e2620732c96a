package module

import (
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/sirupsen/logrus"
	entcfg "github.com/weaviate/weaviate/entities/config"
)

// nativeReserve is the memory left to what Go's heap doesn't show: the bundle's
// weights, ONNX Runtime's arenas and the keys and values of questions that run.
const nativeReserve = 2 << 30

// limitGoMemory sets Go's memory limit where nobody has, so that the heap, on
// which alone Weaviate's memory watch looks, leaves room for the bundle.
// GOMEMLIMIT and LIMIT_RESOURCES go before.
func limitGoMemory(logger logrus.FieldLogger) {
	if os.Getenv("GOMEMLIMIT") != "" || entcfg.Enabled(os.Getenv("LIMIT_RESOURCES")) {
		return
	}
	total, err := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)()
	if err != nil {
		logger.WithError(err).Debug("latentask: the machine's memory is not known, Go's memory limit stays as it is")
		return
	}
	limit := goMemoryLimit(total)
	debug.SetMemoryLimit(limit)
	logger.WithField("bytes", limit).Info("latentask: set Go's memory limit to leave room for the bundle; GOMEMLIMIT overrides it")
}

// goMemoryLimit is what is left of a machine's memory after nine tenths and the
// reserve, and at least half of it.
func goMemoryLimit(total uint64) int64 {
	limit := int64(total/10*9) - nativeReserve
	return max(limit, int64(total/2))
}
