"""Make the training trajectories: python -m train.trajectories --data DIR --out DIR [--wiki N] [--worlds N].

A trajectory is a question with its hops: thought, text subquery, gold passage, what the frozen retriever finds for the
subquery (its top 10 in the trajectory's own scope, so the distractors are those that a loop really meets), bridge names,
answer. Sources: the annotated questions (`annotated.py`), MuSiQue's hops alone, synthetic chains over encyclopaedia pages
(`synthetic.py`), made-up organisations (`madeup/`), pages that a language model wrote (`written.py`). Deterministic. Written: `trajectories.jsonl.gz`, `passages.jsonl.gz`,
and `summary.json`, which states how often the retriever missed the gold passage (training puts it in).
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Container, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from train import data, layouts

TOP = 10  # the paper: the teacher's distribution is over the frozen retriever's top 10


@dataclass
class Hop:
    pid: str  # gold passage; "" where it is in no passage of the scope
    thought: str
    subquery: str
    bridges: list[str] = field(default_factory=list)
    answer: str = ""
    found: list[str] = field(default_factory=list)


@dataclass
class Search:
    """One search of a loop: what it read then, and the words that it copied for it."""

    pids: list[str]
    focus: list[str]


@dataclass
class Trajectory:
    id: str
    source: str  # hotpotqa, 2wiki, musique, single, wiki, pages, written
    scope: str  # the passages it searches in
    kind: str  # single, bridge, comparison, none (the answer is in no passage)
    question: str
    answer: str
    hops: list[Hop]
    complete: bool  # the hops hold all evidence, so that an answer may follow
    near: list[str] = field(default_factory=list)  # what the frozen retriever finds for the question itself
    walked: list[Search] = field(default_factory=list)  # what a loop found instead, of an example that follows it (walks.py)

    @property
    def gold(self) -> list[str]:
        return [h.pid for h in self.hops if h.pid]

    def missing(self, read: Container[str]) -> int | None:
        """The first hop whose gold passage is not among those read: what the next search is for. None where all has been read."""
        return next((k for k, h in enumerate(self.hops) if not h.pid or h.pid not in read), None)


def write(path: Path, rows: Iterable[dict]) -> None:
    with gzip.GzipFile(path, "wb", mtime=0) as f:
        for row in rows:
            f.write((json.dumps(row, ensure_ascii=False) + "\n").encode())


def load(path: Path) -> list[Trajectory]:
    """As they were written: none of them walked."""
    return [Trajectory(**{**row, "hops": [Hop(**h) for h in row["hops"]]}) for row in data.read(path)]


def wiki(folder: Path, count: int) -> tuple[list[Trajectory], list[dict]]:
    from train import synthetic
    from train.annotated import thought

    pages = list(data.read(folder / "train" / "wiki.jsonl.gz"))
    never = data.never(folder / "train" / "never_train_titles.txt.gz")
    world = synthetic.Encyclopaedia([synthetic.Passage(**p) for p in pages], never)
    out = []
    for q in synthetic.make(world, 0, count):
        before = [None, *(s.answer for s in q.steps)]
        hops = [Hop(s.pid, thought(b, s.subquery), s.subquery, s.bridges, s.answer) for s, b in zip(q.steps, before, strict=False)]
        out.append(Trajectory(q.id, "wiki", "wiki", q.kind, q.question, q.answer, hops, True))
    return out, [{**p, "scope": "wiki"} for p in pages]


def pages(worlds: int) -> tuple[list[Trajectory], list[dict]]:
    from train import madeup
    from train.annotated import thought

    out, passages = [], []
    for world in madeup.generate(0, worlds):
        passages += [{"pid": p.pid, "title": p.title, "text": p.text, "scope": world.id} for p in world.pages]
        for q in world.questions:
            before = [None, *(h.answer for h in q.hops)]
            hops = [
                Hop(h.pid, thought(b or None, h.subquery), h.subquery, list(h.bridges), h.answer)
                for h, b in zip(q.hops, before, strict=False)
            ]
            out.append(Trajectory(q.id, "pages", world.id, q.kind, q.question, q.answer, hops, True))
    return out, passages


def annotated(folder: Path, cache, singles: int) -> tuple[list[Trajectory], list[dict]]:
    from train.annotated import build, single_hops

    questions = data.training_questions(folder, {}, 0)
    passages: dict[str, dict] = {}
    for name, ids in data.pool(questions, 0).items():
        rows = data.corpus(folder, name)
        passages.update({p: {**rows[p], "scope": name} for p in ids})
    asked = dict(zip((q["id"] for q in questions), cache.get([q["question"] for q in questions], "questions", asked=True), strict=True))
    gold = list({p for q in questions for p in q["gold_pids"]})
    vectors = dict(zip(gold, cache.get([layouts.passage(passages[p]) for p in gold], "gold"), strict=True))
    out = build(questions, passages, lambda q, pids: [float(vectors[p] @ asked[q["id"]]) for p in pids])
    return out + single_hops(out, 0, singles), list(passages.values())


def search(trajectories: list[Trajectory], passages: list[dict], cache) -> dict[str, list[float]]:
    """Fill in what the frozen retriever finds for each subquery and question; → share of gold in its top 3 and 10, by source."""
    scopes: dict[str, list[dict]] = defaultdict(list)
    for p in passages:
        scopes[p["scope"]].append(p)
    vectors = dict(zip((p["pid"] for p in passages), cache.get([layouts.passage(p) for p in passages], "passages"), strict=True))
    hops = [(t, h) for t in trajectories for h in t.hops]
    questions = cache.get([t.question for t in trajectories], "questions", asked=True)
    subqueries = cache.get([h.subquery for _, h in hops], "subqueries", asked=True)
    asked: dict[str, list[tuple[Trajectory | Hop, np.ndarray]]] = defaultdict(list)
    for t, v in zip(trajectories, questions, strict=True):
        asked[t.scope].append((t, v))
    for (t, h), v in zip(hops, subqueries, strict=True):
        asked[t.scope].append((h, v))
    for scope, rows in asked.items():
        matrix = np.stack([vectors[p["pid"]] for p in scopes[scope]])
        for lo in range(0, len(rows), 512):
            block = rows[lo : lo + 512]
            for (x, _), order in zip(block, nearest(np.stack([v for _, v in block]), matrix), strict=True):
                pids = [scopes[scope][i]["pid"] for i in order]
                if isinstance(x, Trajectory):
                    x.near = pids
                else:
                    x.found = pids
    hits: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for t, h in hops:
        if h.pid:
            hits[t.source].append((h.pid in h.found[:3], h.pid in h.found))
    return {s: [round(float(x), 4) for x in np.mean(rows, 0)] for s, rows in hits.items()}


def nearest(asked: np.ndarray, matrix: np.ndarray) -> list[list[int]]:
    """The TOP nearest rows of `matrix` to each of `asked`, nearest first."""
    far = -(asked @ matrix.T)
    top = np.sort(np.argpartition(far, min(TOP, far.shape[1]) - 1, 1)[:, :TOP], 1)
    order = np.argsort(np.take_along_axis(far, top, 1), 1, kind="stable")
    return np.take_along_axis(top, order, 1).tolist()


def main() -> None:
    from train.vectors import VectorCache

    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--data", type=Path, default=Path("data"))
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--weights", type=Path, default=Path(".latentask/downloads"))
    a.add_argument("--cache", type=Path, default=Path(".latentask/train/vectors"))
    a.add_argument("--singles", type=int, default=2000, help="MuSiQue hops as questions of their own")
    a.add_argument("--wiki", type=int, default=14000, help="synthetic questions over encyclopaedia pages, at most")
    a.add_argument("--worlds", type=int, default=600, help="made-up organisations, about 24 questions each")
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--device", default="cpu", help="where texts are embedded")
    args = a.parse_args()
    import torch

    from train.written import written

    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    cache = VectorCache(args.cache, args.weights, args.device)
    trajectories, passages = annotated(args.data, cache, args.singles)
    for more, rows in (wiki(args.data, args.wiki), pages(args.worlds), written(args.data)):
        trajectories += more
        passages += rows
    found = search(trajectories, passages, cache)
    used = {t.scope for t in trajectories}
    write(args.out / "passages.jsonl.gz", (p for p in passages if p["scope"] in used))
    write(args.out / "trajectories.jsonl.gz", ({k: v for k, v in asdict(t).items() if k != "walked"} for t in trajectories))
    summary = {
        "trajectories": len(trajectories),
        "kinds": dict(sorted(Counter(f"{t.source} {t.kind} {len(t.hops)}" for t in trajectories).items())),
        "passages": len(passages),
        "gold_in_top_3_and_10": found,
    }
    (args.out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
