package adopt

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
)

// What is waited for is said, but not of what passes at once.
func TestPatience(t *testing.T) {
	const path = "POST /v1/modules/qna-latent/adoptions"
	start := func(t *testing.T, patience time.Duration, refused int) (said string, err error) {
		n, r := newFake(t)
		n.add(decoded(t, unnamed))
		p := planned(t, r, Options{Collection: "Docs"})
		n.deny[path], n.said[path] = http.StatusServiceUnavailable, "the folder of jobs can't be written"
		n.before = func(req *http.Request) bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			if req.Method+" "+req.URL.Path == path {
				if refused == 0 {
					delete(n.deny, path)
				}
				refused--
			}
			return false
		}
		var progress bytes.Buffer
		r.Progress, r.Patience = &progress, patience
		n.jobSteps = []client.Adoption{{State: client.AdoptionFinished}}
		_, err = r.InPlace(context.Background(), p)
		return progress.String(), err
	}
	said, err := start(t, time.Second, -1)
	require.ErrorContains(t, err, "can't be written")
	require.Regexp(t, `==> the node can't do it now; trying again for \ds at most: status 503: the folder of jobs can't be written\n`, said)
	require.Equal(t, 1, strings.Count(said, "can't be written"), "once for one reason")

	said, err = start(t, 0, 3)
	require.NoError(t, err)
	require.NotContains(t, said, "can't be written")
}
