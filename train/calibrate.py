"""Fit what a bundle's manifest says of actions, ways of answering and confidence: python -m train.calibrate --bundle DIR.

Questions of dev, and as many as of one of its sets over pages that no training saw (half of made-up worlds, half written by a
language model), are asked through the reference loop on the
bundle's own ONNX files: as they are, and with their gold passages hidden. Hops are hybrid, as a node makes them (`hybrid.py`),
or, by --search vector, of the vector alone. Everything is fitted on every other question and reported on the rest; the rule that is
written is then fitted on all:
- `action`: the rule by which a hop answers: the action's margin, with or without the supports or the second greatest of them, and
  biases after the first and after further searches, with which the most questions stop right (at the first hop after which all
  gold has been read, or at the hop limit where it never was) and the most gold is read;
- `answer.passages`: how many of the best supported passages the answer is read from, 0 for all where that is no worse;
- `answer.ways`: scale, shift and weight of the support in each way's confidence (logistic regression of "exactly right" on
  the logit of its probability, so that a confidence of 0.3 is right three times in ten);
- `answer.auto`: the ways, in the order of their exact match, that AUTO chooses among, if choosing pays;
- `answer.supports`: the sum of supports, of all or of the `answer.greatest` greatest, under which a bundle abstains, with which
  `keep` of the questions whose gold is not hidden are answered; of a bundle without supports `answer.threshold`, the same of the
  confidence.
Prints a JSON to put into bundle.json, with the figures of the other half.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from train import devsets, hybrid, layouts
from train.answers import Answer, confidence, logit, normal, supported
from train.devsets import Set
from train.hybrid import PER_HOP, Keywords
from train.loop import Loop, Walk, bias_after, greatest, second
from train.vectors import VectorCache

PASSAGES = (0, 3, 4, 6)  # that an answer may be read from


class Rule(NamedTuple):
    """When a loop answers: evidence + biases[searches − 1] > 0, of the last bias where there are fewer, with the evidence
    features @ weights + carry × the evidence after the search before."""

    weights: np.ndarray
    biases: np.ndarray
    carry: float = 0.0

    def evidence(self, features: list[np.ndarray]) -> list[float]:
        """After each search, from what was known after each."""
        out = [0.0]
        for f in features:
            out.append(float(f @ self.weights) + self.carry * out[-1])
        return out[1:]

    def stop(self, features: list[np.ndarray]) -> int | None:
        """Searches after which it answers."""
        values = enumerate(self.evidence(features), 1)
        return next((k for k, e in values if e + bias_after(self.biases, k) > 0), None)


class Asked:
    """One question through the loop: what each decision knew, which hop completed the gold, the answers."""

    def __init__(
        self, loop: Loop, z: Set, i: int, hops: int, keywords: Keywords | None, *, stop: bool, passages: tuple[int, ...] = (), hide=False
    ):
        """With `passages` the question is answered, from so many of the best supported passages each. `hide` keeps the gold back.
        Without `keywords` hops search by the vector alone."""
        q = z.questions[i]
        gold = {z.row[p] for p in q["gold_pids"]}
        found: list[int] = []
        self.done: list[bool] = []  # after hop k, is all gold read?
        self.shares: list[float] = []  # and how much of it
        vectors = z.vectors.numpy()

        def search(hop: int, vector: np.ndarray, words: list) -> list[str]:
            if keywords:
                order = hybrid.order(vectors @ vector, keywords, q["question"], words, hybrid.settings(loop.m))
            else:
                order = np.argsort(-(vectors @ vector), kind="stable")[: PER_HOP + len(found) + len(gold)].tolist()
            fresh = [r for r in order if r not in found and not (hide and r in gold)][:PER_HOP]
            found.extend(fresh)
            self.done.append(gold <= set(found))
            self.shares.append(len(gold & set(found)) / len(gold))
            return loop.excerpts([layouts.READER["plain"](z.passages[r]) for r in fresh], q["question"], words)

        w = loop.walk(q["question"], search, hops, stop=stop)
        self.features = [features(w, k) for k in range(1, len(w.turns))]
        self.found = len(gold & set(found)) / len(gold)
        self.supports, self.hidden = w.turns[-1].supports, hide
        self.needed = len(gold)
        self.isgold = [r in gold for r in found]
        self.gold = [normal(a) for a in q["answers"]]
        self.answers: dict[int, dict[str, Answer]] = {}
        for n in sorted(passages, reverse=True, key=lambda n: (n == 0, n)):  # all first: the others write over what it reads
            self.answers[n] = loop.answers(w, len(w.turns), loop.ways, loop.best(self.supports, n))

    def right_stop(self) -> int | None:
        """Hops after which to answer; None where the gold was never complete."""
        return self.done.index(True) + 1 if True in self.done else None

    def stopped_right(self, hops: int) -> bool:
        """Whether the walk ended where it should have, of one that stopped by itself."""
        return len(self.done) == (self.right_stop() or hops)

    def stop_at(self, rule: Rule) -> int:
        """Hops after which the rule answers."""
        return rule.stop(self.features[:-1]) or len(self.done)

    def right(self, way: str, passages: int) -> bool:
        return not self.hidden and normal(self.answers[passages][way].text) in self.gold

    def sure(self, way: str, passages: int, fit: dict) -> float:
        a = self.answers[passages][way]
        return confidence(a.score, supported(a, self.supports), **fit)

    def says_nothing(self, way: str, passages: int) -> bool:
        """Whether no rule is needed for an abstention."""
        a = self.answers[passages][way]
        return way == "free" and a.abstained


def keywords_of(sets: list[Set], search: str) -> dict[str, Keywords | None]:
    """The inverted index of each set's passages for `search` "hybrid", None for "vector"."""
    return {z.name: Keywords([layouts.READER["plain"](p) for p in z.passages]) if search == "hybrid" else None for z in sets}


def features(w: Walk, turn: int) -> np.ndarray:
    """What the rule of docs/bundle.md weighs, in the order of `FEATURES`."""
    t, before = w.turns[turn], w.turns[turn - 1]
    return np.array([t.margin, sum(t.supports), second(t.supports), max(t.supports[before.read :], default=0.0)])


def gold_in_first(asked: list[Asked], n: int, by_support: bool) -> float:
    """Share of the gold among the first n passages found, in the order of finding or of their support."""
    shares = []
    for a in asked:
        order = list(range(len(a.isgold)))
        if by_support:
            order.sort(key=lambda i: -a.supports[i])
        shares.append(sum(a.isgold[i] for i in order[:n]) / a.needed)
    return float(np.mean(shares))


def stops_right(asked: list[Asked], rule: Rule) -> float:
    return float(np.mean([a.stop_at(rule) == (a.right_stop() or len(a.done)) for a in asked]))


def logistic(X: np.ndarray, y: np.ndarray, ridge: float = 1e-3) -> np.ndarray:
    """Weights, the last one the bias, that make sigmoid(X @ w) the probability of y, by Newton's method with a little ridge."""
    X = np.concatenate([X, np.ones((len(X), 1))], 1)
    w = np.zeros(X.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(X @ w, -30, 30)))
        H = X.T @ (X * (p * (1 - p))[:, None]) + ridge * np.eye(len(w))
        w = w - np.linalg.solve(H, X.T @ (p - y) + ridge * w)
    return w


FEATURES = ("margin", "support", "second", "newest")  # of a manifest's action
# Weights of these: what one look tells. A support lies between 0 and 1, and a margin is as wide as several.
WEIGHTS = ((1.0, 0.0, 0.0, 0.0), (1.0, 1.0, 0.0, 0.0), (1.0, 0.0, 2.0, 0.0), (1.0, 0.0, 3.0, 0.0))
FOLDS = 5
FOUND = 1.5  # what the share of the gold that is read counts beside the share of right stops


def fit_stop(asked: list[Asked]) -> Rule:
    """The rule that is best where it was not fitted, of few: the margin alone or with supports. It has two biases, after the first
    search and after all further ones, and carries no evidence on: more numbers fit what is chance in some hundred questions.
    """
    supported = any(a.features[0][1] for a in asked)
    kinds = [np.array(w) for w in WEIGHTS if supported or w == WEIGHTS[0]]
    parts = [asked[i::FOLDS] for i in range(FOLDS)]
    folds = [(part, [a for other in parts if other is not part for a in other]) for part in parts]

    return fit_biases(asked, max(kinds, key=lambda w: float(np.mean([good(part, fit_biases(others, w)) for part, others in folds]))))


def complete(asked: list[Asked], rule: Rule) -> float:
    return float(np.mean([a.done[a.stop_at(rule) - 1] for a in asked]))


def area(values: list[float], yes: list[bool]) -> float | None:
    """Under the curve of telling yes from no by the greater value: how often a yes has more than a no. None where there is but one kind."""
    x, y = np.array(values), np.array(yes, bool)
    if y.all() or not y.any():
        return None
    above = (x[y][:, None] > x[~y]).mean() + 0.5 * (x[y][:, None] == x[~y]).mean()
    return float(above)


def told_apart(asked: list[Asked], rule: Rule) -> dict[int, float | None]:
    """After each search but the last: how well the rule's evidence tells questions whose gold has all been read from others."""
    hops = max(len(a.done) for a in asked) - 1
    rows = {k: [a for a in asked if len(a.features) >= k] for k in range(1, hops + 1)}
    return {k: area([rule.evidence(a.features)[k - 1] for a in some], [a.done[k - 1] for a in some]) for k, some in rows.items()}


def good(asked: list[Asked], rule: Rule) -> float:
    """Right stops, and the gold that is read by then: a stop too early loses passages, and one too late costs no more than a search."""
    return stops_right(asked, rule) + FOUND * float(np.mean([a.shares[a.stop_at(rule) - 1] for a in asked]))


def fit_biases(asked: list[Asked], weights: np.ndarray, carry: float = 0.0) -> Rule:
    """The biases after the first and after further searches for these weights, from a grid of as wide a step as so few questions
    can tell apart; of equals those nearest 0."""
    hops = max(len(a.done) for a in asked) - 1
    plain = Rule(weights, np.zeros(1), carry)
    x = np.array([plain.evidence(a.features[:hops]) for a in asked])  # [questions, hops]
    right = np.array([a.right_stop() or len(a.done) for a in asked])
    shares = np.array([a.shares for a in asked])
    grid = np.arange(-20, 21) * 0.1 * x.std()
    best, found = (-1.0, 0.0), np.zeros(2)
    for biases in itertools.product(grid, repeat=2):
        stop = x + np.array([biases[min(k, 1)] for k in range(hops)]) > 0
        at = np.where(stop.any(1), stop.argmax(1), hops) + 1
        gain = float(np.mean(at == right) + FOUND * np.mean(shares[np.arange(len(at)), at - 1]))  # `good`, of all at once
        if (gain, -float(np.abs(biases).sum())) > best:
            best, found = (gain, -float(np.abs(biases).sum())), np.array(biases)
    return Rule(weights, found, carry)


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(sum(abs(confidence[which == b].mean() - right[which == b].mean()) * (which == b).mean() for b in range(bins) if (which == b).any()))  # fmt: skip


def fit_confidence(asked: list[Asked], way: str, passages: int) -> dict[str, float]:
    y = np.array([float(a.right(way, passages)) for a in asked])
    answers = [a.answers[passages][way] for a in asked]
    x = np.array([[logit(b.score), supported(b, a.supports)] for a, b in zip(asked, answers, strict=True)])
    used = [0, 1] if x[:, 1].any() else [0]
    while used:  # what speaks against an answer the more there is of it says nothing: it goes, as a manifest takes no such weight
        w = logistic(x[:, used], y)
        if (w[:-1] >= 0).all():
            weights = dict(zip(used, w[:-1], strict=True))
            break
        used = [u for u, v in zip(used, w[:-1], strict=True) if v >= 0]
    else:
        share = min(max(float(y.mean()), 0.01), 0.99)
        weights, w = {}, np.array([np.log(share / (1 - share))])
    return {"scale": round(float(weights.get(0, 0.0)), 4), "shift": round(float(w[-1]), 4), "support": round(float(weights.get(1, 0.0)), 4)}


def held(rows: list[Asked], n: int) -> np.ndarray:
    """The sum of the n greatest supports of what was read, of all for 0."""
    return np.array([greatest(a.supports, n) for a in rows])


GREATEST = (0, 2)  # of the supports, that tell whether to abstain; 0: all


def fit_supports(fit: list[Asked], nothing: np.ndarray, hidden: list[Asked], keep: float) -> tuple[float, int]:
    """Below which sum of how many of the greatest supports to abstain: the one that leaves most hidden questions unanswered, where
    `keep` of the others are answered. Of those `nothing` says which are none without a rule."""
    least = {n: float(np.quantile(np.where(nothing, 0, held(fit, n)), 1 - keep)) for n in GREATEST}
    n = max(GREATEST, key=lambda n: (float(np.mean(held(hidden, n) < least[n])), n == 0))
    return least[n], n


class Asking:
    """A process's loop, sets and inverted indices."""

    def __init__(self, args: argparse.Namespace):
        cache = VectorCache(args.cache, args.weights)
        self.loop, self.hops = Loop(args.bundle, threads=1 if args.processes > 1 else 2), args.hops
        own = [devsets.made_up(args.questions // 2, cache), devsets.held_out(args.data, args.questions // 2, cache)]
        self.sets = [*devsets.load(args, cache), *own]
        self.keywords = keywords_of(self.sets, args.search)

    def __call__(self, job: tuple[int, int, dict, dict]) -> Asked:
        """Which set, which of its questions, the manifest's action, how to ask."""
        z, i, action, kw = job
        self.loop.m["action"] = action
        return Asked(self.loop, self.sets[z], i, self.hops, self.keywords[self.sets[z].name], **kw)


asking_of_this_process: Asking


def begin(args: argparse.Namespace) -> None:
    global asking_of_this_process
    torch.set_num_threads(1)
    asking_of_this_process = Asking(args)


def asked_by(job: tuple) -> Asked:
    return asking_of_this_process(job)


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--bundle", type=Path, default=Path(".latentask/bundle"))
    devsets.add_arguments(a, questions=80)
    a.add_argument("--stops", type=int, default=0, help="a set, for the rule alone, which takes more and costs less; by default as many")
    a.add_argument("--hops", type=int, default=4)
    a.add_argument("--search", choices=("hybrid", "vector"), default="hybrid", help="how hops search")
    a.add_argument(
        "--keep",
        type=float,
        default=0.95,
        help="share of questions that are answered, whose gold may be found: more than is asked for, since texts of another kind have less support",
    )
    a.add_argument("--processes", type=int, default=os.cpu_count(), help="that ask, each with one thread")
    a.add_argument("--out", type=Path)
    args = a.parse_args()
    some = args.questions  # to answer
    args.questions = max(some, args.stops)
    asking = Asking(args)
    loop, sets = asking.loop, asking.sets  # whose vectors are kept now: the processes have nothing to embed
    places = [(z, i) for z, s in enumerate(sets) for i in range(len(s.questions))]
    answered = [(z, i) for z, i in places if i >= len(sets[z].questions) - min(some, some * len(sets[z].questions) // args.questions)]
    pool = ProcessPoolExecutor(args.processes, multiprocessing.get_context("spawn"), begin, (args,)) if args.processes > 1 else None

    def ask(label: str, where: list[tuple[int, int]], **kw) -> list[Asked]:
        """The answers don't depend on who asks: in order, by all processes."""
        jobs, out = [(z, i, loop.m.get("action", {}), kw) for z, i in where], []
        for a in pool.map(asked_by, jobs, chunksize=2) if pool else map(asking, jobs):
            out.append(a)
            if len(out) % 20 == 0:
                print(f"{label} {len(out)}/{len(where)}", flush=True)
        return out

    def halves(label: str, where: list[tuple[int, int]], **kw) -> tuple[list[Asked], list[Asked]]:
        """To fit on, and to report on."""
        asked = ask(label, where, **kw)
        return asked[::2], asked[1::2]

    def by_set(asked: list[Asked], where: list[tuple[int, int]]) -> dict[str, list[Asked]]:
        return {s.name: [a for a, (z, _) in zip(asked, where, strict=True) if z == k] for k, s in enumerate(sets)}

    fit, rest = halves("without stopping", places, stop=False)
    other, rule = fit_stop(fit), fit_stop(fit + rest)  # what is reported is the half's, what is written is of all
    weights = {n: round(float(v), 4) for n, v in zip(FEATURES, rule.weights, strict=True) if v or n == "margin"}
    action = weights | {"hops": [round(float(v), 4) for v in rule.biases]}
    loop.m["action"] = action
    plain = Rule(np.array(WEIGHTS[0]), np.zeros(1))
    told = [(s > 0.5) == g for r in rest for s, g in zip(r.supports, r.isgold, strict=True)]
    report = {
        "n": {"stops": len(rest), "answers": len(answered[1::2])},
        "gold_in_first": {n: {"by_hop": gold_in_first(rest, n, False), "by_support": gold_in_first(rest, n, True)} for n in (3, 6, 9)},
        "stop_right": stops_right(rest, other),
        "stop_right_without_rule": stops_right(rest, plain),
        "stop_right_by_set": {name: stops_right(rows, other) for name, rows in by_set(rest, places[1::2]).items()},
        "complete_after": {
            name: [float(np.mean([a.done[min(k, len(a.done) - 1)] for a in rows])) for k in range(args.hops)]
            for name, rows in by_set(fit + rest, places[::2] + places[1::2]).items()
        },
        "told_apart": {"margin": told_apart(fit + rest, plain), "rule": told_apart(fit + rest, other)},
        "searches": float(np.mean([r.stop_at(other) for r in rest])),
        "complete": complete(rest, other),
        "complete_without_rule": complete(rest, plain),
        "supports_right": float(np.mean(told)),
    }

    few = PASSAGES if loop.support else (0,)
    fit, rest = halves("answering", answered, stop=True, passages=few)
    em = lambda rows, way, n: float(np.mean([r.right(way, n) for r in rows]))  # noqa: E731
    best = {n: max(em(fit, way, n) for way in loop.ways) for n in few}
    passages = max(few, key=lambda n: (best[n], n == 0))
    report["em_by_passages"] = {n: {way: em(rest, way, n) for way in loop.ways} for n in few}
    report["hops"] = float(np.mean([len(r.done) for r in rest]))
    hidden = ask("with gold hidden", answered[1::2], stop=True, passages=(passages,), hide=True)
    fit_hidden = ask("fitting half, gold hidden", answered[::2], stop=True, hide=True) if loop.support else []

    ways, table = {}, {}
    for way in loop.ways:
        ways[way] = fit_confidence(fit, way, passages)
        sure = np.array([r.sure(way, passages, ways[way]) for r in rest])
        right = np.array([float(r.right(way, passages)) for r in rest])
        table[way] = {"em": float(right.mean()), "ece": expected_calibration_error(sure, right)}

    def pick(rows: list[Asked], auto: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the way that AUTO keeps: confidence, rightness, and whether the model says that it does not know."""
        kept = [max(((r.sure(w, passages, ways[w]), w) for w in auto), key=lambda p: p[0]) for r in rows]
        sure = np.array([c for c, _ in kept])
        right = np.array([float(r.right(w, passages)) for r, (_, w) in zip(rows, kept, strict=True)])
        return sure, right, np.array([r.says_nothing(w, passages) for r, (_, w) in zip(rows, kept, strict=True)])

    # A rule of several ways must beat the best single one by more than chance would; a way whose confidence does not rise
    # with its probability takes no part in a choice.
    sound = [w for w in loop.ways if ways[w]["scale"] > 0] or list(loop.ways)[:1]
    rules = [c for k in range(1, len(sound) + 1) for c in itertools.combinations(sound, k)]
    exact = {c: float(pick(fit, c)[1].mean()) for c in rules}
    alone = max((c for c in rules if len(c) == 1), key=lambda c: exact[c])
    several = max(rules, key=lambda c: exact[c])
    chance = (exact[alone] * (1 - exact[alone]) / len(fit)) ** 0.5
    auto = several if exact[several] > exact[alone] + chance else alone
    for c in rules:
        if len(c) > 1:
            table["+".join(c)] = {"em": float(pick(rest, c)[1].mean())}
    sure, right, _ = pick(rest, auto)
    nothing = pick(fit, auto)[2]
    if loop.support:
        least, most = fit_supports(fit, nothing, fit_hidden, args.keep)
        rule, tells = {"supports": round(least, 4)} | ({"greatest": most} if most else {}), partial(held, n=most)
    else:
        tells = lambda rows: pick(rows, auto)[0]  # noqa: E731
        least = float(np.quantile(np.where(nothing, 0, tells(fit)), 1 - args.keep))
        rule = {"threshold": round(least, 4)}
    kept = lambda rows: float(np.mean((tells(rows) >= least) & ~pick(rows, auto)[2]))  # noqa: E731
    report |= {
        "ways": table,
        "auto": {
            "em": float(right.mean()),
            "ece": expected_calibration_error(sure, right),
            "answered": kept(rest),
            "answered_with_gold_hidden": kept(hidden),
            "hidden_told_apart": area([*tells(rest), *tells(hidden)], [True] * len(rest) + [False] * len(hidden)),
        },
        "gold_found": float(np.mean([r.found for r in rest])),
        "risk_coverage": [
            {"coverage": k / 10, "em": float(right[np.argsort(-sure)[: max(1, len(right) * k // 10)]].mean())} for k in range(1, 11)
        ],
    }
    answer = {"ways": ways, "auto": list(auto), **rule, "passages": passages}
    out = {"action": action, "answer": answer, "report": report}
    print(json.dumps(out, indent=1))
    if args.out:
        args.out.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
