"""Fit what a bundle's manifest says of actions, ways of answering and confidence: python -m train.calibrate --bundle DIR.

Questions of dev are asked through the reference loop on the bundle's own ONNX files, over exact search. Everything is
fitted on every other question and reported on the rest:
- `action.bias`: what is added to the answer's logit, so that the most questions stop right (at the first hop after which
  all gold has been read, or at the hop limit where it never was);
- `answer.ways`: scale and shift of each way's confidence (logistic regression of "exactly right" on the logit of its
  probability, two numbers, so that a confidence of 0.3 is right three times in ten);
- `answer.auto`: the ways, in the order of their exact match, that AUTO chooses among, if choosing pays;
- `answer.threshold`: the confidence under which a bundle abstains: `keep` of the questions are answered.
Prints a JSON to put into bundle.json, with the figures of the other half.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy as np

from train import devsets, layouts
from train.answers import confidence, normal
from train.devsets import PER_HOP, Set
from train.loop import Loop
from train.vectors import VectorCache


class Asked:
    """One question through the loop: the actions' margins, which hop completed the gold, each way's answer and score."""

    def __init__(self, loop: Loop, z: Set, i: int, hops: int, stop: bool):
        q = z.questions[i]
        gold = {z.row[p] for p in q["gold_pids"]}
        found: list[int] = []
        done: list[bool] = []  # after hop k, is all gold read?
        vectors = z.vectors.numpy()
        budget = loop.m["limits"]["passage_tokens"]

        def search(hop: int, vector: np.ndarray, words: list) -> list[str]:
            order = np.argsort(-(vectors @ vector), kind="stable")[: PER_HOP + len(found)].tolist()
            fresh = [r for r in order if r not in found][:PER_HOP]
            found.extend(fresh)
            done.append(gold <= set(found))
            toward = q["question"] + " " + " ".join(w for w, _ in words)
            return [loop.tok.excerpt(layouts.READER["plain"](z.passages[r]), toward, budget) for r in fresh]

        out = loop.ask(q["question"], search, hops, ways=loop.ways if stop else (), stop=stop)
        self.margins, self.done = out["margins"], done
        self.found = len(gold & set(found)) / len(gold)
        self.answers = out["answers"]
        self.gold = [normal(a) for a in q["answers"]]

    def right_stop(self) -> int | None:
        """Hops after which to answer; None where the gold was never complete."""
        return self.done.index(True) + 1 if True in self.done else None

    def stop_at(self, bias: float) -> int:
        return next((k for k, m in enumerate(self.margins) if k and m + bias > 0), len(self.done))

    def right(self, way: str) -> bool:
        return normal(self.answers[way].text) in self.gold


def stops_right(asked: list[Asked], bias: float) -> float:
    return float(np.mean([a.stop_at(bias) == (a.right_stop() or len(a.done)) for a in asked]))


def logit(score: float) -> float:
    p = min(max(np.exp(score), 1e-6), 1 - 1e-6)
    return float(np.log(p / (1 - p)))


def logistic(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Scale and shift that make sigmoid(scale·x + shift) the probability of y, by Newton's method with a little ridge."""
    X, w = np.stack([x, np.ones_like(x)], 1), np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-X @ w))
        H = X.T @ (X * (p * (1 - p))[:, None]) + 1e-3 * np.eye(2)
        w = w - np.linalg.solve(H, X.T @ (p - y) + 1e-3 * w)
    return float(w[0]), float(w[1])


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(sum(abs(confidence[which == b].mean() - right[which == b].mean()) * (which == b).mean() for b in range(bins) if (which == b).any()))  # fmt: skip


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--bundle", type=Path, default=Path(".latentask/bundle"))
    devsets.add_arguments(a, questions=80)
    a.add_argument("--hops", type=int, default=4)
    a.add_argument("--keep", type=float, default=0.92, help="share of questions that are answered, whose gold may be found")
    a.add_argument("--out", type=Path)
    args = a.parse_args()
    loop, cache = Loop(args.bundle), VectorCache(args.cache, args.weights)
    sets = devsets.load(args, cache)
    places = [(z, i) for z in sets for i in range(len(z.questions))]

    walked = []
    for n, (z, i) in enumerate(places):
        walked.append(Asked(loop, z, i, args.hops, stop=False))
        if n % 20 == 19:
            print(f"without stopping {n + 1}/{len(places)}", flush=True)
    fit, rest = walked[::2], walked[1::2]
    bias = max(np.arange(-4, 4.01, 0.1), key=lambda b: (stops_right(fit, b), -abs(b)))
    bias = round(float(bias), 2)
    loop.m["action"] = {"bias": bias}
    report = {"stop_right": stops_right(rest, bias), "stop_right_without_bias": stops_right(rest, 0.0), "n": len(rest)}

    asked = []
    for n, (z, i) in enumerate(places):
        asked.append(Asked(loop, z, i, args.hops, stop=True))
        if n % 20 == 19:
            print(f"answering {n + 1}/{len(places)}", flush=True)
    fit, rest = asked[::2], asked[1::2]
    ways, table = {}, {}
    for way in loop.ways:
        x = lambda rows, way=way: np.array([logit(r.answers[way].score) for r in rows])  # noqa: E731
        y = lambda rows, way=way: np.array([float(r.right(way)) for r in rows])  # noqa: E731
        scale, shift = logistic(x(fit), y(fit))
        if scale < 0:  # its probability says nothing: one confidence for all, which a manifest takes
            share = min(max(float(y(fit).mean()), 0.01), 0.99)
            scale, shift = 0.0, float(np.log(share / (1 - share)))
        ways[way] = {"scale": round(scale, 4), "shift": round(shift, 4)}
        sure = np.array([confidence(r.answers[way].score, scale, shift) for r in rest])
        table[way] = {"em": float(y(rest).mean()), "ece": expected_calibration_error(sure, y(rest))}

    def pick(rows: list[Asked], auto: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Confidence and rightness of the way that AUTO keeps."""
        best = []
        for r in rows:
            c, way = max(((confidence(r.answers[w].score, **ways[w]), w) for w in auto), key=lambda p: p[0])
            best.append((c, float(r.right(way))))
        return np.array([b[0] for b in best]), np.array([b[1] for b in best])

    # A rule of several ways must beat the best single one by more than chance would; a way whose confidence does not rise
    # with its probability takes no part in a choice.
    sound = [w for w in loop.ways if ways[w]["scale"] > 0] or list(loop.ways)[:1]
    rules = [c for k in range(1, len(sound) + 1) for c in itertools.combinations(sound, k)]
    em = {c: float(pick(fit, c)[1].mean()) for c in rules}
    alone = max((c for c in rules if len(c) == 1), key=lambda c: em[c])
    several = max(rules, key=lambda c: em[c])
    chance = (em[alone] * (1 - em[alone]) / len(fit)) ** 0.5
    auto = several if em[several] > em[alone] + chance else alone
    for c in rules:
        if len(c) > 1:
            table["+".join(c)] = {"em": float(pick(rest, c)[1].mean())}
    threshold = float(np.quantile(pick(fit, auto)[0], 1 - args.keep))
    sure, right = pick(rest, auto)
    report |= {
        "ways": table,
        "auto": {
            "em": float(right.mean()),
            "ece": expected_calibration_error(sure, right),
            "answered": float((sure >= threshold).mean()),
        },
        "gold_found": float(np.mean([r.found for r in rest])),
        "risk_coverage": [
            {"coverage": k / 10, "em": float(right[np.argsort(-sure)[: max(1, len(right) * k // 10)]].mean())} for k in range(1, 11)
        ],
    }
    out = {"action": {"bias": bias}, "answer": {"ways": ways, "auto": list(auto), "threshold": round(threshold, 4)}, "report": report}
    print(json.dumps(out, indent=1))
    if args.out:
        args.out.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
