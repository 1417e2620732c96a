"""How well a node and the reference agree: python -m train.agree --url URL [--bundle DIR] [--questions 60] [--passages 1000].

Into a collection of its own on a running node (that of `latentask demo --keep`, say) go passages of the development corpora that
are short enough to be read whole: of longer ones the node chooses sentences by vectors and this code by words. The questions are
asked there with vector hops, and then the reference loop, on the same bundle, reads what the node read: what a search misses decides
what the next one asks for, and is no difference of the two. Printed are the cosines of their query vectors and how many searches only
one of them made; how many of the ids that exact search, over the vectors that the node stored, finds with the one's vectors it finds
with the other's; and, a figure of its own, how many of these the node's index found. The collection is deleted.
"""

from __future__ import annotations

import argparse
import json
import urllib.request
import uuid
from pathlib import Path

import numpy as np

from train import data, layouts
from train.hybrid import PER_HOP
from train.loop import Loop
from train.sequence import one_line

COLLECTION = "LatentaskAgreement"
HOPS = 4


class Node:
    def __init__(self, url: str, key: str = ""):
        self.url = url.rstrip("/")
        self.headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def call(self, method: str, path: str, body: dict | None = None) -> dict:
        payload = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, payload, self.headers, method=method)
        with urllib.request.urlopen(request, timeout=300) as reply:
            text = reply.read()
        return json.loads(text) if text else {}

    def fill(self, passages: list[dict]) -> np.ndarray:
        """A collection of them in their order, by ids that count. → the vectors that the node made."""
        text = {"dataType": ["text"]}
        properties = [{"name": "title", **text}, {"name": "text", **text}]
        self.call("POST", "/v1/schema", {"class": COLLECTION, "vectorizer": "text2vec-latent", "properties": properties})
        rows = []
        for lo in range(0, len(passages), 100):
            objects = [
                {"class": COLLECTION, "id": name(lo + i), "properties": {"title": p["title"], "text": p["text"]}}
                for i, p in enumerate(passages[lo : lo + 100])
            ]
            for reply in self.call("POST", "/v1/batch/objects?include=vector", {"objects": objects}):
                if errors := reply.get("result", {}).get("errors"):
                    raise SystemExit(f"error: {errors}")
                rows.append(reply["vector"])
        return np.array(rows, np.float32)

    def ask(self, question: str) -> list[dict]:
        """The searches of a loop: ids and vector of each."""
        asked = json.dumps(question, ensure_ascii=False)
        hops = "hops { action ids vector }"
        query = f"{{ Get {{ {COLLECTION}(latentAsk: {{question: {asked}, search: VECTOR, maxHops: {HOPS}}}) {{ _additional {{ latentAsk {{ {hops} }} }} }} }} }}"
        reply = self.call("POST", "/v1/graphql", {"query": query})
        if reply.get("errors"):
            raise SystemExit(f"error: {question}: {reply['errors'][0]['message']}")
        first = reply["data"]["Get"][COLLECTION][0]
        return [h for h in first["_additional"]["latentAsk"]["hops"] if h["action"] == "query"]


def name(row: int) -> str:
    return str(uuid.UUID(int=row + 1))


def nearest(vectors: np.ndarray, query: np.ndarray, found: list[int]) -> list[int]:
    """The next rows under exact search, the nearest first."""
    order = np.argsort(-(vectors @ query), kind="stable")
    return [r for r in order[: PER_HOP + len(found)].tolist() if r not in found][:PER_HOP]


def walk(loop: Loop, question: str, passages: list[dict], read: list[list[int]]) -> list[np.ndarray]:
    """The reference's query vector of each hop, where each finds the rows that the node found. One more than the node made is the last."""
    queries = []

    def search(hop: int, vector: np.ndarray, focus: list) -> list[str] | None:
        queries.append(vector)
        return [layouts.READER["plain"](passages[r]) for r in read[hop]] if hop < len(read) else None

    loop.walk(question, search, HOPS)
    return queries


def rows_of(hop: dict) -> list[int]:
    return [uuid.UUID(i).int - 1 for i in hop["ids"]]


class Tally:
    """What was compared."""

    def __init__(self) -> None:
        self.cosines, self.alone = [], 0
        self.same, self.reference, self.indexed, self.exact = 0, 0, 0, 0

    def add(self, queries: list[np.ndarray], node: list[dict], vectors: np.ndarray) -> None:
        """A question: the reference's vectors and the node's hops."""
        self.alone += abs(len(queries) - len(node))
        found: list[int] = []
        for k, hop in enumerate(node):
            v, rows = np.array(hop["vector"], np.float32), rows_of(hop)
            exact = set(nearest(vectors, v, found))
            if k < len(queries):
                self.cosines.append(float(v @ queries[k] / np.linalg.norm(v) / np.linalg.norm(queries[k])))
                expected = set(nearest(vectors, queries[k], found))
                self.same += len(expected & exact)
                self.reference += len(expected)
            self.exact += len(exact)
            self.indexed += len(exact & set(rows))
            found += rows

    def __str__(self) -> str:
        return (
            f"{len(self.cosines)} searches: cosine of the query vectors at least {min(self.cosines):.6f}, mean {np.mean(self.cosines):.6f}; "
            f"{self.alone} that only one of them made\n"
            f"ids under exact search that are the same: {self.same} of {self.reference}, {100 * self.same / self.reference:.2f}%\n"
            f"of what exact search finds, found by the node's index: {self.indexed} of {self.exact}, {100 * self.indexed / self.exact:.2f}%"
        )


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--url", required=True)
    a.add_argument("--api-key", default="")
    a.add_argument("--bundle", type=Path, default=Path(".latentask/bundle"))
    a.add_argument("--data", type=Path, default=Path("data"))
    a.add_argument("--questions", type=int, default=60, help="a set")
    a.add_argument("--passages", type=int, default=1000, help="a set")
    args = a.parse_args()
    loop, node = Loop(args.bundle), Node(args.url, args.api_key)
    budget = loop.m["limits"]["passage_tokens"]
    passages, questions = [], []
    for z in data.SETS:
        asked = list(data.read(args.data / "dev" / f"{z}.jsonl.gz"))[: args.questions]
        corpus = data.corpus(args.data, z)
        first = dict.fromkeys(p for q in asked for p in q["gold_pids"] if p in corpus)
        rows = [corpus[p] for p in [*first, *(p for p in corpus if p not in first)]]
        short = (p for p in rows if len(loop.tok.read(one_line(layouts.READER["plain"](p)), 10 * budget).ids) <= budget)
        passages += [p for _, p in zip(range(args.passages), short, strict=False)]
        questions += [q["question"] for q in asked]
    try:
        vectors = node.fill(passages)
        tally = Tally()
        for n, question in enumerate(questions, 1):
            hops = node.ask(question)
            tally.add(walk(loop, question, passages, [rows_of(h) for h in hops]), hops, vectors)
            if n % 20 == 0:
                print(f"{n}/{len(questions)} questions", flush=True)
    finally:
        node.call("DELETE", f"/v1/schema/{COLLECTION}")
    print(f"{len(questions)} questions over {len(passages)} passages, {loop.m['name']} {loop.m['version']}\n{tally}")


if __name__ == "__main__":
    main()
