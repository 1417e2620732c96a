package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/weaviate/weaviate-go-client/v5/weaviate/graphql"
	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// textQueries asks a collection whose old vector is of a text vectorizer in the
// ways that have the node embed the query, through GraphQL, the official client
// and gRPC, and returns what each found. An empty target names no vector.
func textQueries(t testing.TB, n *node, name, target string) map[string]string {
	t.Helper()
	const concept = "glass made in the north"
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	results := map[string]string{}

	targets := ""
	if target != "" {
		targets = fmt.Sprintf(" targetVectors: [%q]", target)
	}
	for kind, arguments := range map[string]string{
		"nearText":            fmt.Sprintf("nearText: {concepts: [%q]%s} limit: 4", concept, targets),
		"nearText, certainty": fmt.Sprintf("nearText: {concepts: [%q] certainty: 0.5%s} limit: 4", concept, targets),
		"hybrid":              fmt.Sprintf("hybrid: {query: %q alpha: 0.6%s} limit: 4", concept, targets),
		"bm25":                `bm25: {query: "kilns"} limit: 4`,
	} {
		status, body := rest(n.url, "", "POST", "/graphql",
			map[string]any{"query": "{ Get { " + name + "(" + arguments + ") { text _additional { id distance score } } } }"})
		require.Equal(t, 200, status)
		require.NotContains(t, string(body), `"errors"`, kind)
		results["GraphQL "+kind] = string(body)
	}

	builder := n.client.Weaviate().GraphQL()
	fields := []graphql.Field{{Name: "text"}, {Name: "_additional", Fields: []graphql.Field{{Name: "id"}, {Name: "distance"}, {Name: "score"}}}}
	nearText := builder.NearTextArgBuilder().WithConcepts([]string{concept})
	hybrid := builder.HybridArgumentBuilder().WithQuery(concept).WithAlpha(0.5)
	if target != "" {
		nearText, hybrid = nearText.WithTargetVectors(target), hybrid.WithTargetVectors(target)
	}
	for kind, query := range map[string]*graphql.GetBuilder{
		"nearText": builder.Get().WithNearText(nearText), "hybrid": builder.Get().WithHybrid(hybrid),
	} {
		reply, err := query.WithClassName(name).WithFields(fields...).WithLimit(4).Do(ctx)
		require.NoError(t, err, kind)
		require.Empty(t, reply.Errors, kind)
		data, err := json.Marshal(reply.Data)
		require.NoError(t, err)
		results["client "+kind] = string(data)
	}

	connection, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", n.Ports().GRPC), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer connection.Close()
	var named *pb.Targets
	if target != "" {
		named = &pb.Targets{TargetVectors: []string{target}}
	}
	half := float32(0.5)
	for kind, request := range map[string]*pb.SearchRequest{
		"nearText": {NearText: &pb.NearTextSearch{Query: []string{concept}, Targets: named}},
		"hybrid":   {HybridSearch: &pb.Hybrid{Query: concept, UseAlphaParam: true, AlphaParam: &half, Targets: named}},
	} {
		request.Collection, request.Limit, request.Uses_127Api = name, 4, true
		request.Metadata = &pb.MetadataRequest{Uuid: true, Distance: true, Score: true}
		reply, err := pb.NewWeaviateClient(connection).Search(ctx, request)
		require.NoError(t, err, kind)
		found := ""
		for _, r := range reply.Results {
			found += fmt.Sprintln(r.Metadata.Id, r.Metadata.Distance, r.Metadata.Score)
		}
		require.NotEmpty(t, found, kind)
		results["gRPC "+kind] = found
	}
	return results
}

// allQueries are those that name no vector and those that have the node embed
// the query.
func allQueries(t testing.TB, n *node, name string, vector []float32) map[string]string {
	t.Helper()
	results := oldQueries(t, n, name, vector)
	maps.Copy(results, textQueries(t, n, name, ""))
	return results
}
