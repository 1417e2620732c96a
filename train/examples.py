"""A trajectory as one token sequence, with the places of its latents, candidates, labels and targets."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from train import layouts
from train.answers import ABSTAIN, FIXED, MAX_WORDS
from train.sequence import Read, Tokens
from train.settings import Settings
from train.trajectories import Hop, Trajectory

Layout = Callable[[dict], str]

READ = 3  # passages that a hop reads where it is not training
SAID = 48  # tokens of a thought or a subquery in words, at most, the one that ends it counted
MISSES = 2  # searches in a row that may bring distractors alone


class Seen(NamedTuple):
    """A text in the sequence, the question or a passage: where its tokens begin."""

    at: int
    read: Read
    gold: bool = False


@dataclass
class HopAt:
    """One hop of an example: where its latents begin, what it should find, which pieces it may copy."""

    hop: Hop
    index: int  # of the hop in its trajectory
    at: int  # position of think 0
    gold: int  # row of the gold passage's vector, −1 where there is none
    other: set[int]  # rows that count neither as found nor as missed: gold of other hops, what was read before
    candidates: list[tuple[int, int]]  # position of the state, piece id
    labels: np.ndarray  # 1 for a piece of a bridge name
    focus: list[str] = field(default_factory=list)  # the words that a loop copied for this search, or is likely to


@dataclass
class Pointed:
    """The answer as a span of words: positions of their states, and which of them it is."""

    at: int  # position of the state that asks
    words: list[int]  # positions of word states
    start: int  # index into words, or len(words) + slot
    end: int  # −1 for a slot
    allowed: list[int]  # end words that may follow start


@dataclass
class Example:
    t: Trajectory
    ids: list[int] = field(default_factory=list)
    hops: list[HopAt] = field(default_factory=list)
    actions: list[tuple[int, int]] = field(default_factory=list)  # position, 0 search or 1 answer
    passages: list[tuple[int, bool]] = field(default_factory=list)  # where a passage's last word ends, whether it is gold
    texts: list[tuple[int, int]] = field(default_factory=list)  # position, token that it should predict: the answer
    written: list[tuple[int, int]] = field(default_factory=list)  # the same of the twin's thoughts and subqueries
    pointed: Pointed | None = None
    decode: list[int] = field(default_factory=list)  # indices into hops

    def supports(self) -> list[tuple[int, int, bool]]:
        """Every decision with every passage read before it: position of the decision, of the passage, whether it is gold."""
        return [(at, end, gold) for at, _ in self.actions for end, gold in self.passages if end < at]


class Builder:
    """Makes examples. `row` gives a passage's place among the vectors, `passages` its text."""

    def __init__(self, tok: Tokens, s: Settings, passages: dict[str, dict], row: dict[str, int]):
        self.tok, self.s, self.passages, self.row = tok, s, passages, row
        self.pids = sorted(row, key=row.get)

    def __call__(self, t: Trajectory, rng: random.Random) -> Example:
        e = Example(t, self.tok.question(t.question))
        read = [Seen(len(self.tok.prompt["question"]), self.tok.read(t.question, self.s.question_tokens))]
        layout = layouts.READER[layouts.reader_layout(t.id)]
        budget = rng.choice((self.s.passage_tokens - 16, self.s.passage_tokens, self.s.passage_tokens + 24))
        (self.follow if t.walked else self.teach)(e, read, layout, budget, rng)
        if e.hops and not self.s.explicit and rng.random() < self.s.decode_share:
            e.decode = [rng.randrange(len(e.hops))]
        return e

    def follow(self, e: Example, read: list[Seen], layout: Layout, budget: int, rng: random.Random) -> None:
        """The searches of a loop, as they were: each decision is labelled by whether all gold had been read by then, each search
        by the first hop whose gold had not. What is answered stands in what was read; where it was cut away, nothing is."""
        t, s = e.t, self.s
        gold, found = {self.row[p] for p in t.gold}, set()
        spoken = 2 * SAID + 16 if s.explicit else s.think + s.query
        for search in t.walked:
            k = t.missing(found)
            if len(e.ids) + 2 * spoken + len(search.pids) * (budget + 4) + s.answer_tokens > s.max_positions:
                break
            if k is not None:
                self.open_hop(e, t.hops[k], k, read[1:], gold, {self.row[p] for p in found}, search.focus)
            elif s.explicit:  # it has nothing to write
                break
            else:
                e.ids += self.tok.think + self.tok.query
                e.actions.append((len(e.ids) - s.query - 1, 1))
            toward = " ".join([t.question, *search.focus])
            self.read_all(e, [self.row[p] for p in search.pids], layout, toward, budget, read, gold)
            found.update(search.pids)
        complete, answer = t.missing(found) is None, None
        standing = [r.gold for r in read if stands(t.answer, r.read.text)]  # the question's among them
        if (complete and (standing or t.answer.lower() in FIXED)) or (t.kind == "bridge" and any(standing)):
            answer = t.answer
        elif not complete and not any(stands(t.answer, r.read.text) for r in read[1:]) and rng.random() < s.answer_share:
            answer = ABSTAIN
        self.close(e, read, int(complete), answer)

    def teach(self, e: Example, read: list[Seen], layout: Layout, budget: int, rng: random.Random) -> None:
        """The searches of the teacher: each finds its gold, or misses it, beside distractors of its text subquery."""
        t, s = e.t, self.s
        hidden = t.kind == "none" or (t.complete and rng.random() < s.hide_share)
        # A hidden question finds nothing from a hop on, however often it tries there: a filter hides all gold as easily as the last.
        gone = len(t.hops) - 1 if t.kind == "none" or rng.random() < 0.4 else rng.randrange(len(t.hops))
        hidden = hidden and (not t.hops[gone].pid or t.hops[gone].pid not in {h.pid for h in t.hops[:gone]})
        tries = rng.choice((1, 1, 2, 3))
        reads_last = t.complete and (hidden or rng.random() < s.answer_share)
        gold = {self.row[p] for p in t.gold}
        seen: set[int] = set()
        misses = 0  # searches in a row that brought distractors alone
        k = 0  # the next hop whose gold passage has not been read
        while k < len(t.hops):
            hop, last = t.hops[k], k == len(t.hops) - 1
            self.open_hop(e, hop, k, read[1:], gold, seen, likely_focus(hop, read[1:], rng) if s.tell_with_question else [])
            if last and not reads_last:
                break
            target = self.row[hop.pid] if hop.pid else -1
            first = [self.row[p] for p in (*hop.found[:READ], *(t.near[:READ] if k == 0 else []))]
            found = [self.row[p] for p in hop.found]
            found = [i for i in found if i not in seen and i not in gold]
            rows = found[: 1 if rng.random() < 0.4 else 2] if rng.random() < 0.7 else rng.sample(found, min(1, len(found)))
            absent = hidden and k == gone
            spoken = 2 * SAID + 16 if s.explicit else s.think + s.query
            left = (len(t.hops) - k + 1) * (spoken + READ * (budget + 4)) + s.answer_tokens
            room = len(e.ids) + left < s.max_positions  # else no search more than those that find gold
            if absent or (misses < MISSES and found and rng.random() < s.miss_share and room):
                misses += 1  # distractors alone: the same hop once more
                rows = found[: rng.randint(1, READ)]
            else:
                misses = 0
                # What a search really brings in beside its own gold passage: that of another hop.
                later = {self.row[h.pid] for h in t.hops[k + 1 : gone if hidden else len(t.hops)] if h.pid} - seen
                rows = [target, *rows, *(i for i in dict.fromkeys(first) if i in later)]
                k += 1
                while k < len(t.hops) and t.hops[k].pid and self.row[t.hops[k].pid] in {*seen, *rows}:
                    k += 1
            rng.shuffle(rows)
            following = t.hops[min(k, len(t.hops) - 1)]
            toward = " ".join([hop.subquery, *following.bridges[:1], *([t.answer] if last else [])])
            seen.update(rows)
            self.read_all(e, rows, layout, toward, budget, read, gold)
            if absent:
                tries -= 1
                if not tries or not rows or not room:
                    break
        if reads_last:
            self.close(e, read, 0 if hidden else 1, ABSTAIN if hidden else t.answer)

    def open_hop(self, e: Example, hop: Hop, k: int, read: list[Seen], gold: set[int], seen: set[int], focus: list[str]) -> None:
        tok, s = self.tok, self.s
        target = self.row[hop.pid] if hop.pid else -1
        if s.explicit:
            e.ids += [tok.newline, *tok.prompt["thought"]]
            e.actions.append((len(e.ids) - 1, 0))
            self.say(e, hop.thought, [tok.newline, *tok.prompt["subquery"]])
            self.say(e, hop.subquery, [tok.newline])
            e.ids.pop()  # the passages' own prompt begins with it
            return
        at = len(e.ids)
        e.ids += tok.think + tok.query
        e.actions.append((at + s.think - 1, 0))
        candidates, labels = [], [np.zeros(0, np.float32)]
        if s.copy_head:
            candidates = [(start + r.states[c], r.pieces[c]) for start, r, _ in read for c in range(len(r.pieces))]
            labels += [focus_labels(r.text, r.offsets, hop.bridges) for _, r, _ in read]
        e.hops.append(HopAt(hop, k, at, target, (gold | seen) - {target}, candidates, np.concatenate(labels), focus))

    def say(self, e: Example, text: str, then: list[int]) -> None:
        """The twin writes `text` and the first token of `then`; the rest of `then` is prompt."""
        written = self.tok.text(text)[: SAID - 1]
        for token in [*written, then[0]]:
            e.written.append((len(e.ids) - 1, token))
            e.ids.append(token)
        e.ids += then[1:]

    def read_all(self, e: Example, rows: list[int], layout: Layout, toward: str, budget: int, read: list[Seen], gold: set[int]) -> None:
        tok = self.tok
        for i in rows:
            r = tok.read(tok.excerpt(layout(self.passages[self.pids[i]]), toward, budget), budget)
            e.ids += tok.prompt["passage"]
            read.append(Seen(len(e.ids), r, i in gold))
            if r.word_states:
                e.passages.append((len(e.ids) + r.word_states[-1], i in gold))
            e.ids += r.ids

    def close(self, e: Example, read: list[Seen], action: int, answer: str | None) -> None:
        """Decide behind the last passages, and answer, unless nothing is to be learned from that."""
        tok, s = self.tok, self.s
        if s.explicit:
            e.ids += [tok.newline, *tok.prompt["thought"]]
        else:
            e.ids += tok.think
        e.actions.append((len(e.ids) - 1, action))
        if answer is None:
            return
        e.ids += tok.prompt["answer"]
        at = len(e.ids) - 1  # the state here predicts the first answer token
        for token in [*tok.text(answer)[: s.answer_tokens - 1], tok.eos]:
            e.texts.append((len(e.ids) - 1, token))
            e.ids.append(token)
        if not s.explicit:
            e.pointed = point(at, read, answer)


def likely_focus(hop: Hop, read: list[Seen], rng: random.Random) -> list[str]:
    """What the copy head would take where nobody has walked: most words of the bridge names, and some others of what was read."""
    if not read:
        return []
    names = dict.fromkeys(w.lower() for name in hop.bridges for w in re.findall(r"\w+", name) if rng.random() < 0.9)
    others = re.findall(r"\w+", rng.choice(read).read.text.lower())
    return list(names | dict.fromkeys(rng.sample(others, min(len(others), rng.randint(0, 4)))))


def find(answer: str, text: str) -> re.Match | None:
    """Where the answer stands, as whole words, whatever its case."""
    return re.search(r"(?<!\w)" + re.escape(answer) + r"(?!\w)", text, re.IGNORECASE)


def stands(answer: str, text: str) -> bool:
    return find(answer, text) is not None


def point(at: int, read: list[Seen], answer: str) -> Pointed | None:
    """The answer's span: in the gold passage read last that holds it, else in another, else in the question; None where it stands
    nowhere."""
    words = [start + w for start, r, _ in read for w in r.word_states]
    if answer.lower() in FIXED:
        return Pointed(at, words, len(words) + FIXED.index(answer.lower()), -1, [])
    first = np.cumsum([0, *(len(r.word_states) for _, r, _ in read)])
    for n in sorted(range(len(read)), key=lambda n: (read[n].gold, n), reverse=True):
        r = read[n].read
        m = find(answer, r.text)
        if not m:
            continue
        inside = [i for i, (a, b) in enumerate(r.word_offsets) if a < m.end() and b > m.start()]
        if not inside or inside[-1] - inside[0] >= MAX_WORDS or r.word_offsets[inside[-1]][1] < m.end():
            continue
        start, base = inside[0], int(first[n])
        allowed = [base + j for j in range(start, min(start + MAX_WORDS, len(r.word_states)))]
        return Pointed(at, words, base + start, base + inside[-1], allowed)
    return None


def focus_labels(text: str, offsets: list[tuple[int, int]], bridges: list[str]) -> np.ndarray:
    """1 for every piece of `text` (by character offsets) that lies in a bridge name."""
    y, low = np.zeros(len(offsets), np.float32), text.lower()
    for name in bridges:
        name = name.lower().strip()
        if len(name) < 2:
            continue
        for m in re.finditer(r"(?<!\w)" + re.escape(name) + r"(?!\w)", low):
            for i, (a, b) in enumerate(offsets):
                if a < m.end() and b > m.start():
                    y[i] = 1
    return y
