"""A BERT-type retriever's trained query side, as a released adapter holds it: its layers less the frozen ones, whose small
numbers half floats keep well. A decoder's query side is LoRA and stays as it is."""

from __future__ import annotations

import numpy as np

from train.weights import ENCODER_NAMES, BertRetriever, Retriever

TOLD = (
    "told."  # before the names of the LoRA with which the backbone puts latents into words (telling.py), of the layers where it is another
)


def difference(adapter: dict[str, np.ndarray], retriever: Retriever) -> dict[str, np.ndarray]:
    """A run's adapter as it is released."""
    return moved(adapter, retriever, -1)


def whole(adapter: dict[str, np.ndarray], retriever: Retriever) -> dict[str, np.ndarray]:
    """A released adapter as training holds it, in float32."""
    return moved({k: v.astype(np.float32) for k, v in adapter.items()}, retriever, 1)


def moved(adapter: dict[str, np.ndarray], retriever: Retriever, sign: int) -> dict[str, np.ndarray]:
    out = dict(adapter)
    if not isinstance(retriever, BertRetriever):
        return out
    for i, layer in enumerate(retriever.layers):
        for name in ENCODER_NAMES:
            key, base = f"query.encoder.layers.{i}.{name}", layer[name]
            out[key + ".weight"] = out[key + ".weight"] + sign * (base.T if base.ndim == 2 else base)
            out[key + ".bias"] = out[key + ".bias"] + sign * layer[name + "_b"]
    return out
