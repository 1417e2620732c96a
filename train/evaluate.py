"""Gold passages found through a running node: latent hops against one search of as many passages.

python -m train.evaluate --url http://127.0.0.1:8080 --data data [--sets 2wiki,musique] [--questions 150] [--passages 0]

Each set's own corpus goes into a collection of its own with Weaviate's defaults (text2vec-latent, class name in the text).
The vectors of the passages come from a cache kept by content hash (made here, by the same frozen retriever), so that a
second run loads at once. Questions are the first N of the development half. Plain HTTP; nothing but the standard library
on the way to the node.
"""

from __future__ import annotations

import argparse
import json
import re
import string
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

import numpy as np

from train import data, layouts


class Node:
    def __init__(self, url: str):
        self.url = url.rstrip("/")

    def call(self, method: str, path: str, body=None):
        req = urllib.request.Request(
            self.url + path, json.dumps(body).encode() if body is not None else None, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(req, timeout=600) as r:
            text = r.read()
        return json.loads(text) if text else None

    def graphql(self, query: str) -> dict:
        out = self.call("POST", "/v1/graphql", {"query": query})
        if out.get("errors"):
            raise RuntimeError(out["errors"][0]["message"])
        return out["data"]


def load(node: Node, name: str, passages: list[dict], vectors: np.ndarray) -> None:
    """A collection with Weaviate's defaults; left alone when it holds as many objects already."""
    classes = {c["class"] for c in node.call("GET", "/v1/schema")["classes"]}
    if name in classes:
        meta = node.graphql(f"{{ Aggregate {{ {name} {{ meta {{ count }} }} }} }}")["Aggregate"][name][0]["meta"]
        if meta["count"] == len(passages):
            return
        node.call("DELETE", f"/v1/schema/{name}")
    text = {"dataType": ["text"]}
    skip = {"moduleConfig": {"text2vec-latent": {"skip": True}}}
    node.call(
        "POST",
        "/v1/schema",
        {
            "class": name,
            "vectorizer": "text2vec-latent",
            "properties": [{"name": "title", **text}, {"name": "text", **text}, {"name": "pid", **text, **skip}],
        },
    )
    for at in range(0, len(passages), 500):
        objects = [
            {"class": name, "properties": {k: p[k] for k in ("pid", "title", "text")}, "vector": v.tolist()}
            for p, v in zip(passages[at : at + 500], vectors[at : at + 500], strict=True)
        ]
        for o in node.call("POST", "/v1/batch/objects", {"objects": objects}):
            if o["result"].get("errors"):
                raise RuntimeError(o["result"]["errors"])
        print(f"{name}: {at + len(objects)}/{len(passages)} loaded", file=sys.stderr, flush=True)


def normalise(s: str) -> str:
    s = "".join(c for c in s.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", s).split())


def f1(a: str, b: str) -> float:
    x, y = normalise(a).split(), normalise(b).split()
    if {normalise(a), normalise(b)} & {"yes", "no", "noanswer"} and normalise(a) != normalise(b):
        return 0.0
    same = sum((Counter(x) & Counter(y)).values())
    return 2 * same / (len(x) + len(y)) if same else 0.0


def ask(node: Node, name: str, question: str, hops: int, per_hop: int) -> dict:
    q = json.dumps(question)
    fields = (
        "pid _additional { latentAsk { answer { text confidence stoppedBy } hops { n ids ms { model search } } "
        "timings { totalMs modelMs searchMs queueMs } } }"
    )
    got = node.graphql(f"{{ Get {{ {name}(latentAsk: {{question: {q}, maxHops: {hops}, passagesPerHop: {per_hop}}}) {{ {fields} }} }} }}")
    rows = got["Get"][name]
    trace = rows[0]["_additional"]["latentAsk"] if rows else {"answer": {"text": "", "stoppedBy": "none"}, "hops": [], "timings": {}}
    return {"pids": [r["pid"] for r in rows], **trace}


def single(node: Node, name: str, question: str, limit: int) -> list[str]:
    got = node.graphql(f"{{ Get {{ {name}(nearText: {{concepts: [{json.dumps(question)}]}}, limit: {limit}) {{ pid }} }} }}")
    return [r["pid"] for r in got["Get"][name]]


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--url", default="http://127.0.0.1:8080")
    a.add_argument("--data", type=Path, default=Path("data"))
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--cache", type=Path, default=Path(".latentask/train/vectors"))
    a.add_argument("--sets", default=",".join(data.SETS))
    a.add_argument("--questions", type=int, default=10**9)
    a.add_argument("--passages", type=int, default=0, help="cut a corpus to this many passages (those of the questions first); 0: all")
    a.add_argument("--hops", type=int, default=2)
    a.add_argument("--per-hop", type=int, default=3)
    a.add_argument("--out", type=Path)
    args = a.parse_args()
    from train.vectors import VectorCache

    node, cache, report = Node(args.url), VectorCache(args.cache, args.weights), {}
    for name in args.sets.split(","):
        everything = [q for q in data.read(args.data / "dev" / f"{name}.jsonl.gz") if len(q["gold_pids"]) >= 2]
        corpus = data.corpus(args.data, name)
        if args.passages:
            first = dict.fromkeys(p for q in everything for p in q["gold_pids"] + (q.get("ctx_pids") or []) if p in corpus)
            corpus = {p: corpus[p] for p in [*first, *(p for p in corpus if p not in first)][: args.passages]}
        passages = list(corpus.values())
        vectors = cache.get([layouts.RETRIEVER["weaviate"](p) for p in passages], name)
        collection = "Passage"  # the class name is part of the text, so each set is loaded in turn under the same name
        load(node, collection, passages, vectors)
        rows, began = [], time.time()
        questions = everything[: args.questions]
        for i, q in enumerate(questions):
            gold, got = set(q["gold_pids"]), ask(node, collection, q["question"], args.hops, args.per_hop)
            base = single(node, collection, q["question"], args.hops * args.per_hop)
            rows.append(
                {
                    "id": q["id"],
                    "latent": len(gold & set(got["pids"])) / len(gold),
                    "latent_all": gold <= set(got["pids"]),
                    "single": len(gold & set(base)) / len(gold),
                    "single_all": gold <= set(base),
                    "em": max(normalise(got["answer"]["text"]) == normalise(x) for x in q["answers"]),
                    "f1": max(f1(got["answer"]["text"], x) for x in q["answers"]),
                    "hops": len(got["hops"]),
                    "passages": len(got["pids"]),
                    **{k: got["timings"].get(k, 0) for k in ("totalMs", "modelMs", "searchMs", "queueMs")},
                }
            )
            if i % 10 == 9 or i + 1 == len(questions):
                mean = lambda k, rows=rows: 100 * float(np.mean([r[k] for r in rows]))  # noqa: E731
                left = (time.time() - began) / (i + 1) * (len(questions) - i - 1) / 60
                print(
                    f"{name} {i + 1}/{len(questions)}: latent {mean('latent'):.1f}/{mean('latent_all'):.1f} "
                    f"single {mean('single'):.1f}/{mean('single_all'):.1f} EM {mean('em'):.1f}, {left:.1f} min left",
                    file=sys.stderr,
                    flush=True,
                )
        col = lambda k, rows=rows: np.array([float(r[k]) for r in rows])  # noqa: E731
        report[name] = {
            "n": len(rows),
            "corpus": len(passages),
            "single_found": col("single").mean(),
            "single_all": col("single_all").mean(),
            "latent_found": col("latent").mean(),
            "latent_all": col("latent_all").mean(),
            "em": col("em").mean(),
            "f1": col("f1").mean(),
            "passages": col("passages").mean(),
            "p50_ms": {k: float(np.median(col(k))) for k in ("totalMs", "modelMs", "searchMs", "queueMs")},
        }
        node.call("DELETE", "/v1/schema/Passage")
    print(f"{'set':10} {'n':>4} {'corpus':>7} {'single':>13} {'latent':>13} {'difference':>13}   EM    F1   p50 ms (model, search)")
    for name, r in report.items():
        p = r["p50_ms"]
        print(
            f"{name:10} {r['n']:4} {r['corpus']:7} {100 * r['single_found']:6.1f}/{100 * r['single_all']:<6.1f} "
            f"{100 * r['latent_found']:6.1f}/{100 * r['latent_all']:<6.1f} "
            f"{100 * (r['latent_found'] - r['single_found']):+6.1f}/{100 * (r['latent_all'] - r['single_all']):<+6.1f} "
            f"{100 * r['em']:5.1f} {100 * r['f1']:5.1f}   {p['totalMs']:.0f} ({p['modelMs']:.0f}, {p['searchMs']:.0f})"
        )
    mean = lambda k: 100 * float(np.mean([r[k] for r in report.values()]))  # noqa: E731
    print(
        f"{'mean':10} {'':12} {mean('single_found'):6.1f}/{mean('single_all'):<6.1f} {mean('latent_found'):6.1f}/{mean('latent_all'):<6.1f} "
        f"{mean('latent_found') - mean('single_found'):+6.1f}/{mean('latent_all') - mean('single_all'):<+6.1f} {mean('em'):5.1f} {mean('f1'):5.1f}"
    )
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
