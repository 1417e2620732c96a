"""Development sets for the scripts that ask a bundle or a run in Python: questions, a corpus cut to size, vectors of both."""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import torch

from train import data, layouts, madeup, written
from train.vectors import VectorCache

SEED = 1  # of made-up worlds, and of which questions are taken; training has 0


class Set:
    """Questions, the passages they are asked over, and vectors of both."""

    def __init__(self, name: str, questions: list[dict], passages: list[dict], cache: VectorCache):
        self.name, self.questions, self.passages = name, questions, passages
        self.row = {p["pid"]: i for i, p in enumerate(passages)}
        self.vectors = torch.tensor(cache.get([layouts.RETRIEVER["weaviate"](p) for p in passages], name))
        self.asked = torch.tensor(cache.get([q["question"] for q in questions], name, asked=True))


def dev(folder: Path, name: str, questions: int, passages: int, cache: VectorCache) -> Set:
    """A set's last questions with gold passages, its corpus cut to size, and vectors of both. `latentask eval --limit` takes the
    first, so that its tables and what is fitted here need not share a question."""
    asked = [q for q in data.read(folder / "dev" / f"{name}.jsonl.gz") if len(q["gold_pids"]) >= 2]
    corpus = data.corpus(folder, name)
    first = dict.fromkeys(p for q in asked for p in q["gold_pids"] + (q.get("ctx_pids") or []) if p in corpus)
    pids = [*first, *(p for p in corpus if p not in first)][: passages or None]
    taken = asked[-questions:]
    if absent := {p for q in taken for p in q["gold_pids"]}.difference(pids):
        raise SystemExit(f"error: --passages {passages}: {len(absent)} gold passages of {name} lie behind it\n       Take more passages.")
    return Set(name, taken, [corpus[p] for p in pids], cache)


def made_up(questions: int, cache: VectorCache) -> Set:
    """Questions over made-up organisations, of a seed that no training takes: all their pages in one corpus."""
    passages, asked = [], []
    for world in madeup.generate(SEED, max(8, questions // 4)):
        passages += [{"pid": p.pid, "title": p.title, "text": p.text} for p in world.pages]
        asked += [
            {"id": q.id, "question": q.question, "answers": [q.answer], "gold_pids": list(dict.fromkeys(h.pid for h in q.hops))}
            for q in world.questions
            if q.kind != "none"
        ]
    return Set("made-up", random.Random(SEED).sample(asked, min(questions, len(asked))), passages, cache)


def held_out(folder: Path, questions: int, cache: VectorCache) -> Set:
    """Questions over pages that a language model wrote and that are not trained on: all of them in one corpus."""
    asked, passages = written.rows(folder, written.HELD_OUT)
    if not asked:
        raise SystemExit(f"error: {folder}/train/{written.HELD_OUT} holds no questions")
    return Set("written", random.Random(SEED).sample(asked, min(questions, len(asked))), passages, cache)


def add_arguments(a: argparse.ArgumentParser, questions: int) -> None:
    """Where data, weights and kept vectors lie, and how much of each set to take."""
    a.add_argument("--data", type=Path, default=Path("data"))
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--cache", type=Path, default=Path(".latentask/train/vectors"))
    a.add_argument("--questions", type=int, default=questions, help="a set")
    a.add_argument("--passages", type=int, default=10000, help="a corpus is cut to this many; 0: all")


def load(args: argparse.Namespace, cache: VectorCache) -> list[Set]:
    return [dev(args.data, name, args.questions, args.passages, cache) for name in data.SETS]
