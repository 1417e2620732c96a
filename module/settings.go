package module

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/latentask/latentask/module/adoption"
)

// Environment variables of the node, beside Weaviate's own.
const (
	EnvBundle    = "LATENTASK_BUNDLE"
	EnvDevice    = "LATENTASK_DEVICE"
	EnvThreads   = "LATENTASK_THREADS"
	EnvQueue     = "LATENTASK_QUEUE"
	EnvMaxAsks   = "LATENTASK_MAX_ASKS_PER_REQUEST"
	EnvMaxWrite  = "LATENTASK_MAX_WRITE_SECONDS"
	systemBundle = "/opt/latentask/bundle"
)

// Settings are what an operator can set.
type Settings struct {
	// Bundle is the bundle's folder.
	Bundle string
	// Device is auto, cpu, cuda or cuda:n.
	Device string
	// Threads of one model run, 0 for the runtime's default.
	Threads int
	// Queue bounds the questions that wait for the model, 0 for the engine's
	// default.
	Queue int
	// MaxAsks bounds the latentAsk operators of one HTTP request.
	MaxAsks int
	// MaxWrite is how long a write may take in a collection with a vectorizer: an
	// adoption ends no earlier after its start.
	MaxWrite time.Duration
}

// SettingsFromEnvironment reads the LATENTASK_ variables. An error names the
// variable.
func SettingsFromEnvironment() (Settings, error) {
	s := Settings{
		Bundle:  os.Getenv(EnvBundle),
		Device:  os.Getenv(EnvDevice),
		MaxAsks: 4,
	}
	if s.Bundle == "" {
		s.Bundle = defaultBundle()
	}
	if s.Device == "" {
		s.Device = "auto"
	}
	write := int(adoption.DefaultWrite / time.Second)
	for _, v := range []struct {
		name     string
		min, max int
		into     *int
	}{
		{EnvThreads, 0, 256, &s.Threads},
		{EnvQueue, 0, 10_000, &s.Queue},
		{EnvMaxAsks, 1, 1000, &s.MaxAsks},
		{EnvMaxWrite, 1, 3600, &write},
	} {
		text := os.Getenv(v.name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < v.min || n > v.max {
			return Settings{}, fmt.Errorf("%s is %q, must be a whole number from %d to %d", v.name, text, v.min, v.max)
		}
		*v.into = n
	}
	s.MaxWrite = time.Duration(write) * time.Second
	return s, nil
}

// defaultBundle is the folder "bundle" beside the executable, else the one
// where packages put it.
func defaultBundle() string {
	if exe, err := os.Executable(); err == nil {
		if exe, err = filepath.EvalSymlinks(exe); err == nil {
			beside := filepath.Join(filepath.Dir(exe), "bundle")
			if _, err := os.Stat(beside); err == nil {
				return beside
			}
		}
	}
	return systemBundle
}
