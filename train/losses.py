"""The losses over a micro-batch: retrieval, copy head, action and answer, pointer, support, decoding.

All are sums; the caller divides by `counts` of the whole batch, so that micro-batches of any size add up to the same.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from train.examples import Example, HopAt
from train.model import Model
from train.sequence import Tokens

NAMES = ("retrieval", "gate", "action", "answer", "pointer", "support", "decode")


def pad(rows: list[list[int]]) -> Tensor:
    out = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for i, r in enumerate(rows):
        out[i, : len(r)] = torch.tensor(r)
    return out


class States:
    """The backbone's states of several sequences in one packed pass: [N,H], one sequence behind the other."""

    def __init__(self, model: Model, rows: list[list[int]], inject: Tensor | None = None):
        lengths = [len(r) for r in rows]
        ids = torch.tensor([t for r in rows for t in r])
        self.flat = model.lm(model.embed(ids, inject), lengths)
        self.first = torch.tensor([0, *lengths]).cumsum(0)

    def at(self, sequence: list[int] | Tensor, position: list[int] | Tensor) -> Tensor:
        """Rows of `flat`; the two broadcast."""
        return self.flat[self.first[torch.as_tensor(sequence)] + torch.as_tensor(position)]


def losses(model: Model, tok: Tokens, batch: list[Example], vectors: Tensor, teachers: dict[int, Tensor], candidates: list[int]) -> dict:
    """`vectors` [N,D] are those of all passages, `candidates` the rows that this batch is ranked against, `teachers` the
    vector of each hop's text subquery, by id() of the hop."""
    states = States(model, [e.ids for e in batch])
    out: dict[str, Tensor] = {}
    hops = [(i, h) for i, e in enumerate(batch) for h in e.hops]
    if hops:
        out |= retrieval(model, tok, batch, hops, states, vectors, teachers, candidates)
        out |= decoding(model, tok, batch, states)

    who, where, labels = zip(*((i, pos, a) for i, e in enumerate(batch) for pos, a in e.actions), strict=True)
    logits, labels = model.action(states.at(who, where)), torch.tensor(labels)
    out["action"] = F.cross_entropy(logits, labels, reduction="sum")
    out["right"] = (logits.argmax(-1) == labels).float().sum()

    pairs = supports(batch)
    if pairs:
        who, think, passage, labels = zip(*pairs, strict=True)
        logits, labels = model.support(states.at(who, think), states.at(who, passage)), torch.tensor(labels).float()
        out["support"] = F.binary_cross_entropy_with_logits(logits, labels, reduction="sum")
        out["told"] = ((logits > 0) == (labels > 0)).float().sum()

    for name, rows in (("answer", [e.texts for e in batch]), ("decode", [e.written for e in batch])):
        if any(rows):
            who, where, target = zip(*((i, pos, t) for i, row in enumerate(rows) for pos, t in row), strict=True)
            out[name] = F.cross_entropy(model.lm.logits(states.at(who, where)), torch.tensor(target), reduction="sum")

    pointed = [(i, e.pointed) for i, e in enumerate(batch) if e.pointed]
    if pointed:
        total = 0.0
        for i, p in pointed:
            start, end = model.pointer(states.at(i, p.at), states.at(i, p.words), p.start if p.end >= 0 else None)
            total = total - start[p.start]
            if p.end >= 0:
                total = total - end[p.allowed].log_softmax(-1)[p.allowed.index(p.end)]
        out["pointer"] = total
    return out


def retrieval(
    model: Model,
    tok: Tokens,
    batch: list[Example],
    hops: list[tuple[int, HopAt]],
    states: States,
    vectors: Tensor,
    teachers: dict,
    rows: list[int],
) -> dict[str, Tensor]:
    """KL between the teacher's distribution (mixed with gold) and the latent query's, and the copy head's cross-entropy."""
    s, out = model.s, {}
    owner = torch.tensor([i for i, _ in hops])
    start = torch.tensor([h.at for _, h in hops])
    query_states = states.at(owner[:, None], start[:, None] + s.think + torch.arange(s.query))
    width = max(len(h.candidates) for _, h in hops)
    where, piece = torch.zeros(len(hops), width, dtype=torch.long), torch.zeros(len(hops), width, dtype=torch.long)
    mask, label = torch.zeros(len(hops), width, dtype=torch.bool), torch.zeros(len(hops), width)
    for r, (_, h) in enumerate(hops):
        n = len(h.candidates)
        if n:
            where[r, :n] = torch.tensor([c[0] for c in h.candidates])
            piece[r, :n] = torch.tensor([c[1] for c in h.candidates])
            mask[r, :n] = True
            label[r, :n] = torch.tensor(h.labels)
    asked = [tok.question_pieces(e.t.question) for e in batch]
    asked_ids = pad(asked)
    asked_mask = torch.arange(asked_ids.shape[1]) < torch.tensor([len(a) for a in asked])[:, None]
    query, gates = model.query(query_states, asked_ids[owner], asked_mask[owner], piece, states.at(owner[:, None], where), mask)

    E = vectors[rows]
    place = {c: i for i, c in enumerate(rows)}
    hidden = torch.zeros(len(hops), len(rows), dtype=torch.bool)
    gold = torch.zeros(len(hops), len(rows))
    for r, (_, h) in enumerate(hops):
        for o in h.other:
            if o in place:
                hidden[r, place[o]] = True
        if h.gold >= 0:
            gold[r, place[h.gold]] = 1
    found = gold.sum(1) > 0
    teacher = torch.stack([teachers[id(h.hop)] for _, h in hops])
    share = s.gold_share if s.retrieval == "kl" else 1.0
    p = (teacher @ E.T / s.beta).masked_fill(hidden, -1e4).softmax(-1) * (1 - share) + share * gold
    logq = (query @ E.T / s.temperature).masked_fill(hidden, -1e4).log_softmax(-1)
    if s.retrieval == "cosine":
        out["retrieval"] = (1 - (query * teacher).sum(-1)).sum()
    else:
        out["retrieval"] = -(p * logq).sum(-1)[found].sum()
    out["hit"] = (gold.gather(1, logq.argmax(-1, keepdim=True))[:, 0]).sum()

    # The copy head, where a bridge name stands in a passage read.
    labelled = label.sum(1) > 0
    if labelled.any():
        weight = torch.where(label > 0, s.gate_positive, 1.0) * mask
        bce = F.binary_cross_entropy_with_logits(gates, label, weight=weight, reduction="none").sum(1) / mask.sum(1).clamp(min=1)
        out["gate"] = bce[labelled].sum()
        chosen = (gates > -1.7346) & mask  # a gate of 0.15, the focus threshold
        out["recall"] = ((chosen & (label > 0)).sum(1) / label.sum(1).clamp(min=1))[labelled].sum()
    return out


def decoding(model: Model, tok: Tokens, batch: list[Example], states: States) -> dict[str, Tensor]:
    """Thought and subquery text from the latents through projectors of their own."""
    s, ids, starts, inject, base = model.s, [], [], [], 0
    for i, e in enumerate(batch):
        if e.decode is None:
            continue
        h = e.hops[e.decode]
        for name, projector, span, text in (
            ("thought", model.thought, slice(h.at, h.at + s.think), h.hop.thought),
            ("subquery", model.subquery, slice(h.at + s.think, h.at + s.think + s.query), h.hop.subquery),
        ):
            rows = projector(states.at(i, torch.arange(span.start, span.stop))[None])[0]
            inject.append(rows)
            head = tok.prompt[name] + [tok.inject + base + j for j in range(len(rows))]
            base += len(rows)
            ids.append(head + tok.text(text)[:47] + [tok.eos])
            starts.append(len(head))
    if not ids:
        return {}
    decoded = States(model, ids, torch.cat(inject))
    who, where, target = zip(*((r, p, row[p + 1]) for r, row in enumerate(ids) for p in range(starts[r] - 1, len(row) - 1)), strict=True)
    return {"decode": F.cross_entropy(model.lm.logits(decoded.at(who, where)), torch.tensor(target), reduction="sum")}


def supports(batch: list[Example]) -> list[tuple[int, int, int, bool]]:
    """Every decision with every passage read before it: sequence, position of the decision, of the passage, whether it is gold."""
    return [(i, at, end, gold) for i, e in enumerate(batch) for at, _ in e.actions for end, gold in e.passages if end < at]


def counts(batch: list[Example]) -> dict[str, float]:
    """How many terms each loss sums, over the whole batch."""
    hops = [h for e in batch for h in e.hops]
    labelled = sum(h.labels.sum() > 0 for h in hops)
    decoded = sum(e.decode is not None for e in batch)
    actions = sum(len(e.actions) for e in batch)
    return {
        "retrieval": max(1, sum(h.gold >= 0 for h in hops)),
        "hit": max(1, sum(h.gold >= 0 for h in hops)),
        "gate": max(1, labelled),
        "recall": max(1, labelled),
        "action": actions,
        "right": actions,
        "answer": max(1, sum(len(e.texts) for e in batch)),
        "support": max(1, len(supports(batch))),
        "told": max(1, len(supports(batch))),
        "pointer": max(1, sum(e.pointed is not None for e in batch)),
        "decode": max(1, 40 * decoded, sum(len(e.written) for e in batch)),
    }
