"""Embed a corpus ahead of an evaluation: python -m train.embed --data DIR --corpus NAME. Texts known already cost nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from train import data, layouts
from train.vectors import VectorCache


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--data", type=Path, default=Path("data"))
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--cache", type=Path, default=Path(".latentask/train/vectors"))
    a.add_argument("--corpus", required=True)
    a.add_argument("--layout", default="weaviate", choices=sorted(layouts.RETRIEVER))
    a.add_argument("--threads", type=int, default=2)
    args = a.parse_args()
    torch.set_num_threads(args.threads)
    passages = data.corpus(args.data, args.corpus).values()
    VectorCache(args.cache, args.weights).get([layouts.RETRIEVER[args.layout](p) for p in passages], args.corpus)


if __name__ == "__main__":
    main()
