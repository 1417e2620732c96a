"""Trajectories over pages that were written by hand, of organisations of every kind (`data/train/written`).

The generator of `madeup/` says a great deal in few forms; these say little in very many, as the pages of a user's own do. All of
them are one corpus, so that an organisation's pages lie among those of others. The folders are those that `scripts/check_pages.py`
checks: `corpus.jsonl` and `questions.jsonl`, in the form of `data/pages`.
"""

from __future__ import annotations

import json
from pathlib import Path

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


def written(folder: Path, name: str = NAME) -> tuple[list[Trajectory], list[dict]]:
    """Of `folder`/train/`name`: trajectories, passages; none where there is no such folder."""
    out, passages = [], []
    for place in sorted((folder / "train" / name).glob("*/")):
        rows = {name: [json.loads(line) for line in (place / f"{name}.jsonl").open(encoding="utf-8")] for name in ("corpus", "questions")}
        passages += [{**p, "scope": NAME} for p in rows["corpus"]]
        text = {p["pid"]: p["text"] for p in rows["corpus"]}
        for q in rows["questions"]:
            kind = "comparison" if q.get("comparison") else "bridge" if len(q["hops"]) > 1 else "single"
            answer = q["answers"][0]
            holds = next((p for p in reversed(q["gold_pids"]) if answer in text[p]), "")
            out.append(Trajectory(q["id"], NAME, NAME, kind, q["question"], answer, hops_of(q), True, holds))
    return out, passages
