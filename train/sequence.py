"""Sequences as docs/bundle.md lays them down: prompt pieces, passages as they are read, the copy head's candidates."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from tokenizers import Tokenizer

from train.settings import Settings
from train.weights import Backbone, Retriever

PIECES = {
    "question": "Question:",
    "passage": "\nDoc:",
    "answer": "\nAnswer:",
    "thought": "Thought:",
    "subquery": "Search:",
    "focus": "\nFocus:",
}
# Of a hop's focus before its thought and its subquery in words: the heaviest words, and tokens of them at most. A node has the same.
TOLD_WORDS, TOLD_TOKENS = 8, 64
EOS, NEWLINE = 2, 198


@dataclass
class Read:
    """A text as read: backbone ids; its candidates (retriever piece id, index of the backbone token in which the piece's
    word ends, character offsets); and the same by word, for the pointer."""

    text: str
    ids: list[int]
    pieces: list[int]
    states: list[int]
    offsets: list[tuple[int, int]]
    word_states: list[int]
    word_offsets: list[tuple[int, int]]


class Tokens:
    """Both tokenizers as a bundle uses them. `words` is how the retriever's pieces join to words: "wordpiece" or "text"."""

    def __init__(
        self, lm: Tokenizer, retriever: Tokenizer, vocab: int, s: Settings, *,
        eos: int = EOS, newline: int = NEWLINE, question_prefix: str = "", words: str = "wordpiece",
    ):  # fmt: skip
        self.lm, self.retriever, self.s = lm, retriever, s
        self.eos, self.newline, self.question_prefix = eos, newline, question_prefix
        self.words = words
        self.prompt = {k: lm.encode(v).ids for k, v in PIECES.items() if k != "focus" or s.tell_with_question}
        self.think = list(range(vocab, vocab + s.think))
        self.query = list(range(vocab + s.think, vocab + s.think + s.query))
        self.inject = vocab + s.think + s.query
        self.read = lru_cache(maxsize=100_000)(self._read)

    @classmethod
    def of(cls, b: Backbone, r: Retriever, s: Settings) -> Tokens:
        return cls(
            b.tokenizer, r.tokenizer, b.vocab, s, eos=b.eos, newline=b.newline, question_prefix=r.question_prefix, words=r.words
        )  # fmt: skip

    def question(self, text: str) -> list[int]:
        return self.prompt["question"] + self.lm.encode(" " + clean(text)).ids[: self.s.question_tokens]

    def telling(self, name: str, question: str, focus: list[str]) -> list[int]:
        """What stands before the latents that are put into words as `name`: by `Settings.tell_with_question` the question and the
        focus, of which the query vector is made as well."""
        if not self.s.tell_with_question:
            return self.prompt[name]
        words = self.prompt["focus"] + self.text(", ".join(focus[:TOLD_WORDS]))[:TOLD_TOKENS] if focus else []
        return self.question(question) + words + [self.newline] + self.prompt[name]

    def question_pieces(self, text: str) -> list[int]:
        ids = self.retriever.encode(self.question_prefix + clean(text)).ids
        limit = self.s.max_question_tokens
        return ids if len(ids) <= limit else ids[: limit - 1] + ids[-1:]

    def text(self, text: str) -> list[int]:
        return self.lm.encode(" " + clean(text)).ids

    def excerpt(self, text: str, toward: str, budget: int) -> str:
        """What is read of a text longer than `budget` tokens; see nearest_sentences."""
        return nearest_sentences(text, toward, lambda x: len(self.lm.encode(x).ids), budget)

    def _read(self, text: str, budget: int) -> Read:
        text = " " + clean(text)
        lm = self.lm.encode(text)
        ids, ends = lm.ids[:budget], [b for _, b in lm.offsets[:budget]]
        pieces, states, offsets, word_states, word_offsets = [], [], [], [], []
        enc = self.retriever.encode(text, add_special_tokens=False)
        spans = [trim(text, *o) for o in enc.offsets]
        for word in words(enc.tokens) if self.words == "wordpiece" else words_by_text(text, spans):
            end, at = spans[word[-1]][1], 0
            while at < len(ends) and ends[at] < end:
                at += 1
            if at == len(ends):
                break  # the word lies beyond what is read
            word_states.append(at)
            word_offsets.append((spans[word[0]][0], end))
            for c in word:
                pieces.append(enc.ids[c])
                states.append(at)
                offsets.append(spans[c])
        return Read(text, ids, pieces, states, offsets, word_states, word_offsets)


# Unicode's White_Space; Python's own notion has U+001C to U+001F besides.
WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
WHITE_RUN = re.compile(f"[{WHITE}]+")


def one_line(text: str) -> str:
    """Runs of white space as one space, none at the ends."""
    return WHITE_RUN.sub(" ", text).strip(" ")


def clean(text: str) -> str:
    """As the node does before tokenising: NULs and line breaks become spaces."""
    return re.sub(r"[\x00\r\n]", " ", text)


def words(tokens: list[str]) -> list[list[int]]:
    """Indices of pieces by word: a piece that begins with ## belongs to the word before it."""
    out: list[list[int]] = []
    for i, t in enumerate(tokens):
        if t.startswith("##") and out:
            out[-1].append(i)
        else:
            out.append([i])
    return out


def in_word(c: str) -> bool:
    """Letters, digits and the marks on them."""
    return unicodedata.category(c)[0] in "LNM"


def trim(text: str, a: int, b: int) -> tuple[int, int]:
    """The same place without white space at its ends."""
    while a < b and WHITE_RUN.match(text[a]):
        a += 1
    while b > a and WHITE_RUN.match(text[b - 1]):
        b -= 1
    return a, b


def words_by_text(text: str, spans: list[tuple[int, int]]) -> list[list[int]]:
    """Indices of pieces by word, for tokenizers without a mark: a piece goes on with a word where letters or digits meet, or
    where a character is split. Pieces of white space alone are left out."""
    out: list[list[int]] = []
    for i, (a, b) in enumerate(spans):
        if a == b:
            continue
        end = spans[out[-1][-1]][1] if out else -1
        if a < end or (a == end and in_word(text[a - 1]) and in_word(text[a])):
            out[-1].append(i)
        else:
            out.append([i])
    return out


def sentences(text: str) -> list[str]:
    return [s for s in re.split(r"(?<=[.!?])\s+(?=[\"'(A-Z0-9])", text) if s]


def nearest_sentences(text: str, toward: str, count, budget: int) -> str:
    """What fits of a long passage: the sentences that share most words with `toward`, in their order.

    A stand-in, in training only, for the node's choice by vectors.
    """
    if count(text) <= budget:
        return text
    wanted = set(re.findall(r"\w+", toward.lower()))
    parts = sentences(text)
    score = [len(wanted & set(re.findall(r"\w+", p.lower()))) / (4 + len(p.split())) for p in parts]
    kept, used = set(), 0
    for i in sorted(range(len(parts)), key=lambda i: -score[i]):
        n = count(parts[i])
        if used + n <= budget or not kept:
            kept.add(i)
            used += n
    return " ".join(parts[i] for i in sorted(kept))
