"""What a user of Weaviate's Python client does beside latentAsk. Prints one JSON object for the Go test."""

import argparse
import json
from pathlib import Path

import weaviate
from weaviate.classes.config import Configure, DataType, Property


def fill(client, passages):
    """A collection as the Python client makes it, imported over gRPC."""
    collection = client.collections.create(
        "FromPython",
        properties=[Property(name="title", data_type=DataType.TEXT), Property(name="text", data_type=DataType.TEXT)],
        vector_config=Configure.Vectors.custom(module_name="text2vec-latent"),
    )
    with collection.batch.fixed_size(batch_size=10) as batch:
        for p in passages:
            batch.add_object({"title": p["Title"], "text": p["Text"]})
    if collection.batch.failed_objects:
        raise RuntimeError(collection.batch.failed_objects[0].message)
    return collection


def cut_out(client, collection, raw):
    """What stands where the answer's source says, in the object as this client gets it."""
    source = raw.get[collection][0]["_additional"]["latentAsk"]["answer"]["source"]
    if source is None:
        return None
    stored = client.collections.get(collection).query.fetch_object_by_id(source["id"])
    value = stored.properties[source["property"]]
    if source["index"] is not None:
        value = value[source["index"]]
    return value[source["start"] : source["end"]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--grpc-port", type=int, required=True)
    parser.add_argument("--collection", required=True)
    parser.add_argument("--question", required=True)
    parser.add_argument("--query", required=True)
    parser.add_argument("--passages", type=Path, required=True)
    args = parser.parse_args()

    with weaviate.connect_to_local(host="127.0.0.1", port=args.port, grpc_port=args.grpc_port) as client:
        raw = client.graphql_raw_query(args.query)
        collection = client.collections.get(args.collection)
        near_text = collection.query.near_text(query=args.question, limit=5)
        bm25 = collection.query.bm25(query=args.question, limit=5)

        imported = fill(client, json.loads(args.passages.read_text()))
        try:
            argument = "latentAsk: {question: " + json.dumps(args.question) + "}"
            answered = client.graphql_raw_query(
                "{ Get { FromPython(" + argument + ") { title _additional { latentAsk { answer { text } } } } } }"
            )
            if answered.errors:
                raise RuntimeError(answered.errors)
            evidence = answered.get["FromPython"]
            report = {
                "Raw": {"data": {"Get": raw.get}, "errors": raw.errors},
                "Source": cut_out(client, args.collection, raw),
                "NearText": [str(o.uuid) for o in near_text.objects],
                "BM25": [str(o.uuid) for o in bm25.objects],
                "Imported": {
                    "Count": imported.aggregate.over_all(total_count=True).total_count,
                    "NearText": [str(o.uuid) for o in imported.query.near_text(query=args.question, limit=5).objects],
                    "Answer": evidence[0]["_additional"]["latentAsk"]["answer"]["text"],
                    "Evidence": len(evidence),
                },
            }
        finally:
            client.collections.delete("FromPython")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
