"""Corpora and questions from a data folder (JSON lines, gzipped; see the project's data README for the fields)."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

SETS = ("hotpotqa", "2wiki", "musique")


def read(path: Path) -> Iterator[dict]:
    """Of a file of JSON lines, gzipped where its name says so."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as f:
        for line in f:
            yield json.loads(line)


def corpus(folder: Path, name: str) -> dict[str, dict]:
    return {p["pid"]: p for p in read(Path(folder) / "corpus" / f"{name}.jsonl.gz")}


def training_questions(folder: Path, counts: dict[str, int], seed: int) -> list[dict]:
    """Annotated multi-hop questions whose gold passages are all in their corpus; `counts` a set, shuffled once."""
    rng, out = random.Random(seed), []
    for name in SETS:
        rows = [q for q in read(Path(folder) / "train" / f"{name}.jsonl.gz") if len(q["gold_pids"]) >= 2]
        rng.shuffle(rows)
        out += rows[: counts.get(name, len(rows))]
    return out


def pool(questions: list[dict], seed: int, distractors: int = 2) -> dict[str, list[str]]:
    """Passage ids a training run searches in, a set: all gold, and a few of each question's own distractors."""
    rng, out = random.Random(seed), {name: {} for name in SETS}
    for q in questions:
        ids = list(q["gold_pids"])
        others = [p for p in q.get("ctx_pids") or [] if p not in ids]
        for pid in ids + rng.sample(others, min(distractors, len(others))):
            out[q["dataset"]][pid] = None
    return {name: list(ids) for name, ids in out.items()}


def never(path: Path) -> set[str]:
    """Titles of the evaluation questions' gold passages: no synthetic question may hop to or through one."""
    with gzip.open(path, "rt", encoding="utf-8") as f:
        return {line.rstrip("\n") for line in f}
