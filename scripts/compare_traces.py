"""What differs between runs of scripts/eval.sh, such as those of bundles of several precisions, question by question.

    python3 -m scripts.compare_traces fp32=.latentask/eval/fp32 int8=.latentask/eval/reports [--mode latent]

A run is a folder of traces. Of each set those questions are taken that all runs have asked, sets count alike, and the first run is
what the others are compared with: paired differences in points, with 95% bootstrap intervals over the questions (each set drawn by
itself). Prints a table in Markdown. Milliseconds are medians of all questions, and compare where all runs had the machine alone.
Nothing but the standard library.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, median

from scripts.eval_tables import MULTIHOP

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 10_000


def stopped_right(record: dict, gold: set[str], most: int) -> bool:
    """Whether the loop ended at the first search after which all gold was read, or made all its searches where it never was."""
    read: set[str] = set()
    for n, hop in enumerate(record["hops"], 1):
        read |= set(hop["pids"])
        if gold <= read:
            return n == len(record["hops"])
    return len(record["hops"]) == most


MEASURES: dict[str, Callable[[dict, set[str], int], float]] = {
    "gold found": lambda r, gold, most: r["scores"]["gold_found"],
    "all found": lambda r, gold, most: r["scores"]["all_found"],
    "exactly right": lambda r, gold, most: r["scores"]["em"],
    "stops right": stopped_right,
    "abstained": lambda r, gold, most: r["abstained"],
}


def traced(folder: Path, name: str, mode: str) -> dict[str, dict]:
    """A set's records of one mode by question."""
    with open(folder / f"{name}.jsonl", encoding="utf-8") as lines:
        records = map(json.loads, lines)
        return {r["id"]: r for r in records if r["mode"] == mode and not r.get("error")}


def questions(data: Path, name: str) -> list[dict]:
    """A development set's questions, or those of `data/pages`, in the order of the file."""
    file = data / "pages/questions.jsonl.gz" if name == "pages" else data / "dev" / f"{name}.jsonl.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def golds(data: Path, name: str) -> dict[str, set[str]]:
    return {q["id"]: set(q["gold_pids"]) for q in questions(data, name)}


def of_sets(sets: list[list[float]]) -> float:
    """The mean, sets counting alike."""
    return fmean(map(fmean, sets))


def interval(a: list[list[float]], b: list[list[float]], rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Mean of b − a over the same questions, sets counting alike, and its 95% bootstrap interval."""
    differences = [[y - x for x, y in zip(p, q, strict=True)] for p, q in zip(a, b, strict=True)]
    rng = random.Random(0)
    drawn = sorted(of_sets([rng.choices(d, k=len(d)) for d in differences]) for _ in range(rounds))
    return of_sets(differences), drawn[int(0.025 * rounds)], drawn[int(0.975 * rounds)]


def table(runs: dict[str, dict[str, list[list[float]]]], times: dict[str, float], n: str) -> str:
    base = next(iter(runs))
    lines = [f"| {n} | " + " | ".join(MEASURES) + " | ms |", "|---" * (len(MEASURES) + 2) + "|"]
    for name, values in runs.items():
        cells = []
        for measure in MEASURES:
            cell = f"{100 * of_sets(values[measure]):.1f}"
            if name != base:
                cell += " ({:+.1f}, {:+.1f} to {:+.1f})".format(*(100 * x for x in interval(runs[base][measure], values[measure])))
            cells.append(cell)
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {times[name]:.0f} |")
    return "\n".join(lines)


def compare(folders: dict[str, Path], data: Path, mode: str, most: int) -> str:
    runs = {name: {measure: [] for measure in MEASURES} for name in folders}
    milliseconds: dict[str, list[float]] = {name: [] for name in folders}
    sizes = []
    for z in MULTIHOP:
        if not all((folder / f"{z}.jsonl").exists() for folder in folders.values()):
            continue
        records = {name: traced(folder, z, mode) for name, folder in folders.items()}
        gold = golds(data, z)
        ids = [i for i in gold if all(i in r for r in records.values())]
        if not ids:
            continue
        sizes.append(str(len(ids)))
        for name, r in records.items():
            for measure, value in MEASURES.items():
                runs[name][measure].append([float(value(r[i], gold[i], most)) for i in ids])
            milliseconds[name] += [r[i]["total_ms"] for i in ids]
    if not sizes:
        raise SystemExit("error: there is no set of which all runs have a question")
    return table(runs, {name: median(ms) for name, ms in milliseconds.items()}, " + ".join(sizes) + " questions")


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("runs", nargs="+", metavar="NAME=FOLDER")
    a.add_argument("--data", type=Path, default=ROOT / "data")
    a.add_argument("--mode", default="latent")
    a.add_argument("--hops", type=int, default=4, help="the most searches of a question")
    args = a.parse_args()
    named = [run.partition("=") for run in args.runs]
    if len(named) < 2 or not all(name and folder for name, _, folder in named):
        a.error("name two runs or more, each as NAME=FOLDER")
    print(compare({name: Path(folder) for name, _, folder in named}, args.data, args.mode, args.hops))


if __name__ == "__main__":
    main()
