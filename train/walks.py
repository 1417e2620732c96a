"""What a bundle's own loop finds on the training questions: python -m train.walks --bundle DIR --trajectories DIR [--count N].

A trajectory's passages are those that the teacher's text subqueries find; a loop meets others, in another order, and goes on
from them. So a released bundle is asked the training questions, with hybrid hops as a node makes them, until all gold has been
read and sometimes once more, and what each search found is written down beside the trajectories (`walks.jsonl`). `train.train
--walk-share` trains on those searches as they were, each decision labelled by what had been read by then (DAgger: Ross et al.
2011). Of some questions the gold is hidden from a hop on, as a filter hides it. Deterministic but for the order of the lines;
what is there already is not asked again, and a file of another bundle's walks is not added to.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import re
import time
from collections import defaultdict
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path

import numpy as np

from train import data, hybrid, layouts, trajectories
from train.settings import weights_of
from train.trajectories import Search, Trajectory

HOPS = 4  # searches, as a bundle's limits.hops
AGAIN = 0.25  # of complete walks that search once more: a loop must know later, too, that it has all
HIDDEN = 0.1  # of walks whose gold is hidden from a hop on
WORLDS = 12  # made-up organisations that share a corpus: alone they are too small to miss anything in


FILE = "walks.jsonl"


def load(folder: Path) -> dict[str, list[Search]]:
    """The searches of each trajectory walked, by its id; none where nobody has walked. A line without an end is of a run that was
    cut off."""
    if not (folder / FILE).exists():
        return {}
    rows = [json.loads(line) for line in (folder / FILE).read_text().splitlines(keepends=True) if line.endswith("\n")]
    return {row["id"]: [Search(**s) for s in row["searches"]] for row in rows}


def tidy(file: Path, bundle: str) -> None:
    """Take away what a run that was cut off left behind the last whole line, and refuse a file of another bundle's walks."""
    if not file.exists():
        return
    os.truncate(file, file.read_bytes().rfind(b"\n") + 1)
    for line in file.read_text().splitlines():
        if (by := json.loads(line)["bundle"]) != bundle:
            raise SystemExit(f"error: {file} holds walks of {by}, not of {bundle}\n       Move it away, or walk with that bundle.")


def corpus_of(scope: str) -> str:
    """The scope that a trajectory of `scope` is walked in: itself, or of made-up organisations that of several."""
    world = re.fullmatch(r"m(\d+)-(\d+)", scope)
    return f"m{world[1]} {int(world[2]) // WORLDS}" if world else scope


def choose(all_of: list[Trajectory], shares: str, count: int, seed: int) -> list[Trajectory]:
    """`count` trajectories, of the sources by weight, none twice. Those whose hops don't hold all evidence are left out: nobody
    knows when they should stop."""
    rng = random.Random(seed)
    weights = weights_of(shares)
    by_source: dict[str, list[Trajectory]] = defaultdict(list)
    for t in all_of:
        if t.complete and t.source in weights:
            by_source[t.source].append(t)
    for rows in by_source.values():
        rng.shuffle(rows)
    out: list[Trajectory] = []
    while len(out) < count and any(by_source.values()):
        left = [n for n in weights if by_source[n]]
        out.append(by_source[rng.choices(left, [weights[n] for n in left])[0]].pop())
    return out


def hidden(t: Trajectory, rng: random.Random) -> set[str]:
    """Gold that this walk may not find."""
    if t.kind == "none" or rng.random() >= HIDDEN:
        return set()
    return set(t.gold) if rng.random() < 0.5 else {h.pid for h in t.hops[rng.randrange(len(t.hops)) :]}


def walk(loop, t: Trajectory, passages: list[dict], vectors: np.ndarray, keywords: hybrid.Keywords) -> list[Search]:
    rng = random.Random(f"walk {t.id}")
    keep_back, more = hidden(t, rng), rng.random() < AGAIN
    layout = layouts.READER[layouts.reader_layout(t.id)]
    by = hybrid.settings(loop.m)
    left = {h.pid for h in t.hops}  # "" of what is in no passage stays
    seen: set[int] = set()
    out: list[Search] = []

    def search(hop: int, vector: np.ndarray, focus: list) -> list[str] | None:
        nonlocal more
        order = hybrid.order(vectors @ vector, keywords, t.question, focus, by)
        rows = [r for r in order if r not in seen and passages[r]["pid"] not in keep_back][: hybrid.PER_HOP]
        seen.update(rows)
        out.append(Search([passages[r]["pid"] for r in rows], [w for w, _ in focus]))
        left.difference_update(out[-1].pids)
        if hop == HOPS - 1 or not (left or more):
            return None
        more = more and bool(left)
        return loop.excerpts([layout(passages[r]) for r in rows], t.question, focus)

    loop.walk(t.question, search, HOPS, stop=False)
    return out


class Walker:
    """One process's loop and corpora."""

    def __init__(self, bundle: Path, folder: Path, weights: Path, kept: Path):
        import torch

        from train.loop import Loop
        from train.vectors import VectorCache

        torch.set_num_threads(1)
        self.loop = Loop(bundle, threads=1)
        self.passages: dict[str, list[dict]] = defaultdict(list)
        for p in data.read(folder / "passages.jsonl.gz"):
            self.passages[corpus_of(p["scope"])].append(p)
        self.vectors = VectorCache(kept, weights)
        self.corpus = cache(self.load)

    def load(self, name: str) -> tuple[list[dict], np.ndarray, hybrid.Keywords]:
        rows = self.passages[name]
        return rows, self.vectors.get([layouts.passage(p) for p in rows]), hybrid.Keywords([layouts.READER["plain"](p) for p in rows])

    def __call__(self, t: Trajectory) -> list[Search]:
        return walk(self.loop, t, *self.corpus(corpus_of(t.scope)))


walker: Walker


def begin(*args) -> None:
    global walker
    walker = Walker(*args)


def walked(t: Trajectory) -> tuple[str, list[Search]]:
    return t.id, walker(t)


def main() -> None:
    from train.vectors import VectorCache

    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--bundle", type=Path, default=Path(".latentask/bundle"))
    a.add_argument("--trajectories", type=Path, default=Path(".latentask/train/trajectories"))
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--cache", type=Path, default=Path(".latentask/train/vectors"))
    a.add_argument("--count", type=int, default=2000)
    a.add_argument("--shares", default="hotpotqa=3,2wiki=3,musique=4,single=0.5,wiki=2,pages=4", help="of the sources, by weight")
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--processes", type=int, default=os.cpu_count())
    args = a.parse_args()
    m = json.loads((args.bundle / "manifest.json").read_text())
    bundle, file = f"{m['name']} {m['version']}", args.trajectories / FILE
    tidy(file, bundle)
    there = load(args.trajectories)
    chosen = choose(trajectories.load(args.trajectories / "trajectories.jsonl.gz"), args.shares, args.count, args.seed)
    todo = [t for t in chosen if t.id not in there]
    # Once, before there are several processes: they would write into the same cache.
    VectorCache(args.cache, args.weights).get([layouts.passage(p) for p in data.read(args.trajectories / "passages.jsonl.gz")], "passages")
    begin_with = partial(begin, args.bundle, args.trajectories, args.weights, args.cache)
    began = time.time()
    with open(file, "a") as f, multiprocessing.get_context("spawn").Pool(args.processes, begin_with) as pool:
        for n, (name, searches) in enumerate(pool.imap_unordered(walked, todo, chunksize=4), 1):
            f.write(json.dumps({"id": name, "bundle": bundle, "searches": [asdict(s) for s in searches]}) + "\n")
            if n % 50 == 0:
                f.flush()
                print(f"{n}/{len(todo)} walks, {(time.time() - began) / n * (len(todo) - n) / 60:.1f} min left", flush=True)


if __name__ == "__main__":
    main()
