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

from train import devsets, layouts
from train.annotated import build
from train.answers import normal
from train.hybrid import PER_HOP
from train.loop import Loop
from train.vectors import VectorCache


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--bundle", type=Path, default=Path(".latentask/bundle"))
    devsets.add_arguments(a, questions=100)
    a.add_argument("--out", type=Path)
    args = a.parse_args()
    loop, cache, report = Loop(args.bundle), VectorCache(args.cache, args.weights), {}
    for z in devsets.load(args, cache):
        name = z.name
        vectors, passages = z.vectors.numpy(), {p["pid"]: p for p in z.passages}
        by_id = {q["id"]: (q, v) for q, v in zip(z.questions, z.asked.numpy(), strict=True)}
        nearness = lambda q, pids, by_id=by_id, v=vectors, z=z: [float(v[z.row[p]] @ by_id[q["id"]][1]) for p in pids]  # noqa: E731
        trajectories = build(z.questions, passages, nearness)
        asked = iter(cache.get([h.subquery for t in trajectories for h in t.hops], "subqueries", asked=True))
        found, right = [], {w: [] for w in loop.ways}
        for n, t in enumerate(trajectories):
            got: set[int] = set()
            for _ in t.hops:
                got |= set(np.argsort(-(vectors @ next(asked)))[:PER_HOP].tolist())
            found.append(np.mean([z.row[p] in got for p in t.gold]))

            def give(hop: int, vector, words, t=t, passages=passages) -> list[str]:
                h = t.hops[hop]
                text = layouts.READER["plain"](passages[h.pid])
                return loop.excerpts([text], h.subquery, [])

            w = loop.walk(t.question, give, len(t.hops), stop=False)
            for way, answer in loop.answers(w, len(w.turns), loop.ways, list(range(len(w.reads)))).items():
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
