"""Vectors of a collection that only its speed is measured of: they cost nothing to make and have neighbours as texts do."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Sequence

import numpy as np

from .passages import read
from .settings import DATA, ID_PROPERTY

DIMENSION = 384
TABLE = 1 << 14
CORPORA = ("2wiki", "hotpotqa", "musique", "wiki18")


def some_passages(n: int) -> list[dict]:
    """Passages of all corpora in a random order, the same in every run."""
    everything = [p for name in CORPORA for p in read(DATA / "corpus" / f"{name}.jsonl.gz")]
    if n > len(everything):
        raise SystemExit(f"error: there are {len(everything)} passages, {n} are needed\n       OBJECTS=… asks for fewer.")
    return random.Random(1).sample(everything, n)


class WordVectors:
    """A text's vector is the sum of fixed random vectors of its words, rare and frequent ones alike."""

    def __init__(self) -> None:
        self.table = np.random.default_rng(1).standard_normal((TABLE, DIMENSION), np.float32)

    def of(self, text: str) -> np.ndarray:
        rows = [zlib.crc32(w.encode()) % TABLE for w in set(re.findall(r"\w+", text.lower()))]
        v = self.table[rows].sum(0) if rows else self.table[0]
        return v / np.linalg.norm(v)

    def by_pid(self, passages: Sequence[dict]) -> dict[str, np.ndarray]:
        return {p[ID_PROPERTY]: self.of(f"{p['title']} {p['text']}") for p in passages}
