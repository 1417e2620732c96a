"""Vectors of texts by the frozen retriever, kept on disk by content hash, so that a text is embedded once.

A cache is two append-only files: `keys` (20 hex digits a line) and `rows.f16` (D half floats a row).
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

from train.encoder import retriever_encoder
from train.settings import Settings
from train.weights import load_retriever


def key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


class VectorCache:
    """`weights` is a retriever as `load_retriever` takes it; a cache serves one retriever."""

    def __init__(self, folder: Path, weights: Path, device: str = "cpu"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        retriever = load_retriever(weights)
        self.tokenizer = retriever.tokenizer
        self.tokenizer.enable_truncation(retriever.max_tokens)
        self.prefix, self.question_prefix = retriever.prefix, retriever.question_prefix
        self.device = device
        self.encoder = retriever_encoder(retriever, Settings()).eval()
        self.dimension = retriever.dimension
        self.index: dict[str, int] = {}
        self.count = 0  # of rows; more than the index holds where two runs embedded the same text
        keys, rows = self.folder / "keys", self.folder / "rows.f16"
        if keys.exists():
            for k in keys.read_text().split():
                self.index[k] = self.count
                self.count += 1
        if rows.exists() and rows.stat().st_size > 2 * self.dimension * self.count:  # a run died between the two writes
            os.truncate(rows, 2 * self.dimension * self.count)
        self.rows = self._map()

    def _map(self) -> np.ndarray:
        file = self.folder / "rows.f16"
        if not file.exists():
            return np.zeros((0, self.dimension), np.float16)
        n = file.stat().st_size // (2 * self.dimension)
        return np.memmap(file, np.float16, "r", shape=(n, self.dimension)) if n else np.zeros((0, self.dimension), np.float16)

    @torch.no_grad()
    def embed(self, texts: list[str]) -> np.ndarray:
        """[N,D] float32 unit vectors, without the cache."""
        if self.device != "cpu":
            self.encoder.to(self.device)
        encoded = [e.ids for e in self.tokenizer.encode_batch(texts)]
        out = np.zeros((len(texts), self.dimension), np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(encoded[i]))
        for batch in by_tokens(order, encoded, 4096 if self.device == "cpu" else 65536):
            width = max(len(encoded[i]) for i in batch)
            ids, mask = torch.zeros(len(batch), width, dtype=torch.long), torch.zeros(len(batch), width)
            for row, i in enumerate(batch):
                ids[row, : len(encoded[i])] = torch.tensor(encoded[i])
                mask[row, : len(encoded[i])] = 1
            out[batch] = self.encoder.encode(ids.to(self.device), mask.to(self.device)).cpu().numpy()
        return out

    def get(self, texts: list[str], label: str = "embedding", asked: bool = False) -> np.ndarray:
        """[N,D] float32 rows for the texts, or, if `asked`, for questions; what is missing is embedded, written in chunks, and
        counted on stderr."""
        prefix = self.question_prefix if asked else self.prefix
        texts = [prefix + t for t in texts] if prefix else texts
        keys = [key(t) for t in texts]
        missing = list({k: t for k, t in zip(keys, texts, strict=True) if k not in self.index}.items())
        start = time.time()
        for at in range(0, len(missing), 2048):
            chunk = missing[at : at + 2048]
            rows = self.embed([t for _, t in chunk]).astype(np.float16)
            with open(self.folder / "rows.f16", "ab") as f:
                f.write(rows.tobytes())
            with open(self.folder / "keys", "a") as f:
                f.write("".join(k + "\n" for k, _ in chunk))
            self.index.update({k: self.count + i for i, (k, _) in enumerate(chunk)})
            self.count += len(chunk)
            done = at + len(chunk)
            left = (time.time() - start) / done * (len(missing) - done)
            print(f"{label}: {done}/{len(missing)} texts, {left / 60:.1f} min left", file=sys.stderr, flush=True)
        if missing:
            self.rows = self._map()
        return np.asarray(self.rows[[self.index[k] for k in keys]], dtype=np.float32)


def by_tokens(order: list[int], encoded: list[list[int]], limit: int):
    """Cut `order` (shortest first) into batches whose padded size stays within `limit` tokens."""
    batch: list[int] = []
    for i in order:
        if batch and (len(batch) + 1) * len(encoded[i]) > limit:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
