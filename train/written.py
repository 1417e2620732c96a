"""Trajectories over pages that a language model wrote one by one, of organisations of every kind (`data/train/written`).

The generator of `madeup/` says a great deal in few forms; these say little in very many, as the pages of a user's own do. All of
them are one corpus, so that an organisation's pages lie among those of others. The folders are those that `scripts/check_pages.py`
checks: `corpus.jsonl` and `questions.jsonl`, in the form of `data/pages`.
"""

from __future__ import annotations

from pathlib import Path

from train import data
from train.annotated import thought
from train.trajectories import Hop, Trajectory

NAME = "written"  # of the source, of its scope, and of the folder of data/train
HELD_OUT = "held"  # the folder of those that are not trained on: a bundle's thresholds are fitted there


def hops_of(q: dict) -> list[Hop]:
    hops: list[Hop] = []
    for h in q["hops"]:
        text, used = h["subq"], []
        for k, before in reversed(list(enumerate(hops, 1))):
            if f"#{k}" in text:
                text = text.replace(f"#{k}", before.answer)
                used.insert(0, before.answer)
        before = hops[-1].answer if used else None
        hops.append(Hop(h["pid"], thought(before, text), text, used, h["answer"]))
    return hops


def rows(folder: Path, name: str = NAME) -> tuple[list[dict], list[dict]]:
    """Questions and passages of `folder`/train/`name`; none where there is no such folder."""
    out: tuple[list[dict], list[dict]] = [], []
    for place in sorted((folder / "train" / name).glob("*/")):
        for kept, file in zip(out, ("questions", "corpus"), strict=True):
            kept += data.read(place / f"{file}.jsonl")
    return out


def written(folder: Path) -> tuple[list[Trajectory], list[dict]]:
    """Trajectories and passages to train on."""
    questions, passages = rows(folder)
    out = []
    for q in questions:
        kind = "comparison" if q.get("comparison") else "bridge" if len(q["hops"]) > 1 else "single"
        out.append(Trajectory(q["id"], NAME, NAME, kind, q["question"], q["answers"][0], hops_of(q), True))
    return out, [{**p, "scope": NAME} for p in passages]
