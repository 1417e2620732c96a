"""Train a bundle's adapter: python -m train.train --trajectories DIR --out RUN [--from ADAPTER] [--steps N …].

Reads top to bottom: the passages searched in, batches, the loop. The examples are made in `examples.py`, the losses in
`losses.py`. A log line a step, its losses those of the last 25; a checkpoint every `checkpoint_every` steps, from which a run resumes. A stage that
goes on from another's weights names its adapter.safetensors by --from, or the folder of a released one, and starts a fresh optimizer.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import accumulate, islice
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from train import adapters, data, layouts, trajectories, walks
from train.annotated import thought
from train.examples import Builder, Example, HopAt
from train.losses import NAMES, counts, losses
from train.model import Model
from train.packing import Packed, moved, pack
from train.sequence import Tokens
from train.settings import Settings, weights_of
from train.trajectories import Trajectory
from train.vectors import VectorCache
from train.weights import load_backbone, load_retriever


class Pool:
    """Passages, their frozen vectors, and the trajectories that search in them."""

    def __init__(self, folder: Path, cache: VectorCache, walked: Path | None = None, weak: float = 0.0):
        """`walked` is where the walks are, where they are not beside the trajectories; `weak` as Settings.weak_teacher."""
        rows = list(data.read(folder / "passages.jsonl.gz"))
        self.passages = {p["pid"]: p for p in rows}
        self.row = {p["pid"]: i for i, p in enumerate(rows)}
        self.scope: dict[str, list[int]] = defaultdict(list)
        for i, p in enumerate(rows):
            self.scope[p["scope"]].append(i)
        self.vectors = torch.tensor(cache.get([layouts.passage(p) for p in rows], "passages"))
        self.trajectories = [weakened(t, weak) for t in trajectories.load(folder / "trajectories.jsonl.gz")]
        searches = walks.load(walked or folder)
        self.walks = hashlib.sha256(repr(sorted(searches.items())).encode()).hexdigest()
        self.walked = [replace(t, walked=searches[t.id]) for t in self.trajectories if t.id in searches]
        for t in self.walked:
            if gone := {p for s in t.walked for p in s.pids}.difference(self.row):
                raise SystemExit(f"error: the walk of {t.id} names {sorted(gone)[0]}, which is no passage here: {walks.FILE} is of others")
        hops = [h for t in self.trajectories for h in t.hops]
        self.teachers = torch.tensor(cache.get([h.subquery for h in hops], "subqueries", asked=True))
        first = accumulate((len(t.hops) for t in self.trajectories), initial=0)
        self.first_teacher = {t.id: i for t, i in zip(self.trajectories, first, strict=False)}
        assert len(self.first_teacher) == len(self.trajectories), "two trajectories have one id"

    def teacher(self, e: Example, h: HopAt) -> int:
        """The row of a hop's text subquery."""
        return self.first_teacher[e.t.id] + h.index

    def candidates(self, batch: list[Example], rng: random.Random) -> list[int]:
        """Rows that a batch is ranked against: each hop's gold and the teacher's top 10 (the paper), what the plain
        question finds, what a walk found, and some at random of the same scope. Vectors are frozen, so they cost next to nothing."""
        rows: dict[int, None] = {}
        for e in batch:
            scope = self.scope[e.t.scope]
            for h in e.hops:
                rows |= dict.fromkeys([h.gold] * (h.gold >= 0) + [self.row[p] for p in h.hop.found])
            rows |= dict.fromkeys(self.row[p] for search in e.t.walked for p in search.pids)
            rows |= dict.fromkeys([self.row[p] for p in e.t.near[:8]] + rng.sample(scope, min(16, len(scope))))
        return list(rows)


def weakened(t: Trajectory, share: float) -> Trajectory:
    """Of that share of its hops the text subquery is the question: it names no bridge to copy, and finds what the question finds."""
    if not share:
        return t
    rng = random.Random(f"weak {t.id}")
    weak = {"subquery": t.question, "thought": thought(None, t.question), "bridges": [], "found": list(t.near)}
    return replace(t, hops=[replace(h, **weak) if rng.random() < share else h for h in t.hops])


def batches(pool: Pool, s: Settings) -> Iterator[list[Trajectory]]:
    """Endless batches of trajectories: a source by its weight, as it is or walked, then its own in a shuffled order, each once a
    round."""
    weights = weights_of(s.shares)
    by_source: dict[tuple[str, bool], list[Trajectory]] = defaultdict(list)
    for t in (*pool.trajectories, *pool.walked):
        by_source[t.source, bool(t.walked)].append(t)
    names = [n for n in weights if by_source[n, False] and weights[n] > 0]
    rng, left = random.Random(s.seed), defaultdict(list)
    while True:
        batch = []
        for name in rng.choices(names, [weights[n] for n in names], k=s.batch):
            of = name, bool(s.walk_share and by_source[name, True] and rng.random() < s.walk_share)
            if not left[of]:
                left[of] = rng.sample(by_source[of], len(by_source[of]))
            batch.append(left[of].pop())
        yield batch


@dataclass
class Batch:
    """What a step needs: packed micro-batches, how many terms each loss has in all of them, tokens."""

    micro: list[Packed]
    total: dict[str, float]
    tokens: int


class Making(Dataset):
    """Makes a step's batch, in whichever process is asked: examples, and the arrays of each micro-batch."""

    def __init__(self, pool: Pool, tok: Tokens, s: Settings, micro: int):
        self.pool, self.tok, self.s, self.micro = pool, tok, s, micro
        self.build = Builder(tok, s, pool.passages, pool.row)

    def __getitem__(self, picked: tuple[int, list[Trajectory]]) -> Batch:
        step, picks = picked
        rng = random.Random(self.s.seed * 1_000_003 + step)
        batch = [self.build(t, rng) for t in picks]
        rows = self.pool.candidates(batch, rng)
        if len(batch) > self.micro:  # those of a length together: candidates and words are filled up to the longest
            batch.sort(key=lambda e: len(e.ids))
        parts = [batch[lo : lo + self.micro] for lo in range(0, len(batch), self.micro)]
        packed = [pack(self.tok, part, rows, self.pool.teacher) for part in parts]
        return Batch(packed, counts(batch), sum(len(e.ids) for e in batch))


def stream(making: Making, picked: Iterator[tuple[int, list[Trajectory]]], workers: int) -> Iterator[Batch]:
    """Batches in order, made ahead by `workers` processes where there are any."""
    ahead = {"num_workers": workers, "prefetch_factor": 4, "multiprocessing_context": "fork"} if workers else {}
    return iter(DataLoader(making, sampler=picked, batch_size=None, collate_fn=lambda batch: batch, **ahead))


class Log:
    """Means over the last steps."""

    def __init__(self, window: int = 25):
        self.window, self.rows = window, defaultdict(list)

    def add(self, step: int, sums: Counter, total: dict[str, float]) -> None:
        for n, v in sums.items():
            self.rows[n].append((step, v, total[n]))

    def line(self, step: int) -> str:
        out = []
        for n, rows in self.rows.items():
            rows[:] = [r for r in rows if r[0] > step - self.window]
            if rows:
                out.append(f"{n} {sum(r[1] for r in rows) / sum(r[2] for r in rows):.3f}")
        return " ".join(out)


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--trajectories", type=Path, default=Path(".latentask/train/trajectories"))
    a.add_argument("--walks", type=Path, help="the folder of walks.jsonl, where it is not that of the trajectories")
    a.add_argument("--out", type=Path, required=True)
    a.add_argument(
        "--from",
        dest="start",
        type=Path,
        help="what to go on from, with a fresh optimizer: a run's folder or its adapter.safetensors, or a released one's folder, bundles/NAME",
    )
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--cache", type=Path, default=Path(".latentask/train/vectors"))
    a.add_argument("--device", default="cpu")
    a.add_argument("--bf16", action="store_true", help="matrix products in bf16: on a GPU, or a CPU with AMX or AVX512_BF16")
    a.add_argument("--threads", type=int, default=2)
    a.add_argument(
        "--workers",
        type=int,
        default=0,
        help="processes that make batches ahead; a GPU is faster than one. They use no operation of PyTorch",
    )
    a.add_argument("--micro", type=int, default=8, help="sequences in one pass: what fits the memory")
    a.add_argument("--compile", action="store_true", help="compile the backbone's layers: on a CPU a minute once, then half as fast again")
    a.add_argument("--minutes", type=float, default=1e9, help="end the schedule when this much time has passed, whatever --steps says")
    for f in fields(Settings):
        kind = type(f.default)
        read = (lambda x: x.lower() in ("1", "true", "yes")) if kind is bool else kind
        a.add_argument("--" + f.name.replace("_", "-"), type=read, default=f.default)
    return a.parse_args()


def main() -> None:
    args = arguments()
    s = Settings(**{f.name: getattr(args, f.name) for f in fields(Settings)})
    torch.set_num_threads(args.threads)
    torch.manual_seed(s.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    s.save(args.out / "settings.json")

    pool = Pool(args.trajectories, VectorCache(args.cache, s.retriever or args.weights, args.device), args.walks, s.weak_teacher)
    backbone, retriever = load_backbone(s.backbone or args.weights), load_retriever(s.retriever or args.weights)
    if s.walk_share and not pool.walked:
        raise SystemExit(f"error: --walk-share, and no {walks.FILE} in {args.walks or args.trajectories}: make it with train.walks")
    walked = pool.walks if s.walk_share else ""
    first, tokens, clock, checkpoint = 0, 0, 0.0, args.out / adapters.CHECKPOINT
    c = torch.load(checkpoint, weights_only=False, map_location="cpu") if checkpoint.exists() else None
    if c and c["walks"] != walked:  # another stream of examples
        raise SystemExit(f"error: {args.out} began with other walks than those of {args.walks or args.trajectories}")
    if c:
        first, tokens, clock = c["step"], c["tokens"], c["clock"]
    making = Making(pool, Tokens.of(backbone, retriever, s), s, args.micro)
    ahead = stream(making, islice(enumerate(batches(pool, s)), first, None), args.workers)  # the same order after a resume
    vectors, teachers = pool.vectors.to(args.device), pool.teachers.to(args.device)  # after the workers have begun
    model = Model(backbone, retriever, s).to(args.device)
    opt = torch.optim.AdamW(model.groups(), weight_decay=s.weight_decay, fused=args.device != "cpu")
    base_lr = [g["lr"] for g in opt.param_groups]
    trained = [p for g in opt.param_groups for p in g["params"]]
    print(
        f"{len(pool.trajectories)} trajectories, {len(pool.walked) if walked else 0} walks, {sum(p.numel() for p in trained) / 1e6:.1f} M trained parameters",
        flush=True,
    )

    if c:
        model.load_state_dict(c["adapter"], strict=False)
        opt.load_state_dict(c["optimizer"])
        print("resumed at step", first, flush=True)
    elif args.start and (absent := adapters.load(model, args.start, retriever)):
        print(f"{args.start} lacks {len(absent)} parameters, which begin anew: {', '.join(absent[:3])}", flush=True)
    if not c and args.start and adapters.tells(args.start):
        print(f"{args.start} has a LoRA for latents in words, which is left out: teach it again with train.telling", flush=True)
    model.lm.hasten(bf16=args.bf16, compiled=args.compile)

    def save(step: int) -> None:
        adapter = {k: v.contiguous().cpu() for k, v in model.adapter().items()}
        state = {
            "adapter": adapter,
            "optimizer": opt.state_dict(),
            "step": step,
            "tokens": tokens,
            "clock": clock + time.time() - began,
            "walks": walked,
        }
        adapters.keep(args.out, state, adapter)

    weight = dict(zip(NAMES, (s.w_retrieval, s.w_gate, s.w_action, s.w_answer, s.w_pointer, s.w_support, s.w_decode), strict=True))
    cast = torch.autocast(torch.device(args.device).type, torch.bfloat16) if args.bf16 else contextlib.nullcontext()
    log, began = Log(), time.time()
    spoken = began, tokens  # when the step before ended
    for step, batch in enumerate(ahead, first):
        sums = Counter()
        for micro in batch.micro:
            with cast:
                part = losses(model, moved(micro, args.device), vectors, teachers)
                loss = sum(weight[n] * part[n] / batch.total[n] for n in NAMES if n in part)
            loss.backward()
            sums.update(dict(zip(part, torch.stack([v.detach().float() for v in part.values()]).tolist(), strict=True)))  # one wait a pass
        tokens += batch.tokens
        # Linear decay over the steps or over the time, whichever runs out first.
        done = max(step / s.steps, (clock + time.time() - began) / 60 / args.minutes)
        scale = min(1.0, (step + 1) / s.warmup) * max(s.final_lr, 1 - done * (1 - s.final_lr))
        for g, lr in zip(opt.param_groups, base_lr, strict=True):
            g["lr"] = lr * scale
        norm = nn.utils.clip_grad_norm_(trained, s.clip)
        opt.step()
        opt.zero_grad(set_to_none=True)
        log.add(step, sums, batch.total)
        ended = step + 1 >= s.steps or done >= 1
        now = time.time(), tokens
        speed, spoken = (now[1] - spoken[1]) / (now[0] - spoken[0]), now
        print(
            f"step {step + 1}/{s.steps} {log.line(step)} norm {float(norm):.1f} lr {scale:.2f} tokens {tokens} {speed:.0f} tok/s",
            flush=True,
        )
        if (step + 1) % s.checkpoint_every == 0 or ended:
            save(step + 1)
        if ended:
            break


if __name__ == "__main__":
    main()
