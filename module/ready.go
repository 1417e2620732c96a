package module

import (
	"encoding/json"
	"net/http"
)

// readiness serves /ready: 200 when the bundle can answer, else 503, with the
// state as JSON. Weaviate mounts modules' handlers without authentication, so
// it says nothing else; the reason stands in /v1/meta.
func readiness(s *service) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		state := s.current.Load().state
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if state != StateReady {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		// A client that went away is the only failure, and needs no telling.
		_ = json.NewEncoder(w).Encode(map[string]string{"state": string(state)})
	})
	return mux
}
