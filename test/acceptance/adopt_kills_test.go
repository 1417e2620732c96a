package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latentask/latentask/internal/client"
)

// number is an environment variable's, or another where that is not set.
func number(t testing.TB, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	value, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, name)
	return value
}

// traffic is what users do to a collection while it is adopted: they write,
// delete and make anew, each some objects of his own, and every fifth object is
// nobody's.
type traffic struct {
	t       testing.TB
	url     string
	name    string
	objects int
	stop    chan struct{}
	writers sync.WaitGroup

	mu       sync.Mutex
	expected map[string]string // texts by id
	touched  map[string]bool
}

// do repeats a request until the node has done it, as a client must that does
// not know what became of one that the node was killed in.
func (w *traffic) do(method, path string, body any, accept ...int) {
	var status int
	var answer []byte
	for until := time.Now().Add(startTimeout); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		// A node that starts has to know its collections before it may be believed
		// that an object is not there.
		if ready, _ := rest(w.url, "", "GET", "/.well-known/ready", nil); ready != 200 {
			continue
		}
		status, answer = rest(w.url, "", method, path, body)
		if slices.Contains(accept, status) && !strings.Contains(string(answer), `"FAILED"`) {
			return
		}
	}
	w.t.Errorf("%s %s was not done: %d %s", method, path, status, answer)
}

// writer works until stop is closed.
func (w *traffic) writer(number, writers int, rng *rand.Rand) {
	for edition := 2; ; edition++ {
		select {
		case <-w.stop:
			return
		default:
		}
		i := writers*rng.IntN(w.objects/writers) + number
		if i%5 == 0 {
			continue
		}
		id := idAt(i)
		w.mu.Lock()
		text, there := w.expected[id]
		w.touched[id] = true
		w.mu.Unlock()
		anew := fmt.Sprintf("Page %d of edition %d by writer %d.", i, edition, number)
		object := written(w.name, "", id, anew, map[string][]float32{"": own(i)})
		switch {
		case !there:
			text = anew
			w.do("POST", "/batch/objects", map[string]any{"objects": []any{object}}, 200)
		case rng.IntN(4) == 0:
			text = ""
			w.do("DELETE", "/objects/"+w.name+"/"+id, nil, 204, 404)
		case rng.IntN(2) == 0:
			text = anew
			w.do("PUT", "/objects/"+w.name+"/"+id, object, 200)
		default: // of another property alone
			w.do("PATCH", "/objects/"+w.name+"/"+id, map[string]any{
				"class": w.name, "id": id, "properties": map[string]any{"n": edition},
			}, 204)
		}
		w.mu.Lock()
		if text == "" {
			delete(w.expected, id)
		} else {
			w.expected[id] = text
		}
		w.mu.Unlock()
		time.Sleep(10 * time.Millisecond)
	}
}

// adopting is a run of the tool that is killed and begun again.
type adopting struct {
	t    testing.TB
	n    *node
	args []string

	cmd *exec.Cmd
	out *bytes.Buffer
	// ended is closed when the run has ended, with err.
	ended chan struct{}
	err   error
}

func (a *adopting) start() {
	a.t.Helper()
	cmd, out, ended := command(context.Background(), a.t, a.n, "", a.args...), &bytes.Buffer{}, make(chan struct{})
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(a.t, cmd.Start())
	a.cmd, a.out, a.ended = cmd, out, ended
	go func() {
		a.err = cmd.Wait()
		close(ended)
	}()
}

// kill ends the run by SIGKILL.
func (a *adopting) kill() {
	_ = a.cmd.Process.Kill()
	<-a.ended
}

// again begins a new run where the last one gave up. It may do so for one reason:
// that it was begun while the node was away.
func (a *adopting) again() {
	a.t.Helper()
	select {
	case <-a.ended:
		require.Contains(a.t, a.out.String(), client.ErrUnreachable.Error())
		a.start()
	default:
	}
}

// Users write, delete and make anew while a collection is adopted, and node and
// tool are killed at random moments. Once the users are quiet, what they wrote is
// there, what they deleted is not, each object's new vector is that of its text,
// and what nobody touched has the update time that it had.
//
// LATENTASK_KILLS is how many kills there are (4), LATENTASK_SEED what makes the
// moments.
func TestAdoptSurvivesKills(t *testing.T) {
	kills := int(number(t, "LATENTASK_KILLS", 4))
	seed := number(t, "LATENTASK_SEED", uint64(time.Now().UnixNano()))
	t.Logf("LATENTASK_KILLS=%d LATENTASK_SEED=%d", kills, seed)
	// A fifth of the objects is nobody's, and at this rate more than are filled
	// between two kills: every kill is in mid adoption.
	const rate, perKill, writers = 15, 160, 3
	objects := max(2, kills) * perKill

	s := setup{dir: t.TempDir()}
	n, err := launch(t, s)
	require.NoError(t, err)
	s.ports = n.Ports() // so that tool and users find it again
	defer func() {
		if t.Failed() {
			t.Logf("the node's log ends with:\n%s", logTail(n.LogFile()))
		}
		_ = n.Stop()
	}()
	name := uniqueName(t)
	create(t, n, adoptee(name, nil))
	w := &traffic{t: t, url: n.url, name: name, objects: objects, stop: make(chan struct{}), expected: map[string]string{}, touched: map[string]bool{}}
	var initial []map[string]any
	for i := range objects {
		text := fmt.Sprintf("Page %d of the first edition, %s.", i, code(i))
		w.expected[idAt(i)] = text
		initial = append(initial, written(name, "", idAt(i), text, map[string][]float32{"": own(i)}))
	}
	store(t, n, initial)
	untouched := all(t, n, name, "")

	for k := range writers {
		w.writers.Go(func() { w.writer(k, writers, rand.New(rand.NewPCG(seed, uint64(k)))) })
	}
	quiet := sync.OnceFunc(func() {
		close(w.stop)
		w.writers.Wait()
	})
	defer quiet() // where the test fails before

	a := &adopting{t: t, n: n, args: append([]string{"adopt", "--collection", name, "--rate", fmt.Sprint(rate)}, one...)}
	a.start()
	defer func() { a.kill() }() // one that has ended stays as it is
	running := func() bool {
		status, body := rest(n.url, "", "GET", "/modules/qna-latent/adoptions/"+name+"/latent", nil)
		return status == 200 && strings.Contains(string(body), `"state":"running"`)
	}
	rng := rand.New(rand.NewPCG(seed, writers))
	var killed []string
	for k := range kills {
		if k == 0 {
			require.Eventually(t, running, time.Minute, 50*time.Millisecond, "the tool said: %s", a.out)
		}
		time.Sleep(time.Duration(100+rng.IntN(1500)) * time.Millisecond)
		require.True(t, running(), "the job ended before kill %d; the tool said: %s", k+1, a.out)
		what := []string{"node", "tool", "node and tool"}[rng.IntN(3)]
		killed = append(killed, what)
		ofTool, ofNode := what != "node", what != "tool"
		early := rng.IntN(2) == 0 // the tool is begun at a node that is away
		if ofTool {
			a.kill()
		}
		if ofNode {
			n.Kill()
		}
		if ofTool && early {
			a.start()
		}
		if ofNode {
			n, err = launch(t, s)
			require.NoError(t, err)
			require.Equal(t, w.url, n.url, "another process took the node's port")
		}
		if ofTool && !early {
			a.start()
		}
		a.again()
	}
	t.Logf("killed: %s", strings.Join(killed, ", "))
	time.Sleep(300 * time.Millisecond)
	quiet()
	a.again()
	select {
	case <-a.ended:
		require.NoError(t, a.err, "the tool said: %s", a.out)
	case <-time.After(toolTime + time.Duration(objects/rate)*time.Second):
		t.Fatalf("the adoption did not end; the tool said: %s", a.out)
	}
	require.Contains(t, a.out.String(), "all is as it should be")

	after := all(t, n, name, "")
	got := map[string]string{}
	for id, o := range after {
		got[id] = o.text()
		if !w.touched[id] {
			require.Equal(t, untouched[id].LastUpdateTimeUnix, o.LastUpdateTimeUnix, "update time of %s", id)
			require.Equal(t, untouched[id].Vector, o.Vector, "own vector of %s", id)
		}
	}
	require.Equal(t, w.expected, got)
	requireVectors(t, n, name, "", after)
}
