"""Compare training runs on dev, in PyTorch: python -m train.ablate RUN… [--questions 100] [--passages 6000].

The loop as the node runs it, without a node: latent vector hops of three passages each over a set's corpus (cut to the
passages that the questions name and some more), three passages read a hop, exact search. For ablations and for choosing
between runs, where the same small difference would cost a node's run each; the tables of released bundles come from
`latentask eval`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from train import devsets, layouts
from train.devsets import Set
from train.hybrid import PER_HOP
from train.losses import states
from train.model import Model
from train.packing import Ids, asking, moved
from train.sequence import Tokens
from train.settings import Settings
from train.vectors import VectorCache
from train.weights import load_backbone, load_retriever


class Walk:
    """One question on its way through the hops."""

    def __init__(self, question: str, gold: set[int], tok: Tokens):
        self.question, self.gold = question, gold
        self.ids, self.found, self.candidates = tok.question(question), [], []

    def read(self, tok: Tokens, passages: list[dict], budget: int) -> None:
        for p in passages:
            r = tok.read(tok.excerpt(layouts.READER["plain"](p), self.question, budget), budget)
            self.ids += tok.prompt["passage"]
            self.candidates += [(len(self.ids) + r.states[c], r.pieces[c]) for c in range(len(r.pieces))]
            self.ids += r.ids


@torch.no_grad()
def hop(model: Model, tok: Tokens, walks: list[Walk], device: str) -> torch.Tensor:
    """The query vector of each walk's next hop."""
    s = model.s
    rows = [w.ids + tok.think + tok.query for w in walks]
    first = np.cumsum([0, *map(len, rows)])
    read = asking(tok, [(at, w.question, w.candidates if s.copy_head else []) for at, w in zip(first, walks, strict=False)])
    read = {name: moved(x, device) for name, x in read.items()}
    query = moved((first[1:] - s.query)[:, None] + np.arange(s.query), device)
    seen = states(model, moved(Ids.of(rows, tok.think[0]), device))
    keys = model.query.keys(seen)[read["where"]]
    vectors, _ = model.query(seen[query], read["asked"], read["asked_mask"], read["piece"], keys, read["mask"])
    return vectors.float().cpu()


def evaluate(model: Model, tok: Tokens, sets: list[Set], hops: int, device: str, batch: int = 8) -> dict[str, dict]:
    out = {}
    for z in sets:
        walks = [Walk(q["question"], {z.row[p] for p in q["gold_pids"]}, tok) for q in z.questions]
        for k in range(hops):
            for lo in range(0, len(walks), batch):
                part = walks[lo : lo + batch]
                for w, v in zip(part, hop(model, tok, part, device), strict=True):
                    order = (z.vectors @ v).topk(PER_HOP + len(w.found)).indices.tolist()
                    fresh = [i for i in order if i not in w.found][:PER_HOP]
                    w.found += fresh
                    if k + 1 < hops:
                        w.read(tok, [z.passages[i] for i in fresh], model.s.passage_tokens)
        base = [set((z.vectors @ v).topk(PER_HOP * hops).indices.tolist()) for v in z.asked]
        share = lambda found: [len(w.gold & set(f)) / len(w.gold) for w, f in zip(walks, found, strict=True)]  # noqa: E731, B023
        latent, single = np.array(share([w.found for w in walks])), np.array(share(base))
        out[z.name] = {
            "n": len(walks),
            "found": latent.mean(),
            "all": (latent == 1).mean(),
            "single_found": single.mean(),
            "single_all": (single == 1).mean(),
        }
    return out


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("runs", type=Path, nargs="+")
    devsets.add_arguments(a, questions=100)
    a.add_argument("--hops", type=int, default=2)
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--device", default="cpu")
    a.add_argument("--out", type=Path)
    args = a.parse_args()
    torch.set_num_threads(args.threads)
    cache = VectorCache(args.cache, args.weights, args.device)
    sets = devsets.load(args, cache)
    backbone, retriever = load_backbone(args.weights), load_retriever(args.weights)
    report = {}
    print(f"{'run':18} " + " ".join(f"{z.name:>14}" for z in sets) + f" {'mean':>14} {'gain':>14}")
    for run in args.runs:
        s = Settings.load(run / "settings.json")
        model = Model(backbone, retriever, s).eval().to(args.device)
        model.load_state_dict(load_file(run / "adapter.safetensors"), strict=False)
        tok = Tokens.of(backbone, retriever, s)
        rows = evaluate(model, tok, sets, args.hops, args.device, 8 if args.device == "cpu" else 64)
        report[run.name] = rows
        mean = {k: float(np.mean([r[k] for r in rows.values()])) for k in ("found", "all", "single_found", "single_all")}
        cells = [f"{100 * r['found']:6.1f} / {100 * r['all']:5.1f}" for r in rows.values()]
        gain = f"{100 * (mean['found'] - mean['single_found']):+6.1f} / {100 * (mean['all'] - mean['single_all']):+5.1f}"
        print(f"{run.name:18} " + " ".join(cells) + f" {100 * mean['found']:6.1f} / {100 * mean['all']:5.1f} {gain}", flush=True)
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
