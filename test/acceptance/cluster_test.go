package acceptance

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
	"github.com/latentask/latentask/internal/localnode"
)

// clusterSize is how many nodes TestCluster's cluster has.
const clusterSize = 3

// cluster is several nodes on this machine, each with a folder and ports of its
// own, which it keeps when it is started anew.
type cluster struct {
	dir   string
	ports [clusterSize]localnode.Ports
	nodes [clusterSize]*node
}

func nodeName(i int) string { return fmt.Sprintf("node%d", i+1) }

// newCluster chooses the ports. Those of a node are in a row, as Weaviate wants
// the two of its consensus on one machine, and below those that the system gives
// connections, so that a node which is down finds its own again.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{dir: t.TempDir()}
	const each, from, to = 6, 20000, 32000
	for base := from + each*rand.IntN((to-from)/each/2); base < to; base += each * clusterSize {
		free := true
		for i := range c.ports {
			p := base + each*i
			c.ports[i] = localnode.Ports{HTTP: p, GRPC: p + 1, Gossip: p + 2, Data: p + 3, Raft: p + 4, RaftRPC: p + 5}
			chosen, err := localnode.Choose(c.ports[i])
			require.NoError(t, err)
			free = free && chosen == c.ports[i]
		}
		if free {
			t.Cleanup(c.stop)
			return c
		}
	}
	t.Fatal("no row of free ports")
	return nil
}

func (c *cluster) stop() {
	for _, n := range c.nodes {
		if n != nil {
			n.Kill() // what it holds goes with the test
		}
	}
}

// begin starts the i-th node as s says, with what makes it one of the cluster.
func (c *cluster) begin(t *testing.T, i int, s setup) {
	t.Helper()
	var all, others []string
	for k, p := range c.ports {
		all = append(all, fmt.Sprintf("%s:%d", nodeName(k), p.Raft))
		if k != i {
			others = append(others, fmt.Sprintf("127.0.0.1:%d", p.Gossip))
		}
	}
	env := maps.Clone(s.env)
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, map[string]string{
		"CLUSTER_HOSTNAME":              nodeName(i),
		"CLUSTER_IN_LOCALHOST":          "true",
		"CLUSTER_JOIN":                  strings.Join(others, ","),
		"RAFT_JOIN":                     strings.Join(all, ","),
		"RAFT_BOOTSTRAP_EXPECT":         fmt.Sprint(clusterSize),
		"RAFT_ENABLE_ONE_NODE_RECOVERY": "false",
		// A task that a restarted node has a part in is looked for this often.
		"DISTRIBUTED_TASKS_SCHEDULER_TICK_INTERVAL_SECONDS": "1",
	})
	s.env, s.ports, s.dir = env, c.ports[i], filepath.Join(c.dir, nodeName(i))
	n, err := begin(t, s)
	require.NoError(t, err)
	c.nodes[i] = n
}

// start starts the i-th node and waits until the others know of it.
func (c *cluster) start(t *testing.T, i int, s setup) *node {
	t.Helper()
	c.begin(t, i, s)
	require.NoError(t, c.nodes[i].serves(!s.noBundle))
	c.settle(t)
	return c.nodes[i]
}

// settle waits until every node knows of every other.
func (c *cluster) settle(t *testing.T) {
	t.Helper()
	for i, n := range c.nodes {
		require.Eventually(t, func() bool {
			status, body := rest(n.url, "", "GET", "/nodes", nil)
			return status == 200 && strings.Count(string(body), `"HEALTHY"`) == clusterSize
		}, startTimeout, 200*time.Millisecond, "%s does not see the others", nodeName(i))
	}
}

// define makes a collection of shards, each on as many nodes as replicas says.
func (c *cluster) define(t *testing.T, class *models.Class, replicas int) {
	t.Helper()
	class.ShardingConfig = map[string]any{"desiredCount": clusterSize}
	class.ReplicationConfig = &models.ReplicationConfig{Factor: int64(replicas)}
	require.NoError(t, c.nodes[0].client.Weaviate().Schema().ClassCreator().WithClass(class).Do(context.Background()))
}

// same asks every node, and returns the outcome, which must be one.
func (c *cluster) same(t *testing.T, a ask, nodes ...*node) outcome {
	t.Helper()
	if len(nodes) == 0 {
		nodes = c.nodes[:]
	}
	first := outcomeOf(a.send(t, nodes[0]))
	for _, n := range nodes[1:] {
		require.Equal(t, first, outcomeOf(a.send(t, n)), "%s asked %q by another node", a.collection, a.question)
	}
	return first
}

// spread is a collection of which each node has a third; doubled and before
// have each shard on two nodes.
const (
	spread  = "Spread"
	doubled = "Doubled"
	before  = "Before"
)

// TestCluster takes a cluster through what happens to one: plain nodes become
// nodes with latentask one after the other, questions are asked of every node,
// a collection is adopted while a node is away, nodes lack the bundle or have
// another.
func TestCluster(t *testing.T) {
	plain := required(t, "LATENTASK_PLAIN_NODE")
	required(t, "LATENTASK_NODE")
	bundle := required(t, "LATENTASK_BUNDLE")
	c := newCluster(t)
	step := func(name string, f func(t *testing.T)) {
		if t.Run(name, f) {
			return
		}
		for _, n := range c.nodes {
			if n != nil {
				t.Logf("%s ends with:\n%s", n.LogFile(), logTail(n.LogFile()))
			}
		}
		t.FailNow()
	}

	step("RollingRestart", func(t *testing.T) { c.rollingRestart(t, plain) })
	step("Sharded", c.askSharded)
	step("KeywordsOfOtherNodes", c.askKeywordsAlone)
	step("Replicated", c.askReplicated)
	step("AdoptionAndANodeDown", c.adoptWithANodeDown)
	step("AdoptCommand", c.adoptByTheTool)
	step("BundlesThatDiffer", func(t *testing.T) { c.bundlesDiffer(t, bundle) })
}

// beforeText is the text of an object of the collection before.
func beforeText(i int) string { return fmt.Sprintf("Page %d is about the town of %s.", i, code(i)) }

// rollingRestart fills a cluster of plain nodes and replaces them one by one,
// reading and writing in between.
func (c *cluster) rollingRestart(t *testing.T, plain string) {
	for i := range c.nodes {
		c.begin(t, i, setup{binary: plain, noBundle: true, env: map[string]string{"ENABLE_MODULES": ""}})
	}
	for _, n := range c.nodes {
		require.NoError(t, n.serves(false))
	}
	c.settle(t)
	c.define(t, adoptee(before, nil), 2)
	stored := 0
	grow := func(n *node, by int) {
		var objects []map[string]any
		for range by {
			objects = append(objects, written(before, "", idAt(stored), beforeText(stored), map[string][]float32{"": own(stored)}))
			stored++
		}
		store(t, n, objects)
	}
	finds := func(n *node) {
		t.Helper()
		found := get(t, n, before, "nearVector: {vector: "+vectorText(t, own(7))+"} limit: 1", "_additional { id }")
		require.Equal(t, []string{idAt(7)}, ids(found))
	}
	grow(c.nodes[0], 90)
	for i := range c.nodes {
		require.NoError(t, c.nodes[i].Stop())
		finds(c.nodes[(i+1)%clusterSize])
		c.start(t, i, setup{})
		for _, n := range c.nodes {
			grow(n, 1)
			finds(n)
		}
	}
	for _, n := range c.nodes {
		count, err := n.client.Count(context.Background(), before)
		require.NoError(t, err)
		require.Equal(t, stored, count)
	}
}

// askSharded asks a collection whose shards lie on different nodes.
func (c *cluster) askSharded(t *testing.T) {
	class := schemaOf(spread, client.Vectorizer)
	class.ModuleConfig = map[string]any{client.Vectorizer: map[string]any{"vectorizeClassName": false}}
	c.define(t, class, 1)
	load(t, c.nodes[0], spread, "", append(files(t), passages(t)...))
	for i := range c.nodes {
		require.Equal(t, 1, c.shards(t, i, spread), "shards of %s", nodeName(i))
	}

	// What a hop by vector finds is what is nearest of all that is stored.
	objects := get(t, c.nodes[1], spread, "limit: 1000", "title _additional { id vector }")
	require.Len(t, objects, len(files(t))+len(passages(t)))
	found := map[string]bool{}
	byVector := c.same(t, ask{collection: spread, question: question, argument: "search: VECTOR"})
	for _, h := range queries(byVector) {
		slices.SortFunc(objects, func(a, b object) int {
			return cmp.Compare(cosine(b.Additional.Vector, h.Vector), cosine(a.Additional.Vector, h.Vector))
		})
		var nearest []string
		for _, o := range objects {
			if len(nearest) == len(h.IDs) {
				break
			}
			if !found[o.Additional.ID] {
				require.InDelta(t, 1-cosine(o.Additional.Vector, h.Vector), h.Distances[len(nearest)], 1e-4)
				nearest = append(nearest, o.Additional.ID)
			}
		}
		require.Equal(t, nearest, h.IDs, "hop %d", h.N)
		for _, id := range h.IDs {
			found[id] = true
		}
	}
	hybrid := c.same(t, ask{collection: spread, question: question, argument: "search: HYBRID"})
	requireReplayed(t, c.nodes[2], spread, question, queries(hybrid))

	// Of a long page on whichever node, what is read is chosen by the node that
	// was asked, and the answer's place is that in the whole. Which page comes
	// first is not asked here: each shard counts by itself how rare a word is.
	q := "What is kept under " + code(1) + "?"
	long := c.same(t, ask{collection: spread, question: q, argument: "maxHops: 1, answerBy: SPAN"})
	titles := titlesByID(spread, files(t))
	require.True(t, slices.ContainsFunc(long.Hops[0].IDs, func(id string) bool { return titles[id] != "" }), "no long page was read")
	requireReplayed(t, c.nodes[1], spread, q, queries(long))
	if s := long.Answer.Source; s != nil {
		require.Equal(t, oneLine(long.Answer.Text), oneLine(cutOut(t, c.nodes[2], spread, s)))
	}
}

// queries are the hops of an outcome that searched.
func queries(o outcome) []client.Hop {
	return slices.DeleteFunc(slices.Clone(o.Hops), func(h client.Hop) bool { return h.Action != "query" })
}

// shards is how many of a collection's the i-th node holds.
func (c *cluster) shards(t *testing.T, i int, collection string) int {
	t.Helper()
	status, body := rest(c.nodes[i].url, "", "GET", "/nodes/"+collection+"?output=verbose", nil)
	require.Equal(t, 200, status, "%s", body)
	var reply struct {
		Nodes []struct {
			Name   string
			Shards []struct{}
		}
	}
	require.NoError(t, json.Unmarshal(body, &reply), "%s", body)
	held := 0
	for _, n := range reply.Nodes {
		if n.Name == nodeName(i) {
			held += len(n.Shards)
		}
	}
	return held
}

// askKeywordsAlone asks for an object that is far from the question, so that
// only keywords find it. To two of the nodes it comes from another one, and its
// distance is measured by the vector that came along.
func (c *cluster) askKeywordsAlone(t *testing.T) {
	const name = "Far"
	const q = "In which city by which river does the mill of Kvarn stand?"
	c.define(t, schemaOf(name, client.Vectorizer), 1)
	near := searches(ask{collection: spread, question: q, argument: "search: VECTOR, maxHops: 1"}.send(t, c.nodes[0]))[0].Vector
	var list []passage
	var vectors [][]float32
	for i := range fused * clusterSize / 2 {
		v := slices.Clone(near)
		v[i] += 0.05
		list, vectors = append(list, passage{PID: fmt.Sprint(i), Title: fmt.Sprint("Number ", i), Text: "Nothing to see."}), append(vectors, v)
	}
	opposite := slices.Clone(near)
	for i := range opposite {
		opposite[i] = -opposite[i]
	}
	list, vectors = append(list, passage{PID: "far", Title: "Kvarn", Text: "The mill of Kvarn."}), append(vectors, opposite)
	write(t, c.nodes[0], name, "", "", list, vectors)
	o := c.same(t, ask{collection: name, question: q, argument: "search: HYBRID, maxHops: 1"})
	found := o.Hops[0].Found[0]
	require.Equal(t, client.ObjectID(name, "far"), found.ID)
	require.Zero(t, found.VectorRank)
	require.Equal(t, 1, found.KeywordRank)
	require.NotNil(t, found.Distance)
	require.InDelta(t, 2, *found.Distance, 1e-4)
}

// askReplicated asks a collection of the same vectors, brought along, with each
// shard on two nodes: the node asked compares a sample, whoever holds it.
func (c *cluster) askReplicated(t *testing.T) {
	c.define(t, schemaOf(doubled, "none"), 2)
	list := append(files(t), passages(t)...)
	byTitle := storedVectors(t, c.nodes[2], spread)
	vectors := make([][]float32, len(list))
	for i, p := range list {
		vectors[i] = byTitle[p.Title]
	}
	write(t, c.nodes[1], doubled, "", "", list, vectors)
	titles, spreadTitles := titlesByID(doubled, list), titlesByID(spread, list)
	byVector := ask{collection: doubled, question: question, argument: "search: VECTOR"}
	got := c.same(t, byVector)
	byVector.beside = "consistencyLevel: ALL"
	require.Equal(t, got, outcomeOf(byVector.send(t, c.nodes[1])))
	want := outcomeOf(ask{collection: spread, question: question, argument: "search: VECTOR"}.send(t, c.nodes[0]))
	require.Len(t, got.IDs, len(want.IDs))
	for i := range got.IDs {
		require.Equal(t, spreadTitles[want.IDs[i]], titles[got.IDs[i]])
	}
	c.same(t, ask{collection: doubled, question: question})
}

// adoptWithANodeDown kills a node while the collection of the plain nodes is
// filled, asks and writes without it, and starts it again.
func (c *cluster) adoptWithANodeDown(t *testing.T) {
	asked := ask{collection: doubled, question: question}
	want := outcomeOf(asked.send(t, c.nodes[2]))

	addLatent(t, c.nodes[2], "", before)
	adopt(t, c.nodes[1], before, 10)
	last := c.nodes[clusterSize-1]
	require.Eventually(t, func() bool {
		// A node that has not heard of the job yet says so.
		status, body := rest(last.url, "", "GET", "/modules/qna-latent/adoptions/"+before+"/latent", nil)
		var j client.Adoption
		return status == 200 && json.Unmarshal(body, &j) == nil && j.Total.Filled > 0
	}, time.Minute, 50*time.Millisecond)
	last.Kill()

	up := c.nodes[:clusterSize-1]
	require.Equal(t, want, c.same(t, asked, up...), "each shard has a replica that is up")
	for _, n := range up {
		ask{collection: spread, question: question}.refused(t, n, spread)
		require.Equal(t, client.AdoptionRunning, job(t, n, before).State)
	}
	// Written while a replica is away.
	changed := map[string]string{}
	for i := range 20 {
		text := fmt.Sprintf("Page %d, written anew: %s.", i, code(i+3))
		status, body := rest(up[i%2].url, "", "PUT", "/objects/"+before+"/"+idAt(i)+"?consistency_level=ONE",
			written(before, "", idAt(i), text, map[string][]float32{"": own(i)}))
		require.Equal(t, 200, status, "%s", body)
		changed[idAt(i)] = text
	}

	c.start(t, clusterSize-1, setup{})
	finished(t, c.nodes[0], before)
	for i := range c.nodes {
		for _, s := range job(t, c.nodes[i], before).Shards {
			require.Equal(t, client.AdoptionFinished, s.State, "%+v", s)
		}
	}

	c.repair(t, before)
	objects := all(t, c.nodes[0], before, "")
	requireVectors(t, c.nodes[0], before, "", objects)
	for id, text := range changed {
		require.Equal(t, text, objects[id].text())
	}
	held := c.replicas(before, slices.Collect(maps.Keys(objects)))
	for id, o := range objects {
		require.Len(t, held[id], 2, id)
		for node, replica := range held[id] {
			require.Equal(t, o.text(), replica.text(), "%s on %s", id, node)
			require.Greater(t, cosine(o.Vectors["latent"], replica.Vectors["latent"]), 0.9999, "%s on %s", id, node)
		}
	}
	// The index of each node, and the answer.
	for i := 20; i < 30; i++ {
		vector := objects[idAt(i)].Vectors["latent"]
		for _, n := range c.nodes {
			require.Equal(t, idAt(i), nearest(t, n, before, "", "latent", vector, 1)[0].ID)
		}
	}
	// By vectors alone: a keyword search orders equals as each replica came to
	// have them, and one of them was away.
	c.same(t, ask{
		collection: before, fields: "text", question: "What is page 7 about?",
		argument: "maxHops: 1, search: VECTOR", beside: "consistencyLevel: ALL",
	})
}

// adoptByTheTool runs `latentask adopt` at one node: what it counts is that
// node's, and it names the others, each of which has counted its own.
func (c *cluster) adoptByTheTool(t *testing.T) {
	const name, objects = "Commanded", 90
	c.define(t, adoptee(name, nil), 1)
	asked := c.nodes[1]
	paged(t, asked, name, "", pages(objects), "")
	a := &adopting{t: t, n: asked, args: append([]string{"adopt", "--collection", name}, one...)}
	a.start()
	defer func() { a.kill() }() // one that has ended stays as it is
	a.ends(toolTime)
	said := a.out.String()
	require.NoError(t, a.err, said)
	filled := 0
	for i, n := range c.nodes {
		j := job(t, n, name)
		require.Equal(t, nodeName(i), j.Node)
		require.Equal(t, client.AdoptionFinished, j.State)
		require.Positive(t, j.Total.Filled, "each node has a shard")
		filled += j.Total.Filled
		if n == asked {
			require.Contains(t, said, fmt.Sprintf("finished: %d of %d objects of node %s filled", j.Total.Filled, j.Total.Objects, j.Node))
			continue
		}
		require.Regexp(t, `shard \S+ +on node `+j.Node+": finished", said)
	}
	require.Equal(t, objects, filled)
	require.Contains(t, said, "what node1 (finished), node3 (finished) filled stands in the answer of each (--url)")
	require.Regexp(t, fmt.Sprintf(`%s\.latent: .* of node2`, name), said)
	require.Contains(t, said, "all is as it should be")
	requireVectors(t, c.nodes[2], name, "", all(t, c.nodes[0], name, ""))
}

// replicas are the objects as each node has them, by id and node. All are asked
// for at once: Weaviate is slow to say that a node holds another shard.
func (c *cluster) replicas(collection string, ids []string) map[string]map[string]stored {
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		held = map[string]map[string]stored{}
	)
	for _, id := range ids {
		held[id] = map[string]stored{}
		for i := range c.nodes {
			wg.Go(func() {
				status, body := rest(c.nodes[0].url, "", "GET", "/objects/"+collection+"/"+id+"?include=vector&node_name="+nodeName(i), nil)
				var o stored
				if status != 200 || json.Unmarshal(body, &o) != nil {
					return // it holds another shard
				}
				mu.Lock()
				defer mu.Unlock()
				held[id][nodeName(i)] = o
			})
		}
	}
	wg.Wait()
	return held
}

// repair reads every object of a collection from all of its replicas, which
// gives those that missed a write what the others have, and asserts that they
// agree then.
func (c *cluster) repair(t *testing.T, collection string) {
	t.Helper()
	for id := range all(t, c.nodes[0], collection, "") {
		status, body := rest(c.nodes[1].url, "", "GET", "/objects/"+collection+"/"+id+"?consistency_level=ALL", nil)
		require.Equal(t, 200, status, "%s", body)
	}
	for _, n := range c.nodes {
		status, body := rest(n.url, "", "POST", "/graphql", map[string]any{
			"query": "{ Get { " + collection + "(consistencyLevel: ALL limit: 1000) { _additional { isConsistent } } } }",
		})
		require.Equal(t, 200, status)
		require.Contains(t, string(body), `"isConsistent":true`)
		require.NotContains(t, string(body), `"isConsistent":false`)
	}
}

// bundlesDiffer starts one node anew without a bundle and one with a bundle of
// another retriever: they say so, and the third goes on.
func (c *cluster) bundlesDiffer(t *testing.T, bundle string) {
	asked := ask{collection: spread, question: question}
	want := outcomeOf(asked.send(t, c.nodes[2]))
	foreign := copyBundle(t, bundle)
	editManifest(t, foreign, func(m map[string]any) {
		m["retriever"].(map[string]any)["name"] = "somebody/another-model"
	})
	for _, n := range c.nodes[1:] {
		require.NoError(t, n.Stop())
	}
	c.begin(t, 1, setup{bundle: foreign})
	c.begin(t, 2, setup{bundle: filepath.Join(t.TempDir(), "absent")})
	require.NoError(t, c.nodes[1].serves(true))
	require.NoError(t, c.nodes[2].serves(false))
	require.Equal(t, "absent", operatorSettles(t, c.nodes[2]).State)
	c.settle(t)

	require.Equal(t, want, outcomeOf(asked.send(t, c.nodes[0])), "the node that was left as it was")
	asked.refused(t, c.nodes[1], "somebody/another-model", "all-MiniLM-L6-v2", "LATENTASK_BUNDLE")
	asked.refused(t, c.nodes[2], "there is no bundle at", "LATENTASK_BUNDLE")
	for i, says := range map[int]string{1: "somebody/another-model", 2: "there is no bundle at"} {
		_, err := c.nodes[i].client.Load(context.Background(), func(yield func(map[string]any, error) bool) {
			yield(map[string]any{"pid": "new", "title": "New", "text": "A new passage."}, nil)
		}, client.Import{Collection: spread, IDField: "pid"})
		require.ErrorContains(t, err, says)
		// What needs no model goes on.
		require.NotEmpty(t, get(t, c.nodes[i], spread, `bm25: {query: "film"} limit: 1`, "title"))
		near := vectorText(t, want.Hops[0].Vector)
		require.Len(t, get(t, c.nodes[i], spread, "nearVector: {vector: "+near+"} limit: 3", "title"), 3)
	}
	count, err := c.nodes[0].client.Count(context.Background(), spread)
	require.NoError(t, err)
	require.Equal(t, len(files(t))+len(passages(t)), count)

	// Each node fills what it holds, so a job over them names the one that can't.
	body := map[string]any{"collection": doubled, "vector": "latent"}
	addLatent(t, c.nodes[0], "", doubled)
	status, said := rest(c.nodes[2].url, "", "POST", "/modules/qna-latent/adoptions", body)
	require.Equal(t, 503, status, "%s", said)
	require.Contains(t, string(said), "there is no bundle at")
	adopt(t, c.nodes[0], doubled, 0)
	require.Eventually(t, func() bool { return job(t, c.nodes[0], doubled).State == client.AdoptionFailed }, time.Minute, 200*time.Millisecond)
	require.Regexp(t, "unit node2 failed: .*another-model|unit node3 failed: .*no bundle", job(t, c.nodes[0], doubled).Error)
}
