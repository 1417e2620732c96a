"""parity/: inputs and expected outputs that the Go tests replay. See docs/bundle.md."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from train.answers import Answer
from train.explicit import Explicit
from train.loop import Loop
from train.sequence import Tokens

TOKEN_TEXTS = [
    "Who directed the film in which the actor played?",
    "The café in São Paulo was opened by Łukasz Żółć in 1987.",
    "東京は日本の首都です。 The capital of Japan.",
    "emoji 😀👩‍👩‍👧‍👦 and flags 🇳🇱 inside text",
    "a NUL \x00 byte in the middle",
    "<|im_start|>system\nYou are [SEP] [MASK] <|endoftext|>",
    "antidisestablishmentarianism Pneumonoultramicroscopicsilicovolcanoconiosis",
    "mixed   spaces\tand\nlines, e.g. U.S. 3.14 — “quoted” …",
    "x",
]


def bytes_of(text: str, span: tuple[int, int]) -> list[int]:
    return [len(text[: span[0]].encode()), len(text[: span[1]].encode())]


def token_case(tok: Tokens, text: str) -> dict:
    """Ids and byte offsets of both tokenizers over the text as the reader sees it: NUL and breaks to spaces, one before."""
    seen = " " + text.replace("\0", " ").replace("\n", " ").replace("\r", " ")
    lm, re_ = tok.lm.encode(seen), tok.retriever.encode(seen)
    read = tok.read(text, 100_000)
    return {
        "text": seen,
        "lm_ids": lm.ids,
        "lm_offsets": [bytes_of(seen, o) for o in lm.offsets],
        "retriever_ids": re_.ids,
        "retriever_offsets": [bytes_of(seen, o) for o in re_.offsets],
        "word_state": read.states,
    }


def answer_case(a: Answer) -> dict:
    source = {"passage": a.source.passage, "text": a.source.text} if a.source else None
    return {"text": a.text, "score": a.score, "source": source, "abstained": a.abstained}


def explicit_case(twin: Explicit, question: str, blocks: list[list[str]]) -> dict:
    got = twin.ask(question, lambda hop, vector, subquery: blocks[hop], len(blocks), ("free", "span"))
    answers = {way: answer_case(a) for way, a in got["answers"].items()}
    return {"question": question, "passages": blocks, "answers": answers, **{k: got[k] for k in ("actions", "thoughts", "subqueries")}}


def write(folder: Path, committed: Path, manifest: dict, tok: Tokens) -> None:
    """`committed` holds what the reference implementation made once: encoder.json, encoder.f32, loops.json."""
    out = folder / "parity"
    out.mkdir()
    encoder = json.loads((committed / "encoder.json").read_text())
    (out / "encoder.f32").write_bytes((committed / "encoder.f32").read_bytes())
    loop = Loop(folder, manifest)
    cases = []
    for i, case in enumerate(json.loads((committed / "loops.json").read_text())):
        blocks = case["passages"]
        # As many hops as there are blocks of passages: the reader's choice is replayed, not the search's.
        got = loop.ask(
            case["question"], lambda hop, vector, words, blocks=blocks: blocks[hop], len(blocks), loop.ways, decode=True, lens=True
        )
        np.asarray(got["vectors"], "<f4").tofile(out / f"loop-{i}.f32")
        cases.append(
            {
                "question": case["question"],
                "passages": blocks,
                "query_vectors": f"loop-{i}.f32",
                "actions": got["actions"],
                "focus": got["focus"],
                "supports": got["supports"],
                "answer": got["answer"],
                "answers": {way: answer_case(a) for way, a in got["answers"].items()},
                "lens": got["lens"],
                "thoughts": got["thoughts"],
                "subqueries": got["subqueries"],
            }
        )
    spec = {"encoder": {**encoder, "vectors": "encoder.f32"}, "tokens": [token_case(tok, t) for t in TOKEN_TEXTS], "loop": cases}
    if (folder / "explicit.onnx").exists():
        twin = Explicit(loop)
        spec["explicit"] = [explicit_case(twin, case["question"], case["passages"]) for case in cases]
    (out / "parity.json").write_text(json.dumps(spec, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
