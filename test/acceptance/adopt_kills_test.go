package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
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
	"github.com/weaviate/weaviate/entities/models"

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
	// tenants are what the objects are spread over, one without a name where there
	// are none. Nobody writes to those that are asleep.
	tenants []string
	asleep  map[string]bool
	stop    chan struct{}
	writers sync.WaitGroup

	mu       sync.Mutex
	expected map[string]string // texts by id
	touched  map[string]bool
}

// tenant is the one that an object belongs to.
func (w *traffic) tenant(i int) string { return w.tenants[i%len(w.tenants)] }

// contents are the objects of all tenants, which must be awake.
func (w *traffic) contents(n *node) map[string]stored {
	w.t.Helper()
	objects := map[string]stored{}
	for _, tenant := range w.tenants {
		maps.Copy(objects, all(w.t, n, w.name, tenant))
	}
	return objects
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
		tenant := w.tenant(i)
		if i%5 == 0 || w.asleep[tenant] {
			continue
		}
		id := idAt(i)
		w.mu.Lock()
		text, there := w.expected[id]
		w.touched[id] = true
		w.mu.Unlock()
		anew := fmt.Sprintf("Page %d of edition %d by writer %d.", i, edition, number)
		object := written(w.name, tenant, id, anew, map[string][]float32{"": own(i)})
		switch {
		case !there:
			text = anew
			w.do("POST", "/batch/objects", map[string]any{"objects": []any{object}}, 200)
		case rng.IntN(4) == 0:
			text = ""
			w.do("DELETE", "/objects/"+w.name+"/"+id+"?tenant="+tenant, nil, 204, 404)
		case rng.IntN(2) == 0:
			text = anew
			w.do("PUT", "/objects/"+w.name+"/"+id, object, 200)
		default: // of another property alone
			w.do("PATCH", "/objects/"+w.name+"/"+id, map[string]any{
				"class": w.name, "id": id, "tenant": tenant, "properties": map[string]any{"n": edition},
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

// output is what a run has said so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// adopting is a run of the tool that is killed and begun again.
type adopting struct {
	t    testing.TB
	n    *node
	key  string // none where empty
	args []string

	cmd *exec.Cmd
	out *output
	// ended is closed when the run has ended, with err.
	ended chan struct{}
	err   error
}

func (a *adopting) start() {
	a.t.Helper()
	cmd, out, ended := command(context.Background(), a.t, a.n, a.key, a.args...), &output{}, make(chan struct{})
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

// ends waits for the run's own end.
func (a *adopting) ends(atMost time.Duration) {
	a.t.Helper()
	select {
	case <-a.ended:
	case <-time.After(atMost):
		require.FailNow(a.t, "the adoption did not end", "the tool said: %s", a.out)
	}
}

// seen is a job as the node tells of it now; nil where it does not.
func seen(n *node, name string) *client.Adoption {
	var j client.Adoption
	status, body := rest(n.url, "", "GET", "/modules/qna-latent/adoptions/"+name+"/latent", nil)
	if status != 200 || json.Unmarshal(body, &j) != nil {
		return nil
	}
	return &j
}

// mortal is a node that a test kills. It is started again in its folder and at
// its ports, so that tool and users find it.
func mortal(t *testing.T) (n *node, again func()) {
	t.Helper()
	s := setup{dir: t.TempDir()}
	n, err := launch(t, s)
	require.NoError(t, err)
	s.ports = n.Ports()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the node's log ends with:\n%s", logTail(n.LogFile()))
		}
		_ = n.Stop()
	})
	return n, func() {
		t.Helper()
		next, err := launch(t, s)
		require.NoError(t, err)
		require.Equal(t, n.url, next.url, "another process took the node's port")
		*n = *next
	}
}

// Node and tool are killed while a collection is adopted, in each kind of
// collection, and when all is filled and the job waits for late writers.
//
// LATENTASK_KILLS is how many kills there are in each of the collections (4 in
// the first, 2 in the others), LATENTASK_SEED what makes the moments.
func TestAdoptSurvivesKills(t *testing.T) {
	seed := number(t, "LATENTASK_SEED", uint64(time.Now().UnixNano()))
	t.Logf("LATENTASK_SEED=%d", seed)
	for i, c := range []besieged{
		{name: "one shard", kills: 4},
		{name: "shards", kills: 2, shards: 3},
		// The first one that the job comes to is asleep.
		{name: "tenants", kills: 2, tenants: []string{"acme", "globex", "hooli", "initech"}, asleep: []string{"acme", "hooli"}},
	} {
		c.kills = int(number(t, "LATENTASK_KILLS", uint64(c.kills)))
		t.Run(c.name, func(t *testing.T) {
			// The job goes at a rate, so that most of the time is waiting.
			t.Parallel()
			c.adopt(t, seed+uint64(i))
		})
	}
	t.Run("late writers", func(t *testing.T) {
		t.Parallel()
		adoptKilledAtItsEnd(t)
	})
}

// besieged is a collection, and how many kills its adoption has to survive.
type besieged struct {
	name            string
	kills, shards   int
	tenants, asleep []string
}

// adopt adopts the collection while users write, delete and make anew, and node
// and tool are killed at random moments. Once the users are quiet, what they
// wrote is there, what they deleted is not, each object's new vector is that of
// its text, what nobody touched has the update time that it had, and tenants that
// were inactive are so again.
func (c besieged) adopt(t *testing.T, seed uint64) {
	// A fifth of the objects is nobody's, and at this rate more than are filled
	// between two kills: every kill is in mid adoption.
	const rate, perKill, writers = 15, 160, 3
	objects := max(2, c.kills) * perKill

	n, again := mortal(t)
	name := uniqueName(t)
	class := adoptee(name, nil)
	w := &traffic{
		t: t, url: n.url, name: name, objects: objects, tenants: []string{""}, asleep: map[string]bool{},
		stop: make(chan struct{}), expected: map[string]string{}, touched: map[string]bool{},
	}
	switch {
	case c.shards > 0:
		class.ShardingConfig = map[string]any{"desiredCount": c.shards}
	case c.tenants != nil:
		class.MultiTenancyConfig = &models.MultiTenancyConfig{Enabled: true}
		w.tenants = c.tenants
	}
	create(t, n, class)
	for _, tenant := range c.tenants {
		require.NoError(t, n.client.CreateTenants(context.Background(), name, models.Tenant{Name: tenant}))
	}
	var initial []map[string]any
	for i := range objects {
		text := fmt.Sprintf("Page %d of the first edition, %s.", i, code(i))
		w.expected[idAt(i)] = text
		initial = append(initial, written(name, w.tenant(i), idAt(i), text, map[string][]float32{"": own(i)}))
	}
	store(t, n, initial)
	untouched := w.contents(n)
	require.Len(t, untouched, objects)
	activate(t, n, name, false, c.asleep...)
	for _, tenant := range c.asleep {
		w.asleep[tenant] = true
	}
	var activity map[string]bool
	if c.tenants != nil {
		activity = activities(t, n, name)
	}

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
		j := seen(n, name)
		return j != nil && j.State == client.AdoptionRunning
	}
	rng := rand.New(rand.NewPCG(seed, writers))
	kinds := []string{"node", "tool", "node and tool"} // each in turn, so that two kills are of a node at least once
	rng.Shuffle(len(kinds), func(i, k int) { kinds[i], kinds[k] = kinds[k], kinds[i] })
	var killed []string
	for k := range c.kills {
		if k == 0 {
			require.Eventually(t, running, time.Minute, 50*time.Millisecond, "the tool said: %s", a.out)
		}
		time.Sleep(time.Duration(100+rng.IntN(1500)) * time.Millisecond)
		require.True(t, running(), "the job ended before kill %d; the tool said: %s", k+1, a.out)
		what := kinds[k%len(kinds)]
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
			again()
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
	a.ends(toolTime + time.Duration(objects/rate)*time.Second)
	require.NoError(t, a.err, "the tool said: %s", a.out)
	require.Contains(t, a.out.String(), "all is as it should be")

	if c.tenants != nil {
		require.Equal(t, activity, activities(t, n, name))
		activate(t, n, name, true, c.asleep...)
	}
	after := w.contents(n)
	got := map[string]string{}
	for id, o := range after {
		got[id] = o.text()
		if !w.touched[id] {
			require.Equal(t, untouched[id].LastUpdateTimeUnix, o.LastUpdateTimeUnix, "update time of %s", id)
			require.Equal(t, untouched[id].Vector, o.Vector, "own vector of %s", id)
		}
	}
	require.Equal(t, w.expected, got)
	for _, tenant := range w.tenants {
		requireVectors(t, n, name, tenant, all(t, n, name, tenant))
	}
}

// adoptKilledAtItsEnd kills the node when it has filled every object and the job
// waits for writers that began before it, just after users wrote: started again,
// the job waits anew and looks at what was written before it ends.
func adoptKilledAtItsEnd(t *testing.T) {
	const objects = 30
	n, again := mortal(t)
	name := uniqueName(t)
	create(t, n, adoptee(name, nil))
	paged(t, n, name, "", pages(objects), "")
	w := &traffic{t: t, url: n.url, name: name, tenants: []string{""}}
	expected := map[string]string{}
	for id, o := range all(t, n, name, "") {
		expected[id] = o.text()
	}
	write := func(i int) {
		text := fmt.Sprintf("Page %d came when all was filled, %s.", i, code(i))
		expected[idAt(i)] = text
		w.do("POST", "/batch/objects", map[string]any{"objects": []any{written(name, "", idAt(i), text, map[string][]float32{"": own(i)})}}, 200)
	}

	a := &adopting{t: t, n: n, args: append([]string{"adopt", "--collection", name}, one...)}
	a.start()
	defer func() { a.kill() }() // one that has ended stays as it is
	require.Eventually(t, func() bool {
		j := seen(n, name)
		return j != nil && j.Total.Filled == objects && j.Waiting
	}, time.Minute, 20*time.Millisecond, "the job does not wait for late writers; the tool said: %s", a.out)
	for i := range 3 {
		write(objects + i)
	}
	write(1)
	delete(expected, idAt(2))
	w.do("DELETE", "/objects/"+name+"/"+idAt(2), nil, 204)
	n.Kill()
	again()
	write(objects + 3)
	write(3)

	a.ends(toolTime)
	require.NoError(t, a.err, "the tool said: %s", a.out)
	require.Contains(t, a.out.String(), "all is as it should be")
	after := all(t, n, name, "")
	got := map[string]string{}
	for id, o := range after {
		got[id] = o.text()
	}
	require.Equal(t, expected, got)
	requireVectors(t, n, name, "", after)
}
