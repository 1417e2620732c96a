"""Teach a released bundle to put its latents into words: python -m train.telling --walks DIR --from bundles/NAME --out RUN.

Only the two projectors of `decode: true` learn, and a LoRA of the backbone's upper layers that is used nowhere else (`tell.onnx`): so
nothing else of the bundle changes, and the states that they read never change either. They are those that the bundle's own loop had on
the training questions (`train.walks --latents`), int8 as a node has them, and no passage is read again. A search's text is the
teacher's for the first hop whose gold had not been read by then. Searches after all has been read have none. Writes a run that
`train.export --run` takes: the released weights with these. A kept twentieth of the questions is not trained on; their loss is printed,
of first and of later searches. A checkpoint a minute.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import random
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from train import adapters, trajectories, walks
from train.difference import TOLD
from train.model import Model
from train.packing import Ids, Told, moved, telling, told
from train.sequence import Tokens
from train.settings import weights_of
from train.trajectories import Hop, Trajectory
from train.weights import load_retriever

HELD = 20  # one in so many questions


@dataclass
class Said:
    """A search and what a teacher would have said of it."""

    t: Trajectory
    hop: Hop
    first: bool  # of its question's searches
    focus: list[str]
    row: int  # of the latents


def searches(folder: Path, of: dict[str, Trajectory]) -> Iterator[Said]:
    row = 0
    for name, walk in walks.load(folder).items():
        read: set[str] = set()
        for k, search in enumerate(walk):
            if (at := of[name].missing(read)) is not None:
                yield Said(of[name], of[name].hops[at], k == 0, search.focus, row)
            read.update(search.pids)
            row += 1


def asked(args: argparse.Namespace, of: dict[str, Trajectory], count: int) -> list[Said]:
    """What can be learned from, where the walks are of these trajectories, have their latents (`count`), and are of this bundle."""
    walked = walks.load(args.walks)
    if strangers := walked.keys() - of.keys():
        raise SystemExit(f"error: {args.walks} walks {min(strangers)}, which is not in {args.trajectories}")
    if (n := sum(map(len, walked.values()))) > count:
        raise SystemExit(f"error: {args.walks} holds {n} searches and the latents of {count}")
    if adapters.released(args.start):
        b = json.loads((args.start / "bundle.json").read_text())
        if (by := walks.walker_of(args.walks)) != f"{b['name']} {b['version']}":
            raise SystemExit(f"error: {args.walks} holds walks of {by}, and {args.start} is {b['name']} {b['version']}")
    weights = weights_of(args.shares)
    return [s for s in searches(args.walks, of) if s.t.source in weights]


def held(s: Said) -> bool:
    return zlib.crc32(s.t.id.encode()) % HELD == 0


def batches(all_of: list[Said], shares: str, size: int, seed: int) -> Iterator[list[Said]]:
    """Endless: a source by its weight, then its own searches in a shuffled order, each once a round."""
    weights = {n: w for n, w in weights_of(shares).items() if any(s.t.source == n for s in all_of)}
    rng, left = random.Random(seed), {n: [] for n in weights}
    while True:
        batch = []
        for name in rng.choices(list(weights), list(weights.values()), k=size):
            if not left[name]:
                left[name] = [s for s in all_of if s.t.source == name]
                rng.shuffle(left[name])
            batch.append(left[name].pop())
        yield batch


@dataclass
class Telling:
    """A batch as arrays: the latents of each, and what is told of them."""

    think: np.ndarray  # [T,m,H] of those whose thought is told
    query: np.ndarray  # [S,n,H] of those whose subquery is
    ids: Ids
    at: np.ndarray
    target: np.ndarray


def pack(tok: Tokens, batch: list[Said], latents: np.ndarray, thoughts: list[bool]) -> Telling:
    m, n = len(tok.think), len(tok.query)
    states = np.stack([latents[s.row] for s in batch]).astype(np.float32)
    rows: list[Told] = []
    at = tok.inject
    for name, width, which in (("thought", m, thoughts), ("subquery", n, [True] * len(batch))):
        for s, wanted in zip(batch, which, strict=True):
            if wanted:
                rows.append(told(tok, name, s.t.question, s.focus, range(at, at + width), getattr(s.hop, name)))
                at += width
    ids, words = telling(tok, rows)
    return Telling(states[np.array(thoughts), :m], states[:, m:], ids, words.at, words.target)


def loss(model: Model, b: Telling) -> torch.Tensor:
    """Cross-entropy of every word that is told [W], in the order of the rows."""
    parts = (model.thought, b.think), (model.subquery, b.query)
    rows = torch.cat([projector(latents).flatten(0, 1) for projector, latents in parts if len(latents)])
    x = model.lm(model.embed(b.ids, rows), b.ids.packing)
    return F.cross_entropy(model.lm.logits(x.index_select(0, b.at)), b.target, reduction="none")


def taught(model: Model, layers: int) -> dict[str, str]:
    """The parameters that learn, and by which names they are released: the projectors by their own, the LoRA of the upper layers beside
    the loop's."""
    out = {}
    for name, _ in model.named_parameters():
        part, _, rest = name.partition(".")
        if part in ("thought", "subquery"):
            out[name] = name
        elif part == "lm" and name.endswith((".A", ".B")) and int(rest.split(".")[1]) >= len(model.lm.layers) - layers:
            out[name] = TOLD + rest
    return out


@torch.no_grad()
def measure(model: Model, tok: Tokens, rows: list[Said], latents: np.ndarray, device: str, cast) -> str:
    """Loss a token of the subqueries of what is not trained on."""
    out = []
    for name, some in (("first", [s for s in rows if s.first]), ("later", [s for s in rows if not s.first])):
        total, words = 0.0, 0
        for lo in range(0, len(some), 16):
            part = some[lo : lo + 16]
            with cast():
                x = loss(model, moved(pack(tok, part, latents, [False] * len(part)), device))
            total, words = total + float(x.sum()), words + len(x)
        out.append(f"{name} {total / max(1, words):.3f} ({len(some)})")
    return "not trained on: " + ", ".join(out)


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--walks", type=Path, required=True, help="the folder that train.walks --latents wrote")
    a.add_argument(
        "--from", dest="start", type=Path, required=True, help="the released adapter, bundles/NAME, or the run that was walked with"
    )
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--trajectories", type=Path, default=Path(".latentask/train/trajectories"))
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--shares", default="hotpotqa=2,2wiki=2,musique=5,wiki=0.5,pages=0.5,written=1", help="of the sources, by weight")
    a.add_argument("--minutes", type=float, default=60)
    a.add_argument("--batch", type=int, default=16, help="searches")
    a.add_argument("--thoughts", type=float, default=0.3, help="of searches whose thought is told as well as their subquery")
    a.add_argument(
        "--layers", type=int, default=15, help="of the backbone, the upper ones, that get a LoRA of their own; 0: the projectors alone"
    )
    a.add_argument("--lr", type=float, default=5e-4)
    a.add_argument("--warmup", type=int, default=20)
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--device", default="cpu")
    a.add_argument("--bf16", action="store_true", help="matrix products in bf16")
    a.add_argument("--compile", action="store_true")
    a.add_argument("--threads", type=int, default=2)
    args = a.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)

    model, tok, retriever = adapters.opened(args.start, args.weights, args.device)
    learning = taught(model, args.layers)
    released = adapters.tensors(args.start, load_retriever(retriever))
    # A LoRA that is not taught here is none: what is released is what was taught.
    released = {name: w for name, w in released.items() if not name.startswith(TOLD) or name in learning.values()}
    if not tok.s.tell_with_question:
        raise SystemExit(f"error: {args.start} tells its latents without the question (settings: tell_with_question)")
    of = {t.id: t for t in trajectories.load(args.trajectories / "trajectories.jsonl.gz")}
    latents = walks.latents(args.walks, len(tok.think) + len(tok.query), model.latents.shape[1])
    rows = asked(args, of, len(latents))
    rest, train = [s for s in rows if held(s)], [s for s in rows if not held(s)]
    print(f"{len(train)} searches to train on, {len(rest)} kept", flush=True)

    model.load_state_dict({name: released[told_as] for name, told_as in learning.items() if told_as in released}, strict=False)
    parameters = dict(model.named_parameters())
    for name, p in parameters.items():
        p.requires_grad_(name in learning)
    learned = [parameters[name] for name in learning]
    opt = torch.optim.AdamW(learned, args.lr, weight_decay=0.01, fused=args.device != "cpu")
    first, clock, checkpoint = 0, 0.0, args.out / adapters.CHECKPOINT
    begun_with = hashlib.sha256((args.walks / walks.FILE).read_bytes()).hexdigest() + adapters.digest(args.start)
    if checkpoint.exists():
        c = torch.load(checkpoint, map_location="cpu")
        if c["begun_with"] != begun_with:
            raise SystemExit(f"error: {args.out} began with other walks, or from another adapter")
        model.load_state_dict(c["learned"], strict=False)
        opt.load_state_dict(c["optimizer"])
        first, clock = c["step"], c["clock"]
        print("resumed at step", first, flush=True)
    model.lm.hasten(bf16=args.bf16, compiled=args.compile)
    cast = (lambda: torch.autocast(torch.device(args.device).type, torch.bfloat16)) if args.bf16 else contextlib.nullcontext
    began = time.time()

    def save(step: int) -> None:
        weights = {name: parameters[name].detach() for name in learning}
        state = {
            "begun_with": begun_with,
            "learned": weights,
            "optimizer": opt.state_dict(),
            "step": step,
            "clock": clock + time.time() - began,
        }
        adapters.keep(args.out, state, released | {learning[name]: w for name, w in weights.items()})

    tok.s.save(args.out / "settings.json")
    print(measure(model, tok, rest, latents, args.device, cast), flush=True)
    stream = islice(enumerate(batches(train, args.shares, args.batch, args.seed)), first, None)  # the same order after a resume
    spoken, saved, sums = time.time(), time.time(), [0.0, 0, 0]
    for step, batch in stream:
        rng = random.Random(args.seed * 1_000_003 + step)
        b = moved(pack(tok, batch, latents, [rng.random() < args.thoughts for _ in batch]), args.device)
        with cast():
            x = loss(model, b)
        x.mean().backward()
        done = (clock + time.time() - began) / 60 / args.minutes
        scale = min(1.0, (step + 1) / args.warmup) * max(0.05, 1 - done * 0.95)
        for g in opt.param_groups:
            g["lr"] = args.lr * scale
        nn.utils.clip_grad_norm_(learned, 1.0)
        opt.step()
        opt.zero_grad(set_to_none=True)
        sums = [sums[0] + float(x.detach().sum()), sums[1] + len(x), sums[2] + len(b.ids.ids)]
        if (step + 1) % 25 == 0 or done >= 1:
            speed = sums[2] / (time.time() - spoken)
            print(f"step {step + 1} loss {sums[0] / sums[1]:.3f} lr {scale:.2f} {speed:.0f} tok/s, {100 * min(1, done):.0f}%", flush=True)
            spoken, sums = time.time(), [0.0, 0, 0]
        if time.time() - saved > 60 or done >= 1:
            save(step + 1)
            saved = time.time()
        if (step + 1) % 250 == 0 or done >= 1:
            print(measure(model, tok, rest, latents, args.device, cast), flush=True)
        if done >= 1:
            break


if __name__ == "__main__":
    main()
