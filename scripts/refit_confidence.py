"""Fits a bundle's confidence anew to what a node answered over whole corpora: traces of scripts/eval.sh, mode latent.

    python3 -m scripts.refit_confidence .latentask/eval/reports [--into bundles/NAME/bundle.json]

`train.calibrate` fits on corpora cut to size, which are answered right more often. Here the logit of the confidence, as the node
gave it, is scaled and shifted until it fits how often answers are exactly right (logistic regression), each set weighing as much
as it has answers. Fitted on every other question, told of the rest; what is written into the bundle is fitted on all of the three
sets. `data/pages` is for evaluation alone: it is told of, and never fitted on. Only the way that made the answers is changed; run
it once for traces of one bundle. Nothing but the standard library.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from statistics import fmean

from scripts.compare_traces import ROOT, questions, traced
from scripts.eval_tables import MULTIHOP

Answers = list[tuple[float, float]]  # confidence, and 1 where the answer is exactly right
LEAST = 1e-6  # a probability is kept so far from 0 and 1, as train/answers.py does


def answered(records: dict[str, dict], ids: list[str], way: str) -> Answers:
    """Answers other than `unknown` that the way made, in the order of the questions."""
    there = [records[i] for i in ids if i in records]
    return [
        (r["confidence"], r["scores"]["em"]) for r in there if r["by"].lower() == way and r["answer"].strip().lower() not in ("", "unknown")
    ]


def logit(p: float) -> float:
    p = min(max(p, LEAST), 1 - LEAST)
    return math.log(p / (1 - p))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def moved(answers: Answers, scale: float, shift: float) -> Answers:
    return [(sigmoid(scale * logit(c) + shift), right) for c, right in answers]


def fit(answers: Answers) -> tuple[float, float]:
    """Scale and shift of the logit by Newton's method; the loss is convex."""
    scale, shift = 1.0, 0.0
    for _ in range(100):
        g, h = [0.0, 0.0], [1e-9, 0.0, 1e-9]
        for c, right in answers:
            x = logit(c)
            p = sigmoid(scale * x + shift)
            error, weight = right - p, p * (1 - p)
            g = [g[0] + error * x, g[1] + error]
            h = [h[0] + weight * x * x, h[1] + weight * x, h[2] + weight]
        determinant = h[0] * h[2] - h[1] * h[1]
        step = ((h[2] * g[0] - h[1] * g[1]) / determinant, (h[0] * g[1] - h[1] * g[0]) / determinant)
        scale, shift = scale + step[0], shift + step[1]
        if max(map(abs, step)) < 1e-9:
            return scale, shift
    raise SystemExit("error: no scale and shift fit these answers\n       Are all of them right, or all wrong?")


def fitted_on(sets: dict[str, Answers], first: int = 0, step: int = 1) -> Answers:
    """Every so many answers of the three sets, and none of the pages, which are for evaluation alone."""
    return [x for n in MULTIHOP for x in sets[n][first::step]]


def calibration_error(answers: Answers) -> float:
    """Expected calibration error, ten bins of equal width, as `latentask eval` has it."""
    bins: dict[int, Answers] = {}
    for c, right in answers:
        bins.setdefault(min(int(10 * c), 9), []).append((c, right))
    return sum(abs(sum(c - right for c, right in b)) for b in bins.values()) / len(answers)


def into(spec: dict, way: str, scale: float, shift: float) -> None:
    """Scales and shifts a way's logit, which is scale × logit(p) + support × s + shift."""
    w = spec["answer"]["ways"][way]
    w |= {"scale": round(scale * w["scale"], 4), "shift": round(scale * w["shift"] + shift, 4), "support": round(scale * w["support"], 4)}


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("traces", type=Path)
    a.add_argument("--data", type=Path, default=ROOT / "data")
    a.add_argument("--way", choices=("free", "span", "pointer"), default="span", help="the one that made the answers")
    a.add_argument("--into", type=Path, help="a bundle.json to put it into")
    args = a.parse_args()
    sets = {
        n: answered(traced(args.traces, n, "latent"), [q["id"] for q in questions(args.data, n)], args.way) for n in (*MULTIHOP, "pages")
    }
    half = fit(fitted_on(sets, 1, 2))
    rows = {n: sets[n][::2] for n in MULTIHOP} | {"pages": sets["pages"]}
    rows["the 3 sets"] = fitted_on(sets, 0, 2)
    print("| answers not fitted on | n | right | confidence, error | after, error |\n|---|---|---|---|---|")
    for name, answers in rows.items():
        cells = [f"{fmean(c for c, _ in x):.2f}, {calibration_error(x):.3f}" for x in (answers, moved(answers, *half))]
        print(f"| {name} | {len(answers)} | {fmean(r for _, r in answers):.2f} | {' | '.join(cells)} |")
    scale, shift = fit(fitted_on(sets))
    print("\nlogit × {:.4f} + {:.4f} fitted on half of the answers, × {:.4f} + {:.4f} on all".format(*half, scale, shift))
    if args.into:
        spec = json.loads(args.into.read_text(encoding="utf-8"))
        into(spec, args.way, scale, shift)
        args.into.write_text(json.dumps(spec, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
