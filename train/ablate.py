"""Compare training runs on dev, in PyTorch: python -m train.ablate RUN… [--questions 100] [--passages 10000].

The loop as the node runs it, without a node: latent vector hops of three passages each over a set's corpus (cut to the
passages that the questions name and some more), three passages read a hop, exact search. For ablations and for choosing
between runs, where the same small difference would cost a node's run each; the tables of released bundles come from
`latentask eval`. A run's figures are kept beside its adapter, in `ablation.json`, and not measured again with the same arguments.
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from pathlib import Path

import numpy as np
import torch

from train import adapters, data, devsets, layouts
from train.batched import Asked, hop
from train.devsets import Set
from train.hybrid import PER_HOP
from train.loop import excerpts
from train.model import Model
from train.sequence import Tokens
from train.vectors import VectorCache

MEASURE = 2  # of how a run is asked: figures kept from another are measured again


def evaluate(model: Model, tok: Tokens, sets: list[Set], hops: int, device: str, batch: int = 8) -> dict[str, dict]:
    """Shares of gold found, and of questions whose gold was all found, by the loop and by a single search of as many passages."""
    out = {}
    for z in sets:
        gold = [{z.row[p] for p in q["gold_pids"]} for q in z.questions]
        latent, base = [], []
        for lo in range(0, len(gold), batch):
            asked = [Asked(q["question"], tok) for q in z.questions[lo : lo + batch]]
            latent += vector_hops(model, tok, asked, z, hops, device)
        for v in z.asked:
            base.append((z.vectors @ v).topk(PER_HOP * hops).indices.tolist())
        share = lambda found: np.array([len(g & set(f)) / len(g) for g, f in zip(gold, found, strict=True)])  # noqa: E731, B023
        latent, single = share(latent), share(base)
        out[z.name] = {
            "n": len(gold),
            "found": latent.mean(),
            "all": (latent == 1).mean(),
            "single_found": single.mean(),
            "single_all": (single == 1).mean(),
        }
    return out


def vector_hops(model: Model, tok: Tokens, asked: list[Asked], z: Set, hops: int, device: str) -> list[list[int]]:
    """The rows that each question's hops find."""
    found: list[list[int]] = [[] for _ in asked]
    for k in range(hops):
        vectors, focus = hop(model, tok, asked, device)
        for a, rows, v, words in zip(asked, found, vectors.cpu(), focus, strict=True):
            order = (z.vectors @ v).topk(PER_HOP + len(rows)).indices.tolist()
            fresh = [i for i in order if i not in rows][:PER_HOP]
            rows += fresh
            if k + 1 < hops:
                texts = [layouts.READER["plain"](z.passages[i]) for i in fresh]
                a.read(tok, excerpts(tok, texts, a.question, words, model.s.passage_tokens), model.s.passage_tokens)
    return found


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

    @cache
    def sets(retriever: Path) -> list[Set]:
        return devsets.load(args, VectorCache(args.cache, retriever, args.device))

    asked = {"measure": MEASURE, "questions": args.questions, "passages": args.passages, "hops": args.hops, "weights": str(args.weights)}
    report = {}
    print(f"{'run':18} " + " ".join(f"{name:>14}" for name in data.SETS) + f" {'mean':>14} {'gain':>14}")
    for run in args.runs:
        kept = run / "ablation.json"
        saved = json.loads(kept.read_text()) if kept.exists() else {}
        of = asked | {"adapter": adapters.digest(run)}
        if saved.get("asked") != of:
            model, tok, retriever = adapters.opened(run, args.weights, args.device)
            rows = evaluate(model, tok, sets(retriever), args.hops, args.device, 8 if args.device == "cpu" else 64)
            saved = {"asked": of, "sets": rows}
            if not adapters.released(run):
                kept.with_suffix(".tmp").write_text(json.dumps(saved, indent=1) + "\n")
                kept.with_suffix(".tmp").replace(kept)
        report[run.name] = rows = saved["sets"]
        mean = {k: float(np.mean([r[k] for r in rows.values()])) for k in ("found", "all", "single_found", "single_all")}
        cells = [f"{100 * r['found']:6.1f} / {100 * r['all']:5.1f}" for r in rows.values()]
        gain = f"{100 * (mean['found'] - mean['single_found']):+6.1f} / {100 * (mean['all'] - mean['single_all']):+5.1f}"
        print(f"{run.name:18} " + " ".join(cells) + f" {100 * mean['found']:6.1f} / {100 * mean['all']:5.1f} {gain}", flush=True)
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
