"""Train a bundle's adapter: python -m train.train --data DIR --out RUN [--steps N …]. Resumes from RUN's checkpoint.

Reads top to bottom: data, batches, the three losses of the paper (generation, retrieval, decoding) and the copy head's,
the loop. A log line a step; a checkpoint every `checkpoint_every` steps.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from train import data, layouts
from train.embed import COUNTS
from train.model import Model
from train.sequence import EOS, Tokens, nearest_sentences
from train.settings import Settings
from train.trajectories import Trajectory, build, focus_labels
from train.vectors import VectorCache
from train.weights import load_backbone, load_retriever

# ---------------------------------------------------------------------------------------------------------------- data


class Pool:
    """The passages a run searches in: a set's ids, their vectors, and where each stands."""

    def __init__(self, args, cache: VectorCache, s: Settings):
        questions = data.training_questions(args.data, COUNTS, 0)
        self.passages: dict[str, dict] = {}
        self.range: dict[str, tuple[int, int]] = {}
        ids: list[str] = []
        for name, pids in data.pool(questions, 0).items():
            rows = data.corpus(args.data, name)
            self.range[name] = (len(ids), len(ids) + len(pids))
            ids += pids
            self.passages.update({p: rows[p] for p in pids})
        texts = [layouts.RETRIEVER[layouts.retriever_layout(p)](self.passages[p]) for p in ids]
        self.vectors = torch.tensor(cache.get(texts, "pool"))
        self.ids, self.at = ids, {p: i for i, p in enumerate(ids)}
        asked = dict(zip((q["id"] for q in questions), cache.get([q["question"] for q in questions], "questions"), strict=True))
        self.asked = {k: torch.tensor(v) for k, v in asked.items()}

        def nearness(q, pids):
            return [float(self.vectors[self.at[p]] @ self.asked[q["id"]]) for p in pids]

        self.trajectories = build(questions, self.passages, nearness)
        subqueries = [h.subquery for t in self.trajectories for h in t.hops]
        vectors = iter(torch.tensor(cache.get(subqueries, "subqueries")))
        self.teacher = {t.id: torch.stack([next(vectors) for _ in t.hops]) for t in self.trajectories}

    def top(self, dataset: str, vector: Tensor, k: int) -> list[int]:
        a, b = self.range[dataset]
        return ((self.vectors[a:b] @ vector).topk(k).indices + a).tolist()


# ------------------------------------------------------------------------------------------------------------- examples


class Example:
    """One trajectory as token ids, with where its latents, candidates and labels lie."""

    def __init__(self, t: Trajectory, pool: Pool, tok: Tokens, s: Settings, rng: random.Random):
        self.t, self.ids, self.target = t, tok.question(t.question), []
        self.hops: list[dict] = []  # at (position of think 0), gold, exclude, candidates
        self.actions: list[tuple[int, int]] = []
        layout = layouts.READER[layouts.reader_layout(t.id)]
        budget = rng.choice((s.passage_tokens - 16, s.passage_tokens, s.passage_tokens + 24))
        count = lambda text: len(tok.lm.encode(text).ids)  # noqa: E731
        read: list[tuple[int, object]] = []
        seen: set[int] = set()
        answers = t.complete and rng.random() < s.answer_share
        for k, hop in enumerate(t.hops):
            at = len(self.ids)
            self.ids += tok.think + tok.query
            self.actions.append((at + s.think - 1, 0))
            candidates = [(start + r.states[c], r.pieces[c]) for start, r in read for c in range(len(r.pieces))]
            labels = np.concatenate([focus_labels(r.text, r.offsets, hop.bridges) for _, r in read] or [np.zeros(0, np.float32)])
            gold = pool.at[hop.pid]
            self.hops.append(
                {
                    "at": at,
                    "gold": gold,
                    "other": {pool.at[p] for p in t.gold} - {gold} | seen,
                    "candidates": candidates,
                    "labels": labels,
                    "teacher": pool.teacher[t.id][k],
                    "top": pool.top(t.dataset, pool.teacher[t.id][k], 10),
                    "hop": hop,
                }
            )
            if k == len(t.hops) - 1 and not answers:
                break
            # Read what the teacher's subquery finds, the gold passage put in where it was missed.
            found = [i for i in self.hops[-1]["top"] if i not in seen and pool.ids[i] not in t.gold]
            wanted = 1 if rng.random() < 0.7 else 2
            block = [gold] + (found[:wanted] if rng.random() < 0.7 else rng.sample(found, min(wanted, len(found))))
            rng.shuffle(block)
            for i in block:
                seen.add(i)
                toward = hop.subquery + " " + (t.hops[k + 1].bridges[0] if k + 1 < len(t.hops) and t.hops[k + 1].bridges else "")
                text = nearest_sentences(layout(pool.passages[pool.ids[i]]), toward, count, budget)
                r = tok.read(text, budget)
                self.ids += tok.prompt["passage"]
                read.append((len(self.ids), r))
                self.ids += r.ids
        self.answer_at = None
        if answers:
            self.ids += tok.think
            self.actions.append((len(self.ids) - 1, 1))
            self.ids += tok.prompt["answer"]
            text = [*tok.text(t.answer)[: s.answer_tokens - 1], EOS]
            self.answer_at = len(self.ids) - 1  # the state here predicts the first answer token
            self.target = text
            self.ids += text
        self.decode = rng.randrange(len(t.hops)) if rng.random() < s.decode_share else None


def pad(rows: list[list[int]], multiple: int = 32, fill: int = 0) -> Tensor:
    width = -(-max(map(len, rows)) // multiple) * multiple
    out = torch.full((len(rows), width), fill, dtype=torch.long)
    for i, r in enumerate(rows):
        out[i, : len(r)] = torch.tensor(r)
    return out


# --------------------------------------------------------------------------------------------------------------- losses


def losses(model: Model, tok: Tokens, batch: list[Example], pool: Pool, candidates: list[int]) -> dict[str, Tensor]:
    """Sums over the micro-batch; the caller divides by the batch's counts."""
    s = model.s
    states = model.lm(model.embed(pad([e.ids for e in batch])))
    out: dict[str, Tensor] = {}

    # Retrieval: KL between the teacher's distribution (mixed with gold) and the latent query's, over the candidates.
    rows = [(i, h) for i, e in enumerate(batch) for h in e.hops]
    owner = torch.tensor([i for i, _ in rows])
    at = torch.tensor([h["at"] for _, h in rows])
    query_states = states[owner[:, None], at[:, None] + s.think + torch.arange(s.query)]
    width = max(len(h["candidates"]) for _, h in rows)
    where, piece = torch.zeros(len(rows), width, dtype=torch.long), torch.zeros(len(rows), width, dtype=torch.long)
    mask, label = torch.zeros(len(rows), width, dtype=torch.bool), torch.zeros(len(rows), width)
    for r, (_, h) in enumerate(rows):
        n = len(h["candidates"])
        if n:
            where[r, :n] = torch.tensor([c[0] for c in h["candidates"]])
            piece[r, :n] = torch.tensor([c[1] for c in h["candidates"]])
            mask[r, :n] = True
            label[r, :n] = torch.tensor(h["labels"])
    asked = [tok.question_pieces(e.t.question) for e in batch]
    asked_ids = pad(asked, 1)
    asked_mask = torch.arange(asked_ids.shape[1]) < torch.tensor([len(a) for a in asked])[:, None]
    vectors, gates = model.query(query_states, asked_ids[owner], asked_mask[owner], piece, states[owner[:, None], where], mask)
    E = pool.vectors[candidates]
    place = {c: i for i, c in enumerate(candidates)}
    gold = torch.tensor([place[h["gold"]] for _, h in rows])
    hidden = torch.zeros(len(rows), len(candidates), dtype=torch.bool)
    for r, (_, h) in enumerate(rows):
        for o in h["other"]:
            if o in place:
                hidden[r, place[o]] = True
    teacher = torch.stack([h["teacher"] for _, h in rows]) @ E.T / s.beta
    p = teacher.masked_fill(hidden, -1e4).softmax(-1) * (1 - s.gold_share)
    p = p + s.gold_share * F.one_hot(gold, len(candidates))
    logq = (vectors @ E.T / s.temperature).masked_fill(hidden, -1e4).log_softmax(-1)
    out["retrieval"] = -(p * logq).sum()
    out["hit"] = (logq.argmax(-1) == gold).float().sum()

    # The copy head, where a bridge name stands in a passage read.
    gate_rows = (label.sum(1) > 0).nonzero()[:, 0]
    if len(gate_rows):
        weight = torch.where(label > 0, s.gate_positive, 1.0) * mask
        bce = F.binary_cross_entropy_with_logits(gates, label, weight=weight, reduction="none").sum(1) / mask.sum(1).clamp(min=1)
        out["gate"] = bce[gate_rows].sum()
        out["gates"] = torch.tensor(float(len(gate_rows)))

    # Generation: the action at each last think token, and the answer.
    acts = [(i, pos, a) for i, e in enumerate(batch) for pos, a in e.actions]
    logits = model.action(states[[i for i, _, _ in acts], [p for _, p, _ in acts]])
    out["action"] = F.cross_entropy(logits, torch.tensor([a for _, _, a in acts]), reduction="sum")
    answered = [(i, e.answer_at + j, t) for i, e in enumerate(batch) if e.answer_at for j, t in enumerate(e.target)]
    if answered:
        logits = model.lm.logits(states[[i for i, _, _ in answered], [p for _, p, _ in answered]])
        out["answer"] = F.cross_entropy(logits, torch.tensor([t for _, _, t in answered]), reduction="sum")

    # Decoding: thought and subquery text from the latents through projectors of their own.
    chosen = [(i, e.hops[e.decode]) for i, e in enumerate(batch) if e.decode is not None]
    if chosen:
        ids, starts, inject = [], [], []
        base = 0
        for i, h in chosen:
            a = h["at"]
            for name, projector, span, text in (
                ("thought", model.thought, slice(a, a + s.think), h["hop"].thought),
                ("subquery", model.subquery, slice(a + s.think, a + s.think + s.query), h["hop"].subquery),
            ):
                rows_ = projector(states[i : i + 1, span])[0]
                inject.append(rows_)
                head = tok.prompt[name] + [tok.inject + base + j for j in range(len(rows_))]
                base += len(rows_)
                ids.append(head + tok.text(text)[:47] + [EOS])
                starts.append(len(head))
        x = pad(ids)
        decoded = model.lm(model.embed(x, torch.cat(inject)))
        pick = [(r, p) for r, row in enumerate(ids) for p in range(starts[r] - 1, len(row) - 1)]
        logits = model.lm.logits(decoded[[r for r, _ in pick], [p for _, p in pick]])
        out["decode"] = F.cross_entropy(logits, torch.tensor([ids[r][p + 1] for r, p in pick]), reduction="sum")
    return out


def counts(batch: list[Example]) -> dict[str, float]:
    """How many terms each loss sums, over the whole batch."""
    hops = [h for e in batch for h in e.hops]
    decoded = [e.hops[e.decode]["hop"] for e in batch if e.decode is not None]
    return {
        "retrieval": len(hops),
        "hit": len(hops),
        "gate": max(1, sum(h["labels"].sum() > 0 for h in hops)),
        "action": sum(len(e.actions) for e in batch),
        "answer": max(1, sum(len(e.target) for e in batch)),
        "decode": max(1, 40 * len(decoded)),
    }


# ----------------------------------------------------------------------------------------------------------------- loop


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--cache", type=Path, default=Path(".latentask/train/vectors"))
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--compile", action="store_true", help="compile the backbone's layers (a minute once, then half as fast again)")
    a.add_argument("--minutes", type=float, default=1e9, help="stop after a checkpoint once this much time has passed")
    for f in fields(Settings):
        a.add_argument("--" + f.name.replace("_", "-"), type=type(f.default), default=f.default)
    args = a.parse_args()
    s = Settings(**{f.name: getattr(args, f.name) for f in fields(Settings)})
    torch.set_num_threads(args.threads)
    torch.manual_seed(s.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    s.save(args.out / "settings.json")

    pool = Pool(args, VectorCache(args.cache, args.weights), s)
    backbone, retriever = load_backbone(args.weights), load_retriever(args.weights)
    model = Model(backbone, retriever, s)
    tok = Tokens(backbone.tokenizer, retriever.tokenizer, backbone.vocab, s)
    opt = torch.optim.AdamW(model.groups(), weight_decay=s.weight_decay)
    base_lr = [g["lr"] for g in opt.param_groups]
    if args.compile:
        torch._dynamo.config.cache_size_limit = 64
        for layer in model.lm.layers:
            layer.compile(dynamic=True)
    kinds = {}
    for t in pool.trajectories:
        kinds[(t.dataset, len(t.hops))] = kinds.get((t.dataset, len(t.hops)), 0) + 1
    print(
        "trajectories",
        len(pool.trajectories),
        kinds,
        "trained",
        sum(p.numel() for g in opt.param_groups for p in g["params"]) / 1e6,
        "M",
        flush=True,
    )

    first, checkpoint = 0, args.out / "checkpoint.pt"
    tokens = 0
    if checkpoint.exists():
        c = torch.load(checkpoint, weights_only=False)
        model.load_state_dict(c["adapter"], strict=False)
        opt.load_state_dict(c["optimizer"])
        first, tokens = c["step"], c["tokens"]
        print("resumed at step", first, flush=True)

    def save(step: int) -> None:
        adapter = model.adapter()
        torch.save({"adapter": adapter, "optimizer": opt.state_dict(), "step": step, "tokens": tokens}, str(checkpoint) + ".tmp")
        Path(str(checkpoint) + ".tmp").replace(checkpoint)
        save_file({k: v.contiguous() for k, v in adapter.items()}, str(args.out / "adapter.safetensors"))

    names = ("retrieval", "gate", "action", "answer", "decode")
    weight = dict(zip(names, (s.w_retrieval, s.w_gate, s.w_action, s.w_answer, s.w_decode), strict=True))
    order: list[int] = []
    rng = random.Random(s.seed)
    began, began_tokens, smooth = time.time(), tokens, {}
    for step in range(s.steps):
        if len(order) < s.batch:
            order += rng.sample(range(len(pool.trajectories)), len(pool.trajectories))
        picked, order = order[: s.batch], order[s.batch :]
        if step < first:
            continue  # the same order after a resume
        own = random.Random(s.seed * 1_000_003 + step)
        batch = [Example(pool.trajectories[i], pool, tok, s, own) for i in picked]
        batch.sort(key=lambda e: len(e.ids))
        candidates = list(dict.fromkeys(i for e in batch for h in e.hops for i in [h["gold"], *h["top"]]))
        candidates += [
            i for i in dict.fromkeys(i for e in batch for i in pool.top(e.t.dataset, pool.asked[e.t.id], 8)) if i not in set(candidates)
        ]
        total = counts(batch)
        # Frozen passage vectors make the candidates the same for every micro-batch, so padding can be kept small.
        for lo in range(0, len(batch), 4):
            part = losses(model, tok, batch[lo : lo + 4], pool, candidates)
            loss = sum(weight[n] * part[n] / total[n] for n in names if n in part)
            loss.backward()
            for n, v in part.items():
                if n in total:
                    smooth.setdefault(n, []).append((step, float(v.detach()), total[n]))
        tokens += sum(len(e.ids) for e in batch)
        scale = min(1.0, (step + 1) / s.warmup) * max(0.05, 1 - step / s.steps)
        for g, lr in zip(opt.param_groups, base_lr, strict=True):
            g["lr"] = lr * scale
        norm = nn.utils.clip_grad_norm_([p for g in opt.param_groups for p in g["params"]], s.clip)
        opt.step()
        opt.zero_grad(set_to_none=True)
        if step % 5 == 4 or step == first:
            show = {}
            for n, v in smooth.items():
                v = [x for x in v if x[0] > step - 20]
                terms = {x[0]: x[2] for x in v}
                show[n] = sum(x[1] for x in v) / max(1, sum(terms.values()))
            speed = (tokens - began_tokens) / (time.time() - began)
            print(
                f"step {step + 1}/{s.steps} "
                + " ".join(f"{k} {v:.3f}" for k, v in show.items())
                + f" norm {norm:.2f} tokens {tokens} {speed:.0f} tok/s",
                flush=True,
            )
        if (step + 1) % s.checkpoint_every == 0 or step + 1 == s.steps:
            save(step + 1)
            if time.time() - began > args.minutes * 60:
                print("stopping: time is up", flush=True)
                break


if __name__ == "__main__":
    main()
