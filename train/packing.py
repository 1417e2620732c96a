"""A micro-batch as arrays, so that the losses are a few large operations on a device and no loops over examples.

Worker processes make it (`pack`, of NumPy's arrays alone), `moved` makes tensors of them on a device: the methods here that compute
expect those. Positions are rows of the packed states: the sequences lie one behind the other, without padding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass, replace

import numpy as np
import torch

from train.examples import SAID, Example, HopAt
from train.sequence import Tokens


@dataclass
class Packing:
    """Sequences one behind the other: each token's place in its own, and its row where they are padded to one width."""

    lengths: list[int]
    place: np.ndarray  # [N]
    padded: np.ndarray  # [N], of [B·width]
    starts: np.ndarray  # [B+1] 32-bit, as kernels for packed sequences take them

    @classmethod
    def of(cls, lengths: list[int]) -> Packing:
        place = np.concatenate([np.arange(n) for n in lengths])
        row = np.repeat(np.arange(len(lengths)), lengths)
        return cls(list(lengths), place, row * max(lengths) + place, np.cumsum([0, *lengths], dtype=np.int32))

    def pad(self, x: torch.Tensor) -> torch.Tensor:
        """[N,…] → [B,width,…], zeros behind the shorter ones."""
        width = max(self.lengths)
        rows = x.new_zeros(len(self.lengths) * width, *x.shape[1:]).index_copy(0, self.padded, x)
        return rows.view(len(self.lengths), width, *x.shape[1:])

    def unpad(self, x: torch.Tensor) -> torch.Tensor:
        """[B,width,…] → [N,…]."""
        return x.flatten(0, 1).index_select(0, self.padded)


@dataclass
class Ids:
    """Packed input ids. What is no token (a latent, an injected row) stands in `ids` as 0 and is put in at `extra_at`."""

    packing: Packing
    ids: np.ndarray  # [N]
    extra_at: np.ndarray  # [E]
    extra: np.ndarray  # [E]: row of the latents with the injected rows behind them

    @classmethod
    def of(cls, rows: list[list[int]], vocab: int) -> Ids:
        ids = np.array([t for r in rows for t in r])
        at = np.flatnonzero(ids >= vocab)
        extra = ids[at] - vocab
        ids[at] = 0
        return cls(Packing.of([len(r) for r in rows]), ids, at, extra)


@dataclass
class Hops:
    """The searches of a micro-batch: latents, what the query side may copy, what is to be found."""

    query: np.ndarray  # [K,n] where the query tokens stand
    asked: np.ndarray  # [K,Q] the question's retriever pieces
    asked_mask: np.ndarray
    where: np.ndarray  # [K,W] candidates: position of the state
    piece: np.ndarray  # [K,W]
    mask: np.ndarray  # [K,W]
    label: np.ndarray  # [K,W] 1 for a piece of a bridge name
    labelled: bool  # whether any is
    rows: np.ndarray  # [R] vectors that are ranked
    hidden: np.ndarray  # [2,·] search, and which of `rows` counts there neither as found nor as missed
    gold: np.ndarray  # [K] which of `rows` is the gold passage, −1 where there is none
    teacher: np.ndarray  # [K] row of the text subquery's vector


@dataclass
class Targets:
    """Positions and what is to be predicted there."""

    at: np.ndarray
    target: np.ndarray


@dataclass
class Supports:
    """Decisions with the passages read before them."""

    think: np.ndarray
    passage: np.ndarray
    gold: np.ndarray


@dataclass
class Spans:
    """Answers as spans of the words read."""

    at: np.ndarray  # [P] the state that asks
    words: np.ndarray  # [P,W]
    mask: np.ndarray  # [P,W]
    start: np.ndarray  # [P] a word, or W + slot
    end: np.ndarray  # [P] a word; 0 for a slot
    allowed: np.ndarray  # [P,W] words that may end it; all false for a slot


@dataclass
class Decoded:
    """Hops whose latents are put into words, each twice: thought, then subquery."""

    think: np.ndarray  # [D,m] positions of the latents
    query: np.ndarray  # [D,n]
    ids: Ids
    words: Targets


@dataclass
class Packed:
    ids: Ids
    hops: Hops | None
    actions: Targets
    supports: Supports | None
    answers: Targets | None
    written: Targets | None
    spans: Spans | None
    decoded: Decoded | None


def moved(x, device: str | torch.device):
    """The same with its arrays as tensors on `device`."""
    if isinstance(x, np.ndarray):
        return torch.from_numpy(x).to(device, non_blocking=True)
    if is_dataclass(x):
        return replace(x, **{f.name: moved(getattr(x, f.name), device) for f in fields(x)})
    return x


def pad(rows: list, dtype=np.int64, fill=0) -> tuple[np.ndarray, np.ndarray]:
    """[len(rows), longest] and which of it is no filling."""
    width = max((len(r) for r in rows), default=0)
    out, mask = np.full((len(rows), width), fill, dtype), np.zeros((len(rows), width), bool)
    for i, r in enumerate(rows):
        out[i, : len(r)], mask[i, : len(r)] = r, True
    return out, mask


def pack(tok: Tokens, batch: list[Example], rows: list[int], teacher: Callable[[Example, HopAt], int]) -> Packed:
    """`rows` are the vectors that the batch is ranked against; `teacher` names a hop's row among the teachers' vectors."""
    first = np.cumsum([0, *(len(e.ids) for e in batch)])
    found = [(first[i], e) for i, e in enumerate(batch)]
    hops = [(at, e, h) for at, e in found for h in e.hops]
    return Packed(
        ids=Ids.of([e.ids for e in batch], tok.think[0]),
        hops=search(tok, hops, rows, teacher) if hops else None,
        actions=targets([(at, e.actions) for at, e in found]),
        supports=support(found),
        answers=targets([(at, e.texts) for at, e in found]),
        written=targets([(at, e.written) for at, e in found]),
        spans=spans(found),
        decoded=decoded(tok, found),
    )


def targets(rows: list[tuple[int, list[tuple[int, int]]]]) -> Targets | None:
    pairs = [(first + at, t) for first, row in rows for at, t in row]
    return Targets(*np.array(pairs).T.copy()) if pairs else None


def asking(tok: Tokens, hops: list[tuple[int, str, list[tuple[int, int]]]]) -> dict[str, np.ndarray]:
    """What the query head reads beside its latents, of hops as (where their sequence begins, question, candidates in it)."""
    asked, asked_mask = pad([tok.question_pieces(question) for _, question, _ in hops])
    where, mask = pad([[first + at for at, _ in candidates] for first, _, candidates in hops])
    piece, _ = pad([[p for _, p in candidates] for _, _, candidates in hops])
    return {"asked": asked, "asked_mask": asked_mask, "where": where, "piece": piece, "mask": mask}


def search(tok: Tokens, hops: list[tuple[int, Example, HopAt]], rows: list[int], teacher) -> Hops:
    s = tok.s
    label, _ = pad([h.labels for _, _, h in hops], np.float32)
    place = {c: i for i, c in enumerate(rows)}
    hidden = [(r, place[o]) for r, (_, _, h) in enumerate(hops) for o in h.other if o in place]
    return Hops(
        query=np.array([first + h.at + s.think for first, _, h in hops])[:, None] + np.arange(s.query),
        **asking(tok, [(first, e.t.question, h.candidates) for first, e, h in hops]),
        label=label,
        labelled=bool(label.any()),
        rows=np.array(rows),
        hidden=np.array(hidden, np.int64).reshape(-1, 2).T.copy(),
        gold=np.array([place[h.gold] if h.gold >= 0 else -1 for _, _, h in hops]),
        teacher=np.array([teacher(e, h) for _, e, h in hops]),
    )


def support(found: list[tuple[int, Example]]) -> Supports | None:
    pairs = [(first + at, first + end, gold) for first, e in found for at, end, gold in e.supports()]
    return Supports(*(np.array(x) for x in zip(*pairs, strict=True))) if pairs else None


def spans(found: list[tuple[int, Example]]) -> Spans | None:
    pointed = [(first, e.pointed) for first, e in found if e.pointed]
    if not pointed:
        return None
    words, mask = pad([[first + w for w in p.words] for first, p in pointed])
    allowed = np.zeros_like(mask)
    for i, (_, p) in enumerate(pointed):
        allowed[i, p.allowed] = True
    slot = lambda p: words.shape[1] + p.start - len(p.words)  # noqa: E731
    return Spans(
        at=np.array([first + p.at for first, p in pointed]),
        words=words,
        mask=mask,
        start=np.array([p.start if p.end >= 0 else slot(p) for _, p in pointed]),
        end=np.array([max(p.end, 0) for _, p in pointed]),
        allowed=allowed,
    )


def decoded(tok: Tokens, found: list[tuple[int, Example]]) -> Decoded | None:
    s, think, query, rows = tok.s, [], [], []
    for first, question, h in ((first, e.t.question, e.hops[i]) for first, e in found for i in e.decode):
        inject = tok.inject + len(think) * (s.think + s.query)
        think.append(first + h.at + np.arange(s.think))
        query.append(first + h.at + s.think + np.arange(s.query))
        rows.append(told(tok, "thought", question, h.focus, range(inject, inject + s.think), h.hop.thought))
        rows.append(told(tok, "subquery", question, h.focus, range(inject + s.think, inject + s.think + s.query), h.hop.subquery))
    return Decoded(np.stack(think), np.stack(query), *telling(tok, rows)) if rows else None


Told = tuple[list[int], int]  # ids, and where the text begins


def told(tok: Tokens, name: str, question: str, focus: list[str], latents: Iterable[int], text: str) -> Told:
    """Latents, injected as these ids, put into words as `name`, "thought" or "subquery"."""
    head = [*tok.telling(name, question, focus), *latents]
    return head + tok.text(text)[: SAID - 1] + [tok.eos], len(head)


def telling(tok: Tokens, rows: list[Told]) -> tuple[Ids, Targets]:
    """Packed, with the words to be told."""
    first = np.cumsum([0, *(len(ids) for ids, _ in rows)])
    words = [[(p, ids[p + 1]) for p in range(begin - 1, len(ids) - 1)] for ids, begin in rows]
    return Ids.of([ids for ids, _ in rows], tok.think[0]), targets(list(zip(first, words, strict=False)))
