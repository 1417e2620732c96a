"""What a bundle's own loop finds on the training questions: python -m train.walks --bundle DIR --trajectories DIR [--count N],
or, on a card and of a run that is not exported, --adapter RUN --device cuda.

A trajectory's passages are those that the teacher's text subqueries find; a loop meets others, in another order, and goes on
from them. So a bundle is asked the training questions, with hybrid hops as a node makes them (a quarter with vector hops), until
all gold has been read and sometimes once more, and what each search found is written down (`walks.jsonl`). `train.train
--walk-share` trains on those searches as they were, each decision labelled by what had been read by then (DAgger: Ross et al.
2011). Of some questions the gold is hidden from a hop on, as a filter hides it. A bundle's walks are the same again but for the
order of the lines; what is there already is not asked again, and a file of another's walks is not added to. By --latents a bundle's
latents are written down too (`latents.f16`: of each search those of its think and query tokens, in the order of the walks), for
`train.telling`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import re
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from train import data, hybrid, layouts, trajectories
from train.settings import weights_of
from train.trajectories import Search, Trajectory

HOPS = 4  # searches, as a bundle's limits.hops
AGAIN = 0.25  # of complete walks that search once more: a loop must know later, too, that it has all
HIDDEN = 0.1  # of walks whose gold is hidden from a hop on
VECTOR = 0.25  # of walks whose hops search by the vector alone, as a node's may
READS = 96  # tokens of a passage that a hop reads, as a bundle's limits.passage_tokens
WORLDS = 12  # made-up organisations that share a corpus: alone they are too small to miss anything in


FILE = "walks.jsonl"


def load(folder: Path) -> dict[str, list[Search]]:
    """The searches of each trajectory walked, by its id; none where nobody has walked. A line without an end is of a run that was
    cut off."""
    if not (folder / FILE).exists():
        return {}
    rows = [json.loads(line) for line in (folder / FILE).read_text().splitlines(keepends=True) if line.endswith("\n")]
    return {row["id"]: [Search(**s) for s in row["searches"]] for row in rows}


def walker_of(folder: Path) -> str:
    """The bundle that walked, or the run."""
    with open(folder / FILE) as f:
        return json.loads(f.readline())["bundle"]


LATENTS = "latents.f16"


def latents(folder: Path, tokens: int, hidden: int) -> np.ndarray:
    """[searches, tokens, H], of all walks in the order of their lines. What a run that was cut off left behind them is left out."""
    every, row = np.memmap(folder / LATENTS, np.float16, "r"), tokens * hidden
    return every[: len(every) // row * row].reshape(-1, tokens, hidden)


def tidy(file: Path, bundle: str, row: int = 0) -> None:
    """Take away what a run that was cut off left behind the last whole line, and refuse a file of another bundle's walks. `row` is how
    many bytes of latents each search has, 0 for none."""
    kept = file.with_name(LATENTS)
    if not file.exists():
        if kept.exists():
            raise SystemExit(f"error: {kept} is of walks that are gone\n       Move it away too.")
        return
    os.truncate(file, file.read_bytes().rfind(b"\n") + 1)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        if line["bundle"] != bundle:
            raise SystemExit(
                f"error: {file} holds walks of {line['bundle']}, not of {bundle}\n       Move it away, or walk with that bundle."
            )
    size = row * sum(len(line["searches"]) for line in lines)
    if size > (kept.stat().st_size if kept.exists() else 0):
        raise SystemExit(f"error: {file} holds walks without latents\n       Move it away, or walk without --latents.")
    if kept.exists():
        if lines and not row:
            raise SystemExit(f"error: {file} holds walks with latents\n       Move both files away, or walk with --latents.")
        os.truncate(kept, size)


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


class Walking:
    """One trajectory on its way: what it may find, what it has found."""

    def __init__(self, t: Trajectory, passages: list[dict], by: dict):
        rng = random.Random(f"walk {t.id}")
        self.t, self.passages = t, passages
        self.keep_back, self.more = hidden(t, rng), rng.random() < AGAIN
        self.by = {**by, "alpha": 1.0} if rng.random() < VECTOR else by
        self.layout = layouts.READER[layouts.reader_layout(t.id)]
        self.left = {h.pid for h in t.hops}  # "" of what is in no passage stays
        self.seen: set[int] = set()
        self.searches: list[Search] = []

    def search(self, near: np.ndarray, keywords: hybrid.Keywords, focus: list[list]) -> list[str] | None:
        """What the next search brings in, by its cosines to all passages; None where the walk ends with it."""
        order = hybrid.order(near, keywords, self.t.question, focus, self.by)
        rows = [r for r in order if r not in self.seen and self.passages[r]["pid"] not in self.keep_back][: hybrid.PER_HOP]
        self.seen.update(rows)
        pids = [self.passages[r]["pid"] for r in rows]
        self.searches.append(Search(pids, [w for w, _ in focus]))
        self.left.difference_update(pids)
        if len(self.searches) == HOPS or not (self.left or self.more):
            return None
        self.more = self.more and bool(self.left)
        return [self.layout(self.passages[r]) for r in rows]


class Corpora:
    """Passages, vectors and inverted index of each corpus, loaded when it is first walked in."""

    def __init__(self, folder: Path, retriever: Path, kept: Path):
        from train.vectors import VectorCache

        self.passages: dict[str, list[dict]] = defaultdict(list)
        for p in data.read(folder / "passages.jsonl.gz"):
            self.passages[corpus_of(p["scope"])].append(p)
        self.vectors = VectorCache(kept, retriever)
        self.of = cache(self.load)

    def load(self, name: str) -> tuple[list[dict], np.ndarray, hybrid.Keywords]:
        rows = self.passages[name]
        return rows, self.vectors.get([layouts.passage(p) for p in rows]), hybrid.Keywords([layouts.READER["plain"](p) for p in rows])


class Walked(NamedTuple):
    """A trajectory's searches, and the latents of each where they are known: [searches, m+n, H]."""

    id: str
    searches: list[Search]
    latents: np.ndarray | None = None


class OnnxWalker:
    """Walks of a bundle's ONNX files: on a processor."""

    def __init__(self, bundle: Path, corpora: Corpora):
        from train.loop import Loop

        self.loop, self.corpora = Loop(bundle, threads=1), corpora

    def __call__(self, batch: list[Trajectory]) -> list[Walked]:
        return [walk(self.loop, t, *self.corpora.of(corpus_of(t.scope))) for t in batch]


def walk(loop, t: Trajectory, passages: list[dict], vectors: np.ndarray, keywords: hybrid.Keywords) -> Walked:
    w = Walking(t, passages, hybrid.settings(loop.m))

    def search(hop: int, vector: np.ndarray, focus: list) -> list[str] | None:
        texts = w.search(vectors @ vector, keywords, focus)
        return texts if texts is None else loop.excerpts(texts, t.question, focus)

    turns = loop.walk(t.question, search, HOPS, stop=False).turns
    return Walked(t.id, w.searches, np.stack([np.concatenate([turn.think, turn.query]) for turn in turns if turn.searched]))


class TorchWalker:
    """Walks of an adapter in PyTorch, those of a batch beside each other: on a card."""

    def __init__(self, adapter: Path, weights: Path, device: str, corpora: Corpora):
        from train import adapters

        self.model, self.tok, _ = adapters.opened(adapter, weights, device)
        self.by, self.device, self.corpora = adapters.search(adapter), device, corpora

    def __call__(self, batch: list[Trajectory]) -> list[Walked]:
        passages, vectors, keywords = self.corpora.of(corpus_of(batch[0].scope))
        return walk_together(self.model, self.tok, batch, passages, vectors, keywords, self.by, self.device)


def walk_together(model, tok, batch: list[Trajectory], passages, vectors, keywords, by: dict, device: str) -> list[Walked]:
    import torch

    from train.batched import Asked, hop
    from train.loop import excerpts

    walks = [(Walking(t, passages, by), Asked(t.question, tok)) for t in batch]
    all_of, on = torch.from_numpy(vectors).to(device), walks
    while on:
        found, focus = hop(model, tok, [a for _, a in on], device, bf16=device != "cpu")
        near, left = (found @ all_of.T).cpu().numpy(), []
        for (w, a), cosines, words in zip(on, near, focus, strict=True):
            if (texts := w.search(cosines, keywords, words)) is not None:
                a.read(tok, excerpts(tok, texts, a.question, words, READS), READS)
                left.append((w, a))
        on = left
    return [Walked(w.t.id, w.searches) for w, _ in walks]


walker: Callable[[list[Trajectory]], list[Walked]]


def begin(bundle: Path, adapter: Path | None, device: str, folder: Path, weights: Path, retriever: Path, kept: Path) -> None:
    """In each process."""
    import torch

    global walker
    torch.set_num_threads(1)
    corpora = Corpora(folder, retriever, kept)
    walker = TorchWalker(adapter, weights, device, corpora) if adapter else OnnxWalker(bundle, corpora)


def walked(batch: list[Trajectory]) -> list[Walked]:
    return walker(batch)


def batches(todo: list[Trajectory], size: int, seed: int) -> list[list[Trajectory]]:
    """Those of a corpus beside each other, but the batches in any order: walks that are cut off are of all sources."""
    by_corpus: dict[str, list[Trajectory]] = defaultdict(list)
    for t in todo:
        by_corpus[corpus_of(t.scope)].append(t)
    out = [rows[lo : lo + size] for rows in by_corpus.values() for lo in range(0, len(rows), size)]
    random.Random(seed).shuffle(out)
    return out


def main() -> None:
    from train.vectors import VectorCache

    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--bundle", type=Path, default=Path(".latentask/bundle"))
    a.add_argument("--adapter", type=Path, help="walk in PyTorch instead, with this run's adapter or a released one: its folder")
    a.add_argument("--device", default="cpu", help="for --adapter")
    a.add_argument("--trajectories", type=Path, default=Path(".latentask/train/trajectories"))
    a.add_argument("--out", type=Path, help="where walks.jsonl goes, by default beside the trajectories")
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--cache", type=Path, default=Path(".latentask/train/vectors"))
    a.add_argument("--latents", action="store_true", help="write down the latents of each search too, 23 KB of them (with --bundle)")
    a.add_argument("--count", type=int, default=2000)
    a.add_argument("--shares", default="hotpotqa=3,2wiki=3,musique=4,single=0.5,wiki=2,pages=3,written=3", help="of the sources, by weight")
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--processes", type=int, default=os.cpu_count())
    args = a.parse_args()
    row = 0
    if args.adapter:
        from train import adapters

        if args.latents:
            a.error("--latents are those of a bundle")

        by = f"{args.adapter.name} {adapters.digest(args.adapter)}"
        retriever = Path(adapters.settings(args.adapter).retriever or args.weights)
    else:
        m = json.loads((args.bundle / "manifest.json").read_text())
        by, retriever = f"{m['name']} {m['version']}", args.weights
        if args.latents:
            row = (m["latent"]["think"] + m["latent"]["query"]) * m["backbone"]["hidden"] * np.dtype(np.float16).itemsize
    folder = args.out or args.trajectories
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    tidy(file, by, row)
    there = load(folder)
    chosen = choose(trajectories.load(args.trajectories / "trajectories.jsonl.gz"), args.shares, args.count, args.seed)
    todo = batches([t for t in chosen if t.id not in there], 32 if args.adapter else 4, args.seed)
    # Once, before there are several processes: they would write into the same cache.
    VectorCache(args.cache, retriever).get([layouts.passage(p) for p in data.read(args.trajectories / "passages.jsonl.gz")], "passages")
    begin_with = partial(begin, args.bundle, args.adapter, args.device, args.trajectories, args.weights, retriever, args.cache)
    began, n, count = time.time(), 0, sum(map(len, todo))
    # Of one that cannot begin all end, which a Pool of multiprocessing would start anew for ever.
    with (
        open(file, "a") as f,
        open(folder / LATENTS, "ab") if row else contextlib.nullcontext() as states,
        ProcessPoolExecutor(args.processes, multiprocessing.get_context("spawn"), begin_with) as pool,
    ):
        for done in as_completed([pool.submit(walked, batch) for batch in todo]):
            batch = done.result()
            for w in batch:
                if states:  # before the line that counts them
                    states.write(w.latents.astype(np.float16).tobytes())
                    states.flush()
                f.write(json.dumps({"id": w.id, "bundle": by, "searches": [asdict(s) for s in w.searches]}) + "\n")
            n += len(batch)
            f.flush()
            print(f"{n}/{count} walks, {(time.time() - began) / n * (count - n) / 60:.1f} min left", flush=True)


if __name__ == "__main__":
    main()
