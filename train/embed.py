"""Embed passages ahead of training or evaluation: python -m train.embed --data DIR --cache DIR [--pool | --corpus NAME]."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from train import data, layouts
from train.vectors import VectorCache

COUNTS = {"hotpotqa": 2000, "2wiki": 1611, "musique": 1260}


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--cache", type=Path, default=Path(".latentask/train/vectors"))
    a.add_argument("--corpus", help="a whole corpus in one layout, for evaluation")
    a.add_argument("--layout", default="weaviate", choices=sorted(layouts.RETRIEVER))
    a.add_argument("--threads", type=int, default=2)
    args = a.parse_args()
    torch.set_num_threads(args.threads)
    cache = VectorCache(args.cache, args.weights)
    if args.corpus:
        passages = data.corpus(args.data, args.corpus).values()
        cache.get([layouts.RETRIEVER[args.layout](p) for p in passages], args.corpus)
        return
    questions = data.training_questions(args.data, COUNTS, 0)
    for name, ids in data.pool(questions, 0).items():
        passages = data.corpus(args.data, name)
        cache.get([layouts.RETRIEVER[layouts.retriever_layout(i)](passages[i]) for i in ids], name)


if __name__ == "__main__":
    main()
