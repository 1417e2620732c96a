"""How a passage's text is laid out: for the retriever (as Weaviate makes an object's text) and for the reader.

Weaviate joins the class name (split at capitals), then the text values by property name in alphabetical order, with the
property names in between where asked. A bundle must work on all of these, so training mixes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

Passage = dict  # pid, title, text

RETRIEVER: dict[str, Callable[[Passage], str]] = {
    "weaviate": lambda p: f"Passage {p['text']} {p['title']}",  # the server's defaults
    "weaviate_names": lambda p: f"Passage text {p['text']} title {p['title']}",  # the Python client's defaults
    "article": lambda p: f"Article {p['text']} {p['title']}",
    "wiki_names": lambda p: f"Wiki Page content {p['text']} title {p['title']}",
    "nameless": lambda p: f"{p['text']} {p['title']}",
    "plain": lambda p: f"{p['title']}. {p['text']}",
    "text": lambda p: p["text"],
}
_RETRIEVER_SHARES = [
    ("weaviate", 0.40),
    ("weaviate_names", 0.15),
    ("article", 0.10),
    ("wiki_names", 0.05),
    ("nameless", 0.10),
    ("plain", 0.15),
    ("text", 0.05),
]

# Pages that have no title: class names and property names of other kinds, or nothing at all.
_UNTITLED_SHARES = [
    ("Passage {}", 0.35),
    ("{}", 0.25),
    ("Passage text {}", 0.10),
    ("Page content {}", 0.10),
    ("Doc Chunk {}", 0.10),
    ("Note body {}", 0.10),
]

READER: dict[str, Callable[[Passage], str]] = {
    "plain": lambda p: join([p["title"], p["text"]]),
    "reversed": lambda p: join([p["text"], p["title"]]),
    "text": lambda p: p["text"],
}
_READER_SHARES = [("plain", 0.70), ("reversed", 0.15), ("text", 0.15)]


def join(values: list[str]) -> str:
    """Property values as the node joins them for the reader: '. ' after a value without closing punctuation."""
    out = ""
    for v in (" ".join(v.split()) for v in values):
        if not v:
            continue
        if out:
            out += " " if out[-1] in ".!?…。！？:;" else ". "
        out += v
    return out


def _unit(key: str) -> float:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big") / 2**48


def _pick(shares: list[tuple[str, float]], u: float) -> str:
    for name, share in shares:
        if u < share:
            return name
        u -= share
    return shares[-1][0]


def retriever_layout(pid: str) -> str:
    """The layout a training passage is embedded in: a fixed choice by its id, so that each passage has one vector."""
    return _pick(_RETRIEVER_SHARES, _unit("retriever:" + pid))


def reader_layout(question_id: str) -> str:
    """The layout in which one question's passages are read: fixed by the question's id."""
    return _pick(_READER_SHARES, _unit("reader:" + question_id))


def passage(p: Passage) -> str:
    """The text that a training passage is embedded as, in its own layout."""
    if not p["title"]:
        return _pick(_UNTITLED_SHARES, _unit("untitled:" + p["pid"])).replace("{}", p["text"])
    return RETRIEVER[retriever_layout(p["pid"])](p)
