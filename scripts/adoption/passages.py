"""Collections of passages, each made by another vectorizer, and how they are filled."""

from __future__ import annotations

import gzip
import json
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from weaviate import WeaviateClient
from weaviate.collections import Collection
from weaviate.util import generate_uuid5

from .servers import Servers
from .settings import COLLECTION, ID_PROPERTY

LATENT = "text2vec-latent"
TRANSFORMERS = "text2vec-transformers"
OPENAI = "text2vec-openai"
# Objects that are written one at a time, at once: the server embeds one after the other, the node stores beside it.
WRITERS = 6


def read(path: Path, limit: int = 0) -> list[dict]:
    """Lines of JSON, gzipped; the first `limit` of them, all where 0."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for i, line in enumerate(lines) if not limit or i < limit]


def schema(kind: str, servers: Servers, name: str = COLLECTION) -> dict:
    """A collection of title, text and pid, the last of which is not embedded.

    stock: text2vec-transformers at the container's address, class name and property names on, as the Python client makes it.
    e5: text2vec-openai at the address of the e5 server, under which it names models by their purpose.
    own: vectors are brought along. latent: text2vec-latent, with Weaviate's defaults.
    """
    module, settings, of_property = {
        "stock": (TRANSFORMERS, {"inferenceUrl": servers.container, "vectorizeClassName": True}, {"vectorizePropertyName": True}),
        "e5": (OPENAI, {"baseURL": servers.e5, "model": "ada", "modelVersion": "001", "type": "text"}, {}),
        "own": ("none", None, None),
        "latent": (LATENT, {}, {}),
    }[kind]
    properties = [{"name": n, "dataType": ["text"]} for n in ("title", "text")]
    properties.append({"name": ID_PROPERTY, "dataType": ["text"], "tokenization": "field"})
    if module != "none":
        for p in properties:
            p["moduleConfig"] = {module: {"skip": p["name"] == ID_PROPERTY, **of_property}}
    made = {"class": name, "vectorizer": module, "properties": properties}
    if settings is not None:
        made["moduleConfig"] = {module: settings}
    return made


def uuid(pid: str) -> str:
    return generate_uuid5(pid)


def properties(passage: dict) -> dict:
    """An empty title is none, as `latentask eval` stores passages."""
    return {k: passage[k] for k in ("title", "text", ID_PROPERTY) if passage.get(k)}


def open_collection(client: WeaviateClient, kind: str, servers: Servers, name: str = COLLECTION) -> Collection:
    if not client.collections.exists(name):
        client.collections.create_from_dict(schema(kind, servers, name))
    return client.collections.use(name)


def missing(collection: Collection, passages: Sequence[dict]) -> list[dict]:
    if len(collection) == len(passages):
        return []
    there = {str(o.uuid) for o in collection.iterator(return_properties=[])}
    return [p for p in passages if uuid(p[ID_PROPERTY]) not in there]


def load(collection: Collection, passages: Sequence[dict], vectors: dict[str, np.ndarray] | None = None) -> None:
    """Imports in batches, as the client's documentation does. Vectors, by pid, are sent along where there are some."""
    with collection.batch.fixed_size(batch_size=100, concurrent_requests=2) as batch:
        for p in passages:
            pid = p[ID_PROPERTY]
            batch.add_object(properties(p), uuid=uuid(pid), vector=None if vectors is None else vectors[pid].tolist())
    if failed := collection.batch.failed_objects:
        raise SystemExit(f"error: {len(failed)} objects of {collection.name} were not stored: {failed[0].message}")


def load_singly(collection: Collection, passages: Sequence[dict]) -> None:
    """Writes one object a request: text2vec-openai counts the tokens of a batch with a tokenizer that it downloads."""
    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in pool.map(lambda p: collection.data.insert(properties(p), uuid=uuid(p[ID_PROPERTY])), passages):
            pass


def save_vectors(collection: Collection, path: Path) -> None:
    """Keeps the collection's own vectors by pid."""
    pids, rows = [], []
    for o in collection.iterator(include_vector=True, return_properties=[ID_PROPERTY]):
        pids.append(o.properties[ID_PROPERTY])
        rows.append(o.vector["default"])
    part = path.with_name("part-" + path.name)
    np.savez(part, pids=np.array(pids), vectors=np.array(rows, np.float32))
    part.replace(path)


def load_vectors(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(zip(file["pids"].tolist(), file["vectors"], strict=True))


def embed_queries(servers: Servers, texts: Sequence[str]) -> list[list[float]]:
    """Questions as the e5 server embeds them: a model with query in its name has the prefix "query: "."""
    body = json.dumps({"model": "e5-query", "input": list(texts)}).encode()
    request = urllib.request.Request(servers.e5 + "/v1/embeddings", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as reply:
        data = json.load(reply)["data"]
    return [d["embedding"] for d in sorted(data, key=lambda d: d["index"])]
