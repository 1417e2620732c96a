package acceptance

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
)

// A job keeps the rate that it was started at: the tool that names another says
// which one runs, the one that names none watches it, and tells when somebody
// stops it.
func TestAdoptAtAnotherRate(t *testing.T) {
	n := shared(t)
	name := uniqueName(t)
	create(t, n, adoptee(name, nil))
	paged(t, n, name, "", pages(400), "")
	atRate := func(rate ...string) []string { return append([]string{"--collection", name}, rate...) }
	watch := func(args []string) *adopting {
		t.Helper()
		a := &adopting{t: t, n: n, args: append([]string{"adopt"}, args...)}
		a.start()
		t.Cleanup(a.kill) // one that has ended stays as it is
		require.Eventually(t, func() bool {
			return strings.Contains(a.out.String(), `the node fills "latent" of `+name)
		}, time.Minute, 50*time.Millisecond, "the tool said: %s", a.out)
		return a
	}

	a := watch(atRate("--rate", "5"))
	require.NoError(t, a.cmd.Process.Signal(os.Interrupt))
	a.ends(time.Minute)
	require.Error(t, a.err, "the tool said: %s", a.out)
	require.Contains(t, a.out.String(), "the job goes on in the node; the same command watches it again")

	badly(t, n, "", atRate("--rate", "50"), "status 409", "a job fills this vector already, at 5 objects a second")
	j := job(t, n, name)
	require.Equal(t, client.AdoptionRunning, j.State)
	require.Equal(t, 5, j.Rate)

	a = watch(atRate())
	status, body := rest(n.url, "", "DELETE", "/modules/qna-latent/adoptions/"+name+"/latent", nil)
	require.Equal(t, 204, status, "%s", body)
	a.ends(time.Minute)
	require.Error(t, a.err, "the tool said: %s", a.out)
	require.Contains(t, a.out.String(), "the job was stopped after")
	j = job(t, n, name)
	require.Equal(t, client.AdoptionStopped, j.State)
	require.Equal(t, 5, j.Rate)
	require.Less(t, j.Total.Filled, 400)
}
