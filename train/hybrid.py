"""Hybrid hops without a node, for the scripts that ask a bundle in Python: what docs/architecture.md says of a hybrid hop, with a
plain BM25 in place of Weaviate's inverted index (one field, its k1 and b, its stop words)."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

PER_HOP = 3  # passages a hop brings in, as a bundle's limits.passages
K1, B = 1.2, 0.75  # Weaviate's defaults
FIRST = 100  # of each side
STOP = frozenset(
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was will with".split()
)
SEARCH = {"alpha": 0.35, "question_weight": 2, "focus_weight": 3.0}  # of a manifest that says nothing


def words(text: str) -> list[str]:
    return [w for w in re.findall(r"[^\W_]+", text.lower()) if w not in STOP]


class Keywords:
    """An inverted index over texts."""

    def __init__(self, texts: list[str]):
        counts = [Counter(words(t)) for t in texts]
        lengths = np.array([sum(c.values()) for c in counts], np.float64)
        self.n = len(texts)
        self.norm = K1 * (1 - B + B * lengths / max(1.0, lengths.mean()))
        postings: dict[str, list[tuple[int, int]]] = {}
        for i, c in enumerate(counts):
            for w, k in c.items():
                postings.setdefault(w, []).append((i, k))
        self.postings = {w: (np.array([i for i, _ in p]), np.array([k for _, k in p], np.float64)) for w, p in postings.items()}

    def scores(self, weights: dict[str, float]) -> np.ndarray:
        """BM25 of every text for words that count so many times."""
        out = np.zeros(self.n)
        for w, times in weights.items():
            if w in self.postings:
                rows, k = self.postings[w]
                idf = np.log(1 + (self.n - len(rows) + 0.5) / (len(rows) + 0.5))
                out[rows] += times * idf * k * (K1 + 1) / (k + self.norm[rows])
        return out


def asked_for(question: str, focus: list[list], search: dict) -> dict[str, float]:
    """How many times each word of a hop's keyword search counts: the question's, and the focus by its gates."""
    out: Counter[str] = Counter()
    for w in words(question):
        out[w] += search["question_weight"]
    for w, gate in focus:
        for part in words(w):
            out[part] += round(search["focus_weight"] * gate)
    return dict(out)


def settings(manifest: dict) -> dict:
    """How a bundle's hops search."""
    return {**SEARCH, **manifest.get("search", {})}


def order(near: np.ndarray, keywords: Keywords, question: str, focus: list[list], by: dict) -> list[int]:
    """Rows as a hop finds them, by the cosines of its vector and its keyword search."""
    return fused(near, keywords.scores(asked_for(question, focus, by)), by["alpha"])


def fused(near: np.ndarray, keyword: np.ndarray, alpha: float, first: int = FIRST) -> list[int]:
    """Rows by Weaviate's relative score: of each side the first so many, its scores stretched to 0 to 1, weighted and added."""
    total: Counter[int] = Counter()
    for scores, weight in ((near, alpha), (keyword, 1 - alpha)):
        top = [i for i in np.argsort(-scores, kind="stable")[:first].tolist() if scores is near or scores[i] > 0]
        low, high = (scores[top[-1]], scores[top[0]]) if top else (0.0, 0.0)
        for i in top:
            total[i] += weight * ((scores[i] - low) / (high - low) if high > low else 1.0)
    return sorted(total, key=lambda i: -total[i])
