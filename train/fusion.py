"""How a hop should weigh keywords beside its vector: python -m train.fusion --bundle DIR [--questions 40] [--passages 5000].

The last questions of each development set through the reference loop, three searches of three passages, in each setting of
`SETTINGS`: one of them differs from the manifest's `search` in each row, or the fusion does (`ranked`: Weaviate's other one, by
ranks). Prints what is found, in percent: gold on average / all of a question's, the mean of the sets, and the difference from the
manifest's setting with its paired 95% bootstrap interval.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np

from train import devsets, hybrid, layouts
from train.compare_precisions import interval
from train.devsets import Set
from train.hybrid import FIRST, PER_HOP, Keywords
from train.loop import Loop
from train.vectors import VectorCache

HOPS = 3
SETTINGS: list[dict] = [
    {},
    *({"alpha": a} for a in (0.0, 0.2, 0.5, 0.7, 1.0)),
    *({"question_weight": w} for w in (1, 4)),
    *({"focus_weight": w} for w in (0.0, 1.5, 6.0)),
    {"ranked": True},
]


def ranked(near: np.ndarray, keyword: np.ndarray, alpha: float) -> list[int]:
    """Rows by Weaviate's ranked fusion: of each side the first so many, each with weight / (60 + its rank from 0)."""
    total: Counter[int] = Counter()
    for scores, weight in ((near, alpha), (keyword, 1 - alpha)):
        top = [i for i in np.argsort(-scores, kind="stable")[:FIRST].tolist() if scores is near or scores[i] > 0]
        for rank, i in enumerate(top):
            total[i] += weight / (60 + rank)
    return sorted(total, key=lambda i: -total[i])


def found(loop: Loop, z: Set, question: dict, keywords: Keywords, by: dict) -> float:
    """Share of the gold that the walk finds."""
    vectors, rows, gold = z.vectors.numpy(), [], {z.row[p] for p in question["gold_pids"]}
    fuse = ranked if by.get("ranked") else hybrid.fused

    def search(hop: int, vector: np.ndarray, focus: list) -> list[str] | None:
        order = fuse(vectors @ vector, keywords.scores(hybrid.asked_for(question["question"], focus, by)), by["alpha"])
        fresh = [r for r in order if r not in rows][:PER_HOP]
        rows.extend(fresh)
        if hop == HOPS - 1:
            return None
        return loop.excerpts([layouts.READER["plain"](z.passages[r]) for r in fresh], question["question"], focus)

    loop.walk(question["question"], search, HOPS, stop=False)
    return len(gold & set(rows)) / len(gold)


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--bundle", type=Path, default=Path(".latentask/bundle"))
    devsets.add_arguments(a, questions=40)
    a.add_argument("--out", type=Path)
    args = a.parse_args()
    loop, sets = Loop(args.bundle), devsets.load(args, VectorCache(args.cache, args.weights))
    keywords = {z.name: Keywords([layouts.READER["plain"](p) for p in z.passages]) for z in sets}
    base = hybrid.settings(loop.m)
    report, first = [], None
    print(f"the manifest's: {base}\n| setting | gold found | all found | gold found, less the manifest's |\n|---|---|---|---|")
    for setting in SETTINGS:
        shares = [found(loop, z, q, keywords[z.name], {**base, **setting}) for z in sets for q in z.questions]
        first = first or shares
        row = {"setting": setting, "found": float(np.mean(shares)), "all": float(np.mean(np.array(shares) == 1))}
        row["difference"] = interval(first, shares)
        report.append(row)
        name = ", ".join(f"{k} {v}" for k, v in setting.items()) or "as it is"
        less = "{:+.1f} ({:+.1f} to {:+.1f})".format(*(100 * x for x in row["difference"])) if setting else ""
        print(f"| {name} | {100 * row['found']:.1f} | {100 * row['all']:.1f} | {less} |", flush=True)
        if args.out:
            args.out.write_text(json.dumps({"search": base, "n": len(shares), "rows": report}, indent=1) + "\n")


if __name__ == "__main__":
    main()
