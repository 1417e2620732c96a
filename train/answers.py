"""Ways to answer over what the loop has read: a free text, a span under a mask, a pointer. docs/bundle.md has the rules.

Everything here is plain Python over token ids, offsets and arrays of log-probabilities, so it is tested without a model.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from train.sequence import in_word, trim

ABSTAIN = "unknown"
FIXED = ("yes", "no", ABSTAIN)  # answers that need not stand in a text; the pointer's slots, in this order
MAX_WORDS = 12  # of a pointed span


@dataclass(frozen=True)
class Source:
    """Where an answer stands: index of the passage in reading order, and the slice of its text as it was read."""

    passage: int
    text: str


@dataclass(frozen=True)
class Answer:
    text: str
    score: float  # raw: log of the probability that the way gives its answer, a token's mean; at most 0
    source: Source | None = None
    abstained: bool = False


def normal(text: str) -> str:
    """Lower case, without punctuation and articles: as answers are compared."""
    return " ".join(w for w in re.sub(r"[^\w\s]", "", text.lower()).split() if w not in ("a", "an", "the"))


def logit(score: float) -> float:
    """Of the probability exp(score), kept away from 0 and 1."""
    p = min(max(math.exp(score), 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))


def confidence(score: float, supported: float, scale: float = 1.0, shift: float = 0.0, support: float = 0.0) -> float:
    """For a score of at most 0; `supported` is the support of the answer's passage, or the greatest where it has none."""
    return 1 / (1 + math.exp(-(scale * logit(score) + support * supported + shift)))


def supported(a: Answer, supports: list[float]) -> float:
    """The support of the passage that an answer stands in, of one that stands in none the greatest."""
    return supports[a.source.passage] if a.source else max(supports, default=0.0)


# --------------------------------------------------------------------------------------------------------------- spans


@dataclass(frozen=True)
class Start:
    """A way to begin a span: the tokens written first, and the token of the text that comes behind them."""

    at: int  # the token of the text where the span begins
    ids: tuple[int, ...]
    then: int


@dataclass(frozen=True)
class SpanText:
    """A text that a span may be taken from. Offsets are characters; the tokens may cover less than the text."""

    text: str
    ids: list[int]
    offsets: list[tuple[int, int]]
    starts: list[Start]
    ends: list[bool]  # whether a span may end after token k
    passage: int | None = None  # in reading order; None for the question and the fixed answers


# Scripts written without spaces between words: Thai and Lao, kana, Han. A span may begin and end anywhere in them.
UNSPACED = ((0x0E00, 0x0EFF), (0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FFFF))


def boundary(text: str, at: int) -> bool:
    """Whether a word may begin or end before character `at`."""
    if at <= 0 or at >= len(text):
        return True
    left, right = text[at - 1], text[at]
    if not (in_word(left) and in_word(right)):
        return True
    return unicodedata.category(right)[0] != "M" and any(lo <= ord(c) <= hi for c in (left, right) for lo, hi in UNSPACED)


def span_text(lm: Tokenizer, text: str, limit: int, passage: int | None = None) -> SpanText:
    """`text` as the backbone reads it (one space before it), cut to `limit` tokens."""
    enc = lm.encode(text)
    ids, offsets = enc.ids[:limit], enc.offsets[:limit]
    clear = [k == 0 or a >= offsets[k - 1][1] for k, (a, _) in enumerate(offsets)]  # no character is split before token k
    ends = [boundary(text, b) and (k + 1 == len(ids) or clear[k + 1]) for k, (_, b) in enumerate(offsets)]
    starts = []
    for k, (a, b) in enumerate(offsets):
        first, _ = trim(text, a, b)
        if first == b or not boundary(text, first) or not clear[k]:
            continue
        starts.append(Start(k, (ids[k],), k + 1))
        if first == a:  # No space before it in the text, but an answer begins with one: the word may also be written so.
            j = next((j for j in range(k + 1, len(ids)) if boundary(text, offsets[j][0]) and clear[j]), len(ids))
            if j < len(ids) or boundary(text, offsets[-1][1]):
                starts.append(Start(k, tuple(lm.encode(" " + text[a : offsets[j - 1][1]]).ids), j))
    return SpanText(text, ids, offsets, starts, ends, passage)


def fixed_text(lm: Tokenizer, answer: str) -> SpanText:
    """An answer that is given whole or not at all."""
    enc = lm.encode(" " + answer)
    last = len(enc.ids)
    return SpanText(" " + answer, enc.ids, enc.offsets, [Start(0, tuple(enc.ids), last)], [False] * (last - 1) + [True])


class Spans:
    """The spans of a list of texts as a state machine over tokens: which may come next, and whether an answer may end."""

    def __init__(self, texts: list[SpanText]):
        self.texts = texts
        self.active = [(i, start, 0) for i, s in enumerate(texts) for start in s.starts]  # (text, start, tokens written)

    def _next(self, i: int, start: Start, n: int) -> int | None:
        if n < len(start.ids):
            return start.ids[n]
        k = start.then + n - len(start.ids)
        return self.texts[i].ids[k] if k < len(self.texts[i].ids) else None

    def allowed(self) -> set[int]:
        """Tokens that continue a span, ends left out."""
        return {t for t in (self._next(*a) for a in self.active) if t is not None}

    def take(self, token: int) -> None:
        self.active = [(i, start, n + 1) for i, start, n in self.active if self._next(i, start, n) == token]

    def whole(self) -> tuple[int, int, int] | None:
        """The first span that may end here: (text, its first token, the token behind it)."""
        for i, start, n in self.active:
            k = start.then + n - len(start.ids)
            if n >= len(start.ids) and self.texts[i].ends[k - 1]:
                return i, start.at, k
        return None


def best(logprobs: np.ndarray, ids: Iterable[int]) -> int:
    """The likeliest of some tokens; of equals the lowest."""
    order = np.array(sorted(ids))
    return int(order[np.argmax(logprobs[order])])


def decode_span(
    first: np.ndarray, extend: Callable[[int], np.ndarray], texts: list[SpanText], stop: tuple[int, ...], unknown: int, limit: int
) -> Answer:
    """Greedy decoding under the mask of `texts`.

    `first` are the log-probabilities [V] of the first token; `extend(token)` reads a token and returns those of the next.
    `stop` are the ids that end an answer, `unknown` is the first token of the answer that says that it is not known: what
    the model would give it counts against the span.
    """
    spans, logs, logprobs = Spans(texts), [], first
    u = min(math.exp(float(first[unknown])), 1 - 1e-6)
    found, kept = None, 0  # the last span that could have ended, and how many scores it has
    while True:
        ids = spans.allowed()
        whole = spans.whole()
        if whole:
            found, kept = whole, len(logs)
        if not ids or len(logs) == limit:
            break
        token = best(logprobs, ids | (set(stop) if whole else set()))
        logs.append(float(logprobs[token]))
        if whole and token in stop:
            kept = len(logs)
            break
        spans.take(token)
        if len(logs) < limit and spans.allowed():
            logprobs = extend(token)
    if found is None:
        return Answer("", -math.inf, None, True)
    i, a, k = found
    s = texts[i]
    text = s.text[slice(*trim(s.text, s.offsets[a][0], s.offsets[k - 1][1]))]
    source = None if s.passage is None or normal(text) in ("", *FIXED) else Source(s.passage, text)
    return Answer(text, float(np.mean(logs[:kept])) + math.log1p(-u), source, u > 0.5)


# ------------------------------------------------------------------------------------------------------------- pointer


@dataclass
class Word:
    """A word of a text that was read, with the backbone's state at its end."""

    text: int  # 0 is the question, 1… the passages in reading order
    start: int
    end: int
    state: np.ndarray  # [H]


def point(start: np.ndarray, starts: np.ndarray, end: np.ndarray, words: list[Word], texts: list[str]) -> Answer:
    """The likeliest span, yes or no of pointer.onnx's outputs: start [W+3], starts [8], end [8,W]. `none` only abstains."""
    answer, top = Answer("", -math.inf, None, True), -math.inf
    slots = len(start) - len(FIXED)
    abstained = int(np.argmax(start)) == slots + FIXED.index(ABSTAIN)
    for row, i in enumerate(starts.tolist()):
        if i >= len(words):
            continue  # padding
        last = i
        while last + 1 < len(words) and last + 1 < i + MAX_WORDS and words[last + 1].text == words[i].text:
            last += 1
        logits = end[row, i : last + 1].astype(np.float64)
        logits -= logits.max() + math.log(np.exp(logits - logits.max()).sum())
        j = int(np.argmax(logits))
        total = float(start[i]) + float(logits[j])
        if total > top:
            owner = words[i].text
            text = texts[owner][words[i].start : words[i + j].end]
            source = Source(owner - 1, text) if owner and normal(text) not in ("", *FIXED) else None
            top, answer = total, Answer(text, total / 2, source, abstained)
    for slot, text in enumerate(FIXED):
        total = float(start[slots + slot])
        if text != ABSTAIN and total > top:
            top, answer = total, Answer(text, total, None, abstained)
    return answer
