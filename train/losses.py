"""The losses over a micro-batch: retrieval, copy head, action and answer, pointer, support, decoding.

All are sums; the caller divides by `counts` of the whole batch, so that micro-batches of any size add up to the same.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from train.examples import Example
from train.model import Model
from train.packing import Decoded, Hops, Ids, Packed, Targets

NAMES = ("retrieval", "gate", "action", "answer", "pointer", "support", "decode")


def states(model: Model, x: Ids, inject: Tensor | None = None) -> Tensor:
    """The backbone's states of several sequences in one packed pass: [N,H], one sequence behind the other."""
    return model.lm(model.embed(x, inject), x.packing)


def at(x: Tensor, rows: Tensor) -> Tensor:
    """x[rows]. Its gradient is added up at once; that of indexing takes the places one by one where many are the same, as filling is."""
    return x.index_select(0, rows.flatten()).view(*rows.shape, *x.shape[1:])


def losses(model: Model, batch: Packed, vectors: Tensor, teachers: Tensor) -> dict[str, Tensor]:
    """`vectors` [N,D] are those of all passages, `teachers` [M,D] those of the hops' text subqueries."""
    seen = states(model, batch.ids)
    out: dict[str, Tensor] = {}
    if batch.hops:
        out |= retrieval(model, batch.hops, seen, vectors, teachers)
    if batch.decoded:
        out["decode"] = decoding(model, batch.decoded, seen)

    logits, labels = model.action(at(seen, batch.actions.at)), batch.actions.target
    out["action"] = F.cross_entropy(logits, labels, reduction="sum")
    out["right"] = (logits.argmax(-1) == labels).float().sum()

    if p := batch.supports:
        logits = model.support(at(seen, p.think), at(seen, p.passage))
        out["support"] = F.binary_cross_entropy_with_logits(logits, p.gold.float(), reduction="sum")
        out["told"] = ((logits > 0) == p.gold).float().sum()

    if batch.answers:
        out["answer"] = words(model, seen, batch.answers)
    if batch.written:
        out["decode"] = words(model, seen, batch.written)

    if p := batch.spans:
        start, end = model.pointer(at(seen, p.at), at(seen, p.words), p.mask, p.start)
        end = end.masked_fill(~p.allowed, -1e4).log_softmax(-1).gather(1, p.end[:, None])[:, 0]
        start = start.gather(1, p.start[:, None])[:, 0]
        out["pointer"] = -(start + torch.where(p.allowed.any(1), end, 0.0)).sum()
    return out


def words(model: Model, seen: Tensor, t: Targets) -> Tensor:
    return F.cross_entropy(model.lm.logits(at(seen, t.at)), t.target, reduction="sum")


def retrieval(model: Model, h: Hops, seen: Tensor, vectors: Tensor, teachers: Tensor) -> dict[str, Tensor]:
    """KL between the teacher's distribution (mixed with gold) and the latent query's, and the copy head's cross-entropy."""
    s, out = model.s, {}
    keys = at(model.query.keys(seen).float(), h.where)  # many hops' gradients add up in one token
    query, gates = model.query(at(seen, h.query), h.asked, h.asked_mask, h.piece, keys, h.mask)
    E, teacher = vectors[h.rows], teachers[h.teacher]
    found = h.gold >= 0
    gold = F.one_hot(h.gold.clamp(min=0), len(h.rows)) * found[:, None]
    hidden = torch.zeros_like(gold, dtype=torch.bool)
    hidden[h.hidden[0], h.hidden[1]] = True
    share = s.gold_share if s.retrieval == "kl" else 1.0
    with torch.autocast(E.device.type, enabled=False):  # a hundredth of a cosine matters here
        p = (teacher @ E.T / s.beta).masked_fill(hidden, -1e4).softmax(-1) * (1 - share) + share * gold
        logq = (query.float() @ E.T / s.temperature).masked_fill(hidden, -1e4).log_softmax(-1)
    if s.retrieval == "cosine":
        out["retrieval"] = (1 - (query * teacher).sum(-1)).sum()
    else:
        out["retrieval"] = -((p * logq).sum(-1) * found).sum()
    out["hit"] = ((logq.argmax(-1) == h.gold) & found).float().sum()

    # The copy head, where a bridge name stands in a passage read.
    if h.labelled:
        labelled, length = h.label.sum(1) > 0, h.mask.sum(1).clamp(min=1)
        weight = torch.where(h.label > 0, s.gate_positive, 1.0) * h.mask
        bce = F.binary_cross_entropy_with_logits(gates, h.label, weight=weight, reduction="none").sum(1) / length
        out["gate"] = (bce * labelled).sum()
        chosen = (gates > -1.7346) & h.mask  # a gate of 0.15, the focus threshold
        out["recall"] = ((chosen & (h.label > 0)).sum(1) / h.label.sum(1).clamp(min=1)).sum()
    return out


def decoding(model: Model, d: Decoded, seen: Tensor) -> Tensor:
    """Thought and subquery text from the latents through projectors of their own."""
    rows = torch.cat([model.thought(at(seen, d.think)), model.subquery(at(seen, d.query))], 1).flatten(0, 1)
    return words(model, states(model, d.ids, rows), d.words)


def counts(batch: list[Example]) -> dict[str, float]:
    """How many terms each loss sums, over the whole batch."""
    hops = [h for e in batch for h in e.hops]
    labelled = sum(h.labels.sum() > 0 for h in hops)
    decoded = sum(len(e.decode) for e in batch)
    actions = sum(len(e.actions) for e in batch)
    supports = sum(len(e.supports()) for e in batch)
    return {
        "retrieval": max(1, sum(h.gold >= 0 for h in hops)),
        "hit": max(1, sum(h.gold >= 0 for h in hops)),
        "gate": max(1, labelled),
        "recall": max(1, labelled),
        "action": actions,
        "right": actions,
        "answer": max(1, sum(len(e.texts) for e in batch)),
        "support": max(1, supports),
        "told": max(1, supports),
        "pointer": max(1, sum(e.pointed is not None for e in batch)),
        "decode": max(1, 40 * decoded, sum(len(e.written) for e in batch)),
    }
