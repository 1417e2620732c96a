"""The loop's hops in PyTorch, many questions at once, without keys and values kept: for a card, and for runs that are not exported.

`loop.py` is the reference, over a bundle's ONNX files and one question at a time; the sequence is the same.
"""

from __future__ import annotations

import contextlib

import numpy as np
import torch
from torch import Tensor

from train.loop import FOCUS, focus_words
from train.losses import states
from train.model import Model
from train.packing import Ids, asking, moved
from train.sequence import Tokens


class Asked:
    """One question on its way through the hops."""

    def __init__(self, question: str, tok: Tokens):
        self.question, self.ids, self.texts = question, tok.question(question), 0
        self.candidates: list[tuple[int, int]] = []  # position of the state, piece id
        self.words: list[tuple[int, str, tuple[int, int]]] = []  # of the same: which passage, its text, offsets there

    def read(self, tok: Tokens, texts: list[str], budget: int) -> None:
        for text in texts:
            r = tok.read(text, budget)
            self.ids += tok.prompt["passage"]
            self.candidates += [(len(self.ids) + at, piece) for at, piece in zip(r.states, r.pieces, strict=True)]
            self.words += [(self.texts, r.text, o) for o in r.offsets]
            self.texts += 1
            self.ids += r.ids


@torch.no_grad()
def hop(model: Model, tok: Tokens, asked: list[Asked], device: str, *, bf16: bool = False) -> tuple[Tensor, list[list[list]]]:
    """Each question's next search: unit vectors [B,D] on `device`, and the words that it copies. The latents stay in their sequences."""
    s = model.s
    for a in asked:
        a.ids += tok.think + tok.query
    first = np.cumsum([0, *(len(a.ids) for a in asked)])
    read = asking(tok, [(at, a.question, a.candidates if s.copy_head else []) for at, a in zip(first, asked, strict=False)])
    read = {name: moved(x, device) for name, x in read.items()}
    query = moved((first[1:] - s.query)[:, None] + np.arange(s.query), device)
    with torch.autocast(torch.device(device).type, torch.bfloat16) if bf16 else contextlib.nullcontext():
        seen = states(model, moved(Ids.of([a.ids for a in asked], tok.think[0]), device))
        keys = model.query.keys(seen).float()[read["where"]]
        vectors, logits = model.query(seen[query], read["asked"], read["asked_mask"], read["piece"], keys, read["mask"])
    gates = torch.sigmoid(logits.float()).cpu().numpy()
    focus = [focus_words(a.words, g[: len(a.words)], FOCUS) if s.copy_head else [] for a, g in zip(asked, gates, strict=True)]
    return vectors.float(), focus
