"""Writes the demo's corpus and questions, data/demo/passages.jsonl.gz and data/demo/questions.jsonl.

    python scripts/demo_corpus.py --data FOLDER

FOLDER holds corpus/{2wiki,hotpotqa}.jsonl.gz (pid, title, text) and dev/{2wiki,hotpotqa}.jsonl.gz (question, answers,
type, gold_pids, ctx_pids), as drawn from 2WikiMultihopQA and HotpotQA. The same input gives the same files.
"""

import argparse
import gzip
import html
import json
import random
from pathlib import Path

SETS = ("2wiki", "hotpotqa")
BRIDGE = {"compositional", "inference", "bridge"}  # the second passage is only known by reading the first
QUESTIONS = 18  # a set
LONGEST_GOLD = 900  # characters
FILLER = (60, 350)  # characters of a passage that is there to be searched among
PASSAGES = 5200
# Easily read ones that are in whatever is drawn beside them.
PICKED = (
    "What is the place of birth of the director of film A Man Called Ove?",
    "About how many people are employed by the company founded by Denise Coates?",
    "Who is the father of the director of film Tiger Cage 2?",
)
# Those that the demo asks by itself come first.
FIRST = (
    "Who is the father of the director of film Tiger Cage 2?",
    "Jolyon James performed the role of Moonshadow in a musical by a composer of what nationality?",
    'The director of the romantic comedy "Big Stone Gap" is based in what New York city?',
    "What is the place of birth of the director of film A Man Called Ove?",
)


def read(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def passages(folder, name):
    """Passages by pid. HotpotQA's titles have HTML entities in them."""
    return {
        p["pid"]: {"pid": p["pid"], "title": html.unescape(p["title"]), "text": html.unescape(p["text"])}
        for p in read(folder / "corpus" / f"{name}.jsonl.gz")
    }


def questions(folder, name, corpus, rng):
    """Two-hop questions with short gold passages, those of PICKED always among them."""
    fitting = [
        q
        for q in read(folder / "dev" / f"{name}.jsonl.gz")
        if q["type"] in BRIDGE
        and len(q["gold_pids"]) == 2
        and len(q["question"]) <= 110
        and all(len(corpus[pid]["text"]) <= LONGEST_GOLD for pid in q["gold_pids"])
    ]
    first = [q for q in fitting if q["question"] in PICKED]
    others = [q for q in fitting if q["question"] not in PICKED and q.get("ctx_pids")]
    return first + rng.sample(others, QUESTIONS - len(first))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "data" / "demo")
    args = parser.parse_args()

    rng = random.Random(1)
    asked, chosen, titles, filler = [], [], set(), []

    def take(passage):
        """Keeps one passage a title: both sets hold the same articles in places."""
        if passage["title"] not in titles:
            titles.add(passage["title"])
            chosen.append(passage)

    corpora = {name: passages(args.data, name) for name in SETS}
    for name in SETS:
        asked += questions(args.data, name, corpora[name], rng)
    asked.sort(key=lambda q: FIRST.index(q["question"]) if q["question"] in FIRST else len(FIRST))
    for part in ("gold_pids", "ctx_pids"):
        for q in asked:
            for pid in q.get(part) or []:
                take(corpora[q["dataset"]][pid])
    for name in SETS:
        filler += [p for p in corpora[name].values() if FILLER[0] <= len(p["text"]) <= FILLER[1]]
    rng.shuffle(filler)
    for passage in filler:
        if len(chosen) == PASSAGES:
            break
        take(passage)
    chosen.sort(key=lambda p: p["pid"])

    args.out.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(p, ensure_ascii=False) + "\n" for p in chosen)
    # No name and no time in the header: the same passages give the same bytes.
    with open(args.out / "passages.jsonl.gz", "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(lines.encode())
    with open(args.out / "questions.jsonl", "w", encoding="utf-8") as file:
        for q in asked:
            support = [corpora[q["dataset"]][pid]["title"] for pid in q["gold_pids"]]
            row = {"question": q["question"], "answers": q["answers"], "support": support, "dataset": q["dataset"], "id": q["id"]}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{len(chosen)} passages, {len(asked)} questions, {sum(len(p['text']) for p in chosen) / 1e6:.1f} million characters")


if __name__ == "__main__":
    main()
