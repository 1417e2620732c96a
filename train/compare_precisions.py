"""What a precision costs: python -m train.compare_precisions --bundle DIR_FP32 --bundle DIR_INT8 … [--questions 100].

The same questions through the reference loop on each bundle's own files, with hybrid hops as a node makes them (`hybrid.py`) or, by
--search vector, over exact search by vectors, answered in every way that the bundles have; and once more with the gold passages
hidden. The first bundle is what the others are compared with: differences are paired, with 95%
bootstrap intervals over the questions. Times are of this machine's processor; half floats are made for a GPU, and a
processor without them computes them as float32. Prints a table in Markdown and writes all figures to `--out`.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from train import devsets
from train.calibrate import Asked, keywords_of
from train.devsets import Set
from train.hybrid import Keywords
from train.loop import Loop, greatest
from train.vectors import VectorCache


@dataclass
class Column:
    """One bundle: its size, and a value a question for each measure."""

    name: str
    megabytes: float
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, **values: float) -> None:
        for name, value in values.items():
            self.values.setdefault(name, []).append(float(value))


def interval(a: list[float], b: list[float], rounds: int = 10_000) -> tuple[float, float, float]:
    """Mean of b − a over the same questions, and its 95% bootstrap interval."""
    d = np.array(b) - np.array(a)
    means = d[np.random.default_rng(0).integers(0, len(d), (rounds, len(d)))].mean(1)
    return float(d.mean()), float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def ask(folder: Path, places: list[tuple[Set, int]], keywords: dict[str, Keywords | None], hops: int, threads: int) -> Column:
    loop = Loop(folder, threads=threads)
    rule = loop.m.get("answer", {})
    few, least, most = rule.get("passages", 0), rule.get("supports", 0), rule.get("greatest", 0)
    column = Column(f"{folder.name} ({loop.m['precision']})", sum(f["size"] for f in loop.m["files"].values()) / 1e6)
    for n, (z, i) in enumerate(places):
        start = time.perf_counter()
        asked = Asked(loop, z, i, hops, keywords[z.name], stop=True, passages=(few,))
        milliseconds = 1000 * (time.perf_counter() - start)
        hidden = Asked(loop, z, i, hops, keywords[z.name], stop=True, hide=True)
        column.add(
            found=asked.found, all_found=asked.found == 1, stops_right=asked.stopped_right(hops),
            **{f"em_{way}": asked.right(way, few) for way in loop.ways},
            answered=greatest(asked.supports, most) >= least, answered_hidden=greatest(hidden.supports, most) >= least,
            milliseconds=milliseconds,
        )  # fmt: skip
        if n % 20 == 19:
            print(f"{column.name} {n + 1}/{len(places)}", flush=True)
    return column


def table(columns: list[Column]) -> str:
    measures = list(columns[0].values)
    lines = ["| bundle | MB | " + " | ".join(measures) + " |", "|---" * (len(measures) + 2) + "|"]
    for c in columns:
        cells = [f"{c.megabytes:.0f}"]
        for m in measures:
            if m == "milliseconds":
                cells.append(f"{np.median(c.values[m]):.0f}")
                continue
            cell = f"{100 * np.mean(c.values[m]):.1f}"
            if c is not columns[0]:
                cell += " ({:+.1f}, {:+.1f} to {:+.1f})".format(*(100 * x for x in interval(columns[0].values[m], c.values[m])))
            cells.append(cell)
        lines.append(f"| {c.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument(
        "--bundle", type=Path, action="append", required=True, help="several times; the first is what the others are compared with"
    )
    devsets.add_arguments(a, questions=100)
    a.add_argument("--hops", type=int, default=4)
    a.add_argument("--search", choices=("hybrid", "vector"), default="hybrid", help="how hops search")
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--out", type=Path)
    args = a.parse_args()
    cache = VectorCache(args.cache, args.weights)
    sets = devsets.load(args, cache)
    places = [(z, i) for z in sets for i in range(len(z.questions))]
    keywords = keywords_of(sets, args.search)
    columns = [ask(folder, places, keywords, args.hops, args.threads) for folder in args.bundle]
    print(table(columns))
    if args.out:
        report = {c.name: {"megabytes": c.megabytes, "n": len(places), **c.values} for c in columns}
        args.out.write_text(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
