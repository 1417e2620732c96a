#!/usr/bin/env python3
"""Cut a corpus to N passages: scripts/cut_corpus.py CORPUS QUESTIONS N OUT. All JSON lines, gzipped.

First come the gold passages of all questions and the benchmark's own distractors, then others in the corpus's order. For
trying an evaluation where the whole corpus would take too long to embed; a smaller corpus is easier for every mode.
"""

import gzip
import json
import sys


def read(path: str) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def main() -> None:
    corpus, questions, n, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    passages = {p["pid"]: p for p in read(corpus)}
    first = dict.fromkeys(p for q in read(questions) for p in [*q.get("gold_pids", []), *(q.get("ctx_pids") or [])] if p in passages)
    kept = [*first, *(p for p in passages if p not in first)][:n]
    with gzip.GzipFile(out, "wb", mtime=0) as f:
        f.writelines((json.dumps(passages[p], ensure_ascii=False) + "\n").encode() for p in kept)
    print(f"{out}: {len(kept)} of {len(passages)} passages")


if __name__ == "__main__":
    main()
