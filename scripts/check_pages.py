"""Checks untitled pages and the questions over them, those of data/pages or of a folder of data/train/written, and prints counts.

    python scripts/check_pages.py [--data data/train/written/NAME]

A hop's answer stands word for word in the hop's page, the question's in the last page. The answer of every hop but the
last is a bridge: the next page speaks of it, the question does not. A comparison is answered by yes or no, or by a name that
stands in one of its pages. Exits with 1 when something is wrong.
"""

import argparse
import gzip
import json
import re
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

WORDS = (20, 90)  # a page
# Words of names that say only what kind of thing it is, or nothing.
KIND = {"team", "yard", "the", "a", "of", "and"}


def rows(folder: Path, name: str) -> list[dict]:
    """Of NAME.jsonl.gz, or of NAME.jsonl."""
    packed = folder / f"{name}.jsonl.gz"
    with gzip.open(packed, "rt", encoding="utf-8") if packed.exists() else open(folder / f"{name}.jsonl", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def words(text: str) -> set[str]:
    return {w for w in re.findall(r"\w[\w-]*", text.lower()) if len(w) > 1}


def check_pages(pages: list[dict]) -> list[str]:
    wrong = [f"{p['pid']}: has a title" for p in pages if p["title"]]
    wrong += [f"{p['pid']}: {n} words" for p in pages if not WORDS[0] <= (n := len(p["text"].split())) <= WORDS[1]]
    for field in ("pid", "text"):
        wrong += [f"twice: {value}" for value, n in Counter(p[field] for p in pages).items() if n > 1]
    return wrong


def check_question(q: dict, text: dict[str, str]) -> list[str]:
    hops, comparison = q["hops"], q.get("comparison", False)
    wrong = []
    if q["gold_pids"] != [h["pid"] for h in hops] or len(set(q["gold_pids"])) != len(hops):
        wrong.append("gold pages are not those of the hops, or repeat")
    if q["type"] != f"{len(hops)}hop":
        wrong.append(f"{q['type']} with {len(hops)} hops")
    if missing := [pid for pid in q["gold_pids"] if pid not in text]:
        return [f"{q['id']}: no page {missing}"]
    wrong += [f"{h['answer']!r} does not stand in {h['pid']}" for h in hops if h["answer"] not in text[h["pid"]]]
    if comparison:
        if q["answers"] not in (["yes"], ["no"]) and not any(q["answers"][0] in text[pid] for pid in q["gold_pids"]):
            wrong.append("a comparison is answered by yes, no or a name in one of its pages")
        return [f"{q['id']}: {w}" for w in wrong]
    if q["answers"][0] != hops[-1]["answer"]:
        wrong.append("the first answer is not the last hop's")
    for n, (hop, after) in enumerate(pairwise(hops), 1):
        bridge = words(hop["answer"]) - KIND
        if shown := bridge & words(q["question"]):
            wrong.append(f"the question shows {shown} of the bridge {hop['answer']!r}")
        if not bridge & words(text[after["pid"]]):
            wrong.append(f"{after['pid']} does not speak of {hop['answer']!r}")
        if f"#{n}" not in after["subq"]:
            wrong.append(f"{after['subq']!r} does not use the answer of hop {n}")
    return [f"{q['id']}: {w}" for w in wrong]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).parent.parent / "data" / "pages")
    folder = parser.parse_args().data
    pages, questions = rows(folder, "corpus"), rows(folder, "questions")
    text = {p["pid"]: p["text"] for p in pages}
    wrong = check_pages(pages)
    for field in ("id", "question"):
        wrong += [f"twice: {value}" for value, n in Counter(q[field] for q in questions).items() if n > 1]
    for q in questions:
        wrong += check_question(q, text)
    lengths = sorted(len(t.split()) for t in text.values())
    gold = {pid for q in questions for pid in q["gold_pids"]}
    print(f"{len(pages)} pages of {lengths[0]} to {lengths[-1]} words, median {lengths[len(lengths) // 2]}; {len(gold)} are gold")
    types = ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(q["type"] for q in questions).items()))
    print(f"{len(questions)} questions: {types}; {sum(q.get('comparison', False) for q in questions)} compare two pages")
    sys.exit("\n".join(wrong) if wrong else 0)


if __name__ == "__main__":
    main()
