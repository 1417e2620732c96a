"""The two ceilings of a bundle: python -m train.ceilings --bundle DIR [--questions 100] [--passages 10000].

Retriever: the gold text subqueries (names filled in) through the frozen retriever, three passages a hop: what latent hops
could find if they asked perfectly. Reader: the gold passages given in the order of the hops, nothing to find: what the
answers could be if the loop found everything.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from train import data, layouts
from train.ablate import PER_HOP, Set
from train.annotated import build
from train.answers import normal
from train.loop import Loop
from train.sequence import nearest_sentences
from train.vectors import VectorCache


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--bundle", type=Path, default=Path(".latentask/bundle"))
    a.add_argument("--data", type=Path, default=Path("data"))
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--cache", type=Path, default=Path(".latentask/train/vectors"))
    a.add_argument("--questions", type=int, default=100, help="a set")
    a.add_argument("--passages", type=int, default=10000, help="a corpus is cut to this many; 0: all")
    a.add_argument("--out", type=Path)
    args = a.parse_args()
    loop, cache, report = Loop(args.bundle), VectorCache(args.cache, args.weights), {}
    count = lambda x: len(loop.tok.lm.encode(x).ids)  # noqa: E731
    for name in data.SETS:
        z = Set(args.data, name, args.questions, args.passages, cache)
        vectors, passages = z.vectors.numpy(), {p["pid"]: p for p in z.passages}
        by_id = {q["id"]: (q, v) for q, v in zip(z.questions, z.asked.numpy(), strict=True)}
        nearness = lambda q, pids, by_id=by_id, v=vectors, z=z: [float(v[z.row[p]] @ by_id[q["id"]][1]) for p in pids]  # noqa: E731
        trajectories = build(z.questions, passages, nearness)
        asked = iter(cache.get([h.subquery for t in trajectories for h in t.hops], "subqueries"))
        found, right = [], {w: [] for w in loop.ways}
        for n, t in enumerate(trajectories):
            got: set[int] = set()
            for _ in t.hops:
                got |= set(np.argsort(-(vectors @ next(asked)))[:PER_HOP].tolist())
            found.append(np.mean([z.row[p] in got for p in t.gold]))

            def give(hop: int, vector, words, t=t, passages=passages) -> list[str]:
                h = t.hops[hop]
                text = layouts.READER["plain"](passages[h.pid])
                return [nearest_sentences(text, h.subquery, count, loop.m["limits"]["passage_tokens"])]

            out = loop.ask(t.question, give, len(t.hops), ways=loop.ways, stop=False)
            for way, answer in out["answers"].items():
                right[way].append(normal(answer.text) in [normal(x) for x in by_id[t.id][0]["answers"]])
            if n % 20 == 19:
                print(f"{name} {n + 1}/{len(trajectories)}", flush=True)
        report[name] = {
            "n": len(trajectories),
            "gold_subqueries": {"found": float(np.mean(found)), "all": float(np.mean(np.array(found) == 1))},
            "gold_passages_em": {w: float(np.mean(x)) for w, x in right.items()},
        }
    print(json.dumps(report, indent=1))
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
