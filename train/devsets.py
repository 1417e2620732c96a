"""Development sets for the scripts that ask a bundle or a run in Python: questions, a corpus cut to size, vectors of both."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from train import data, layouts
from train.vectors import VectorCache

PER_HOP = 3  # passages a hop brings in, as a bundle's limits.passages


class Set:
    """A set's last questions with gold passages, its corpus cut to size, and vectors of both. `latentask eval --limit` takes the
    first, so that its tables and what is fitted here need not share a question."""

    def __init__(self, folder: Path, name: str, questions: int, passages: int, cache: VectorCache):
        asked = [q for q in data.read(folder / "dev" / f"{name}.jsonl.gz") if len(q["gold_pids"]) >= 2]
        corpus = data.corpus(folder, name)
        first = dict.fromkeys(p for q in asked for p in q["gold_pids"] + (q.get("ctx_pids") or []) if p in corpus)
        pids = [*first, *(p for p in corpus if p not in first)][: passages or None]
        self.name, self.questions = name, asked[-questions:]
        self.passages = [corpus[p] for p in pids]
        self.row = {p: i for i, p in enumerate(pids)}
        self.vectors = torch.tensor(cache.get([layouts.RETRIEVER["weaviate"](p) for p in self.passages], name))
        self.asked = torch.tensor(cache.get([q["question"] for q in self.questions], name, asked=True))


def add_arguments(a: argparse.ArgumentParser, questions: int) -> None:
    """Where data, weights and kept vectors lie, and how much of each set to take."""
    a.add_argument("--data", type=Path, default=Path("data"))
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--cache", type=Path, default=Path(".latentask/train/vectors"))
    a.add_argument("--questions", type=int, default=questions, help="a set")
    a.add_argument("--passages", type=int, default=10000, help="a corpus is cut to this many; 0: all")


def load(args: argparse.Namespace, cache: VectorCache) -> list[Set]:
    return [Set(args.data, name, args.questions, args.passages, cache) for name in data.SETS]
