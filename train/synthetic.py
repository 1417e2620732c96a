"""Synthetic multi-hop questions over encyclopaedia passages: a passage that mentions another's title gives a hop.

The question is made of what the second passage says of its subject, with the subject's name taken out and replaced by how
the first passage leads to it: by relation ("the director of …"), by kind ("the Danish field hockey player linked with …"),
by a sentence with a gap. Chains of two and three hops, single facts, comparisons. Deterministic: one seed, one order. No
question hops to or through a title of `never`.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from train.sequence import sentences
from train.text import plain_title

MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
DATE = rf"(?:\d{{1,2}} {MONTH} \d{{4}}|{MONTH} \d{{1,2}}, \d{{4}}|{MONTH} \d{{4}}|\d{{4}})"
NAME = r"(?:[A-ZÀ-Þ][\w'’.&-]*)(?: (?:of|the|de|la|von|van|der|du|and|for|in|y|al|bin|da|dos|del|&) (?=[A-ZÀ-Þ])| ?[A-ZÀ-Þ][\w'’.&-]*){0,6}"


@dataclass(frozen=True)
class Relation:
    """How a sentence states it (one group: the object), how it is asked, and how its object is named by it."""

    pattern: re.Pattern
    asks: tuple[str, ...]
    nouns: tuple[str, ...] = ()

    @property
    def personal(self) -> bool:
        return any(w in self.asks[0] for w in ("born", "die", "marry", "son", "daughter", "sibling", "study", "play for"))


def relation(pattern: str, asks: list[str], nouns: list[str] | None = None) -> Relation:
    return Relation(re.compile(pattern), tuple(asks), tuple(nouns or ()))


PERSON = re.compile(r"\b(?:He|She|he|she|his|her|His|Her|him)\b|\(born\b")


RELATIONS = [
    relation(rf"\(?born (?:on )?({DATE})", ["When was {s} born?", "What is the date of birth of {s}?", "{s} was born on what date?", "On which day was {s} born?"]),
    relation(rf"[–—-] ?({DATE})\)", ["When did {s} die?", "What is the date of death of {s}?", "In which year did {s} die?", "{s} passed away when?"]),
    relation(rf"\bborn (?:and raised )?in ({NAME})", ["Where was {s} born?", "What is the birthplace of {s}?", "In which place was {s} born?"], ["the birthplace of {s}", "the place where {s} was born"]),
    relation(rf"\bdied in ({NAME})", ["Where did {s} die?", "In which place did {s} die?"], ["the place where {s} died"]),
    relation(rf"\bdirected by ({NAME})", ["Who directed {s}?", "Who is the director of {s}?", "{s} was directed by whom?"], ["the director of {s}", "the person who directed {s}", "{s}'s director"]),
    relation(rf"\bwritten by ({NAME})", ["Who wrote {s}?", "Who is the author of {s}?", "{s} was written by which person?"], ["the author of {s}", "the writer of {s}", "the person who wrote {s}"]),
    relation(rf"\bproduced by ({NAME})", ["Who produced {s}?", "Who was the producer of {s}?"], ["the producer of {s}", "the one that produced {s}"]),
    relation(rf"\bstarring ({NAME})", ["Who starred in {s}?", "Which actor appears in {s}?"], ["the star of {s}", "the performer who starred in {s}"]),
    relation(rf"\b(?:performed|recorded|sung) by (?:\w+ )?({NAME})", ["Who recorded {s}?", "Which performer is behind {s}?"], ["the performer of {s}", "the act that recorded {s}"]),
    relation(rf"\bcomposed by ({NAME})", ["Who composed {s}?", "Whose music is {s}?"], ["the composer of {s}", "the person who composed {s}"]),
    relation(rf"\bdesigned by (?:the )?(?:architect )?({NAME})", ["Who designed {s}?", "{s} is the design of whom?"], ["the designer of {s}", "the one who designed {s}"]),
    relation(rf"\bfounded by ({NAME})", ["Who founded {s}?", "{s} goes back to which founder?"], ["the founder of {s}", "the one who founded {s}"]),
    relation(rf"\b(?:owned|operated|run) by (?:the )?({NAME})", ["Who operates {s}?", "Who owns or runs {s}?"], ["the owner of {s}", "the operator of {s}"]),
    relation(rf"\bdeveloped by ({NAME})", ["Who developed {s}?", "Which developer made {s}?"], ["the developer of {s}", "the company that developed {s}"]),
    relation(rf"\bpublished by ({NAME})", ["Who published {s}?", "Which publisher brought out {s}?"], ["the publisher of {s}"]),
    relation(rf"\breleased (?:on|in) ({DATE})", ["When was {s} released?", "What is the release date of {s}?", "{s} came out when?"]),
    relation(rf"\b(?:founded|established|formed|created) (?:on|in) ({DATE})", ["When was {s} founded?", "In which year was {s} established?", "{s} dates from which year?"]),
    relation(rf"\b(?:built|constructed|completed|opened) (?:on|in) ({DATE})", ["When was {s} built?", "In what year was {s} opened or finished?", "From which year is {s}?"]),
    relation(rf"\bpublished in ({DATE})", ["When was {s} published?", "What year was {s} published?"]),
    relation(rf"\b(?:located|situated|lies) (?:in|on|near) (?:the )?({NAME})", ["Where is {s} located?", "In which place can {s} be found?", "{s} lies where?"], ["the place where {s} is located", "the place that {s} lies in"]),
    relation(rf"\b(?:based|headquartered) in ({NAME})", ["Where is {s} based?", "In which city is {s} headquartered?"], ["the place where {s} is based", "the home of {s}"]),
    relation(rf"\bcapital of (?:the )?({NAME})", ["{s} is the capital of what?", "Of which place is {s} the capital?"], ["the place whose capital is {s}"]),
    relation(rf"\bson of ({NAME})", ["Whose son is {s}?", "Who is a parent of {s}?"], ["the parent of {s}"]),
    relation(rf"\bdaughter of ({NAME})", ["Whose daughter is {s}?", "Who is a parent of {s}?"], ["the parent of {s}"]),
    relation(rf"\b(?:brother|sister) of ({NAME})", ["Who is a sibling of {s}?", "{s} is the sibling of whom?"], ["the sibling of {s}"]),
    relation(rf"\bmarried (?:to )?({NAME})", ["Whom did {s} marry?", "Who is the spouse of {s}?"], ["the spouse of {s}", "the person whom {s} married"]),
    relation(rf"\bnamed (?:after|for|in honou?r of) (?:the )?({NAME})", ["After whom or what is {s} named?", "{s} has its name from what?"], ["the namesake of {s}", "what {s} is named after"]),
    relation(rf"\bpart of (?:the )?({NAME})", ["{s} is part of what?", "To what does {s} belong?"], ["what {s} is part of"]),
    relation(rf"\bmember of (?:the )?({NAME})", ["Of what is {s} a member?", "{s} belongs to which group?"], ["the group that {s} is a member of"]),
    relation(rf"\bplay(?:s|ed|ing)? for (?:the )?({NAME})", ["Which team did {s} play for?", "For whom did {s} play?"], ["the team that {s} played for"]),
    relation(rf"\b(?:educated at|graduated from|graduate of|studied at|attended) (?:the )?({NAME})", ["Where did {s} study?", "Which school did {s} attend?"], ["the school of {s}", "the place where {s} studied"]),
    relation(rf"\bwon (?:the|an?) ({NAME})", ["What did {s} win?", "Which prize went to {s}?"], ["the prize that {s} won"]),
    relation(r"\bpopulation (?:of|was) (?:about |approximately )?(\d[\d,]*\d)", ["What is the population of {s}?", "How many people live in {s}?"]),
    relation(rf"\bbased on (?:the )?(?:\w+ )?({NAME})", ["On what is {s} based?", "{s} goes back to what?"], ["the source of {s}", "what {s} is based on"]),
]  # fmt: skip

LINKS = [
    "the {t} mentioned in connection with {s}",
    "the {t} linked with {s}",
    "the {t} that {s} has to do with",
    "the {t} named together with {s}",
    "the {t} associated with {s}",
    "the {t} in the description of {s}",
    "the {t} connected to {s}",
    "the {t} that is named where {s} is described",
]
ASK_LINK = ["Which {t} is connected with {s}?", "Which {t} is {s} linked to?", "What {t} is named for {s}?", "{s}: which {t}?"]
WRAPS = ["{q}", "{q}", "{q}", "{q}", "Tell me: {q}", "I would like to know: {q}", "{q} Please answer briefly."]
BEFORE = [
    ("Who was born first, {a} or {b}?", "first"),
    ("Who is older, {a} or {b}?", "first"),
    ("Of {a} and {b}, who was born later?", "last"),
    ("Who is younger: {a} or {b}?", "last"),
    ("Was {a} born before {b}?", "yesno"),
]


@dataclass
class Passage:
    pid: str
    title: str
    text: str

    @property
    def name(self) -> str:
        return plain_title(self.title)


@dataclass
class Step:
    """One hop: what is asked in words of its own, of which passage, what is found, what of earlier passages it copies."""

    subquery: str
    pid: str
    answer: str
    bridges: list[str]


@dataclass
class Question:
    id: str
    kind: str  # single, bridge, comparison, none
    question: str
    answer: str
    steps: list[Step]


def kind_of(p: Passage) -> str:
    """What the passage's subject is, by its first sentence: "Danish field hockey player"; "" where it does not say."""
    m = re.search(r"\b(?:is|was|are|were) (?:an?|the|one of the|any of the) ([^.;:(]+)", p.text[:400])
    if not m or m.start() > 160:
        return ""
    words: list[str] = []
    for w in m[1].split():
        bare = w.strip(",\"'”“")
        if bare.lower() in STOP or not bare:
            break
        words.append(bare)
        if w.endswith(","):
            break
    if len(words) > 6:
        return ""
    return " ".join(words) if len(words) > 0 and not words[-1].istitle() and len(" ".join(words)) > 3 else ""


STOP = set(
    "who that which in of from by based located for on at and with released born written directed produced founded situated "
    "formed near published played used known named called to as where whose between created made developed designed set about "
    "during after under or held is was are were having being featuring starring recorded performed owned operated".split()
)


class Encyclopaedia:
    """Passages with the links that mentions of titles make."""

    def __init__(self, passages: list[Passage], never: set[str]):
        banned = {x.lower() for t in never for x in (t, plain_title(t))}
        allowed = [p for p in passages if p.title.lower() not in banned and p.name.lower() not in banned]
        names = defaultdict(list)
        for p in allowed:
            names[p.name].append(p)
        self.by_name = {n: ps[0] for n, ps in names.items() if len(ps) == 1 and (" " in n or len(n) > 5) and not n.isdigit()}
        self.passages = [p for p in allowed if self.by_name.get(p.name) is p]
        self.kinds = {p.pid: kind_of(p) for p in self.passages}
        self.facts = {p.pid: facts(p) for p in self.passages}
        self.links = {p.pid: self.mentions(p) for p in self.passages}

    def mentions(self, p: Passage) -> list[Passage]:
        tokens = [(m.start(), m.end()) for m in re.finditer(r"[\w'’.-]*\w", p.text)]
        out: dict[str, Passage] = {}
        for i, (a, _) in enumerate(tokens):
            if not p.text[a].isupper():
                continue
            for j in range(min(len(tokens), i + 7) - 1, i - 1, -1):
                name = p.text[a : tokens[j][1]]
                other = self.by_name.get(name)
                if other is not None and other is not p and name not in p.name and p.name not in name:
                    out.setdefault(other.pid, other)
                    break
        return list(out.values())


def facts(p: Passage) -> list[tuple[Relation, str]]:
    """What the passage says of its own subject: relations stated in sentences that begin with it or a pronoun."""
    out, seen, person = [], set(), bool(PERSON.search(p.text))
    for i, s in enumerate(sentences(p.text)):
        if i and not re.match(r"(?:He|She|It|They|The|His|Her|Its|" + re.escape(p.name.split()[0]) + r")\b", s):
            continue
        for r in RELATIONS:
            if r in seen or (r.personal and not person):
                continue
            m = r.pattern.search(s)
            if m:
                value = m[1].strip().rstrip(".,'’")
                if len(value) > 1 and value.lower() not in p.name.lower() and p.name.lower() not in value.lower():
                    seen.add(r)
                    out.append((r, value))
    return out


class Maker:
    def __init__(self, world: Encyclopaedia, seed: int):
        self.w, self.rng = world, random.Random(seed)
        self.used: dict[str, int] = defaultdict(int)

    def fact(self, p: Passage, avoid: str = "") -> tuple[Relation, str] | None:
        found = [f for f in self.w.facts[p.pid] if not avoid or avoid.lower() not in f[1].lower()]
        return self.rng.choice(found) if found else None

    def described(self, p: Passage, hidden: str) -> str:
        """The subject without its name, by its first sentence; "" where that would not do."""
        m = re.search(r"\b(?:is|was) (an?|the) ([^.;:(]{20,110})", p.text[:300])
        if not m or m.start() > 120:
            return ""
        words = m[2].strip().rstrip(",").split()
        while words and words[-1].lower() in STOP | {"the", "a", "an"}:
            words.pop()
        text = "the " + " ".join(words)
        if any(x.lower() in text.lower() for x in (hidden, p.name) if x) or len(text.split()) < 6:
            return ""
        return text

    def way(self, a: Passage, b: Passage, subject: str) -> tuple[str, str] | None:
        """How `a` (called `subject`) leads to `b`: a noun phrase without b's name, and a question of its own."""
        for r, value in self.w.facts[a.pid]:
            if r.nouns and (value == b.name or value.startswith(b.name)):
                return self.rng.choice(r.nouns).format(s=subject), self.rng.choice(r.asks)
        t = self.w.kinds[b.pid]
        if not t or b.name.lower() in t.lower():
            return None
        if self.rng.random() < 0.15:  # a sentence with a gap
            for s in sentences(a.text):
                if b.name in s and len(s.split()) < 24 and a.name in s:
                    gap = s.replace(b.name, f"[{t}]").rstrip(".")
                    if a.name != subject:
                        break
                    return f"the {t} of whom it is said: “{gap}”", self.rng.choice(ASK_LINK).replace("{t}", t)
        return self.rng.choice(LINKS).format(t=t, s=subject), self.rng.choice(ASK_LINK).replace("{t}", t)

    def chain(self, path: list[Passage]) -> Question | None:
        first, last = path[0], path[-1]
        subject = first.name
        if self.rng.random() < 0.25:
            subject = self.described(first, path[1].name) or subject
        steps: list[Step] = []
        for i, (a, b) in enumerate(itertools.pairwise(path)):
            way = self.way(a, b, subject)
            if way is None:
                return None
            asked = way[1].format(s=a.name if i or subject == first.name else subject)
            steps.append(Step(asked, a.pid, b.name, [a.name] if i else []))
            subject = way[0]
        fact = self.fact(last)
        if fact is None or any(fact[1].lower() == p.name.lower() for p in path):
            return None
        ask = self.rng.choice(fact[0].asks)
        steps.append(Step(ask.format(s=last.name), last.pid, fact[1], [last.name]))
        text = ask.format(s=subject)
        if len(text.split()) > 44 or any(p.name.lower() in text.lower() for p in path[1:]):
            return None
        return Question("", "bridge", text[0].upper() + text[1:], fact[1], steps)

    def single(self, p: Passage) -> Question | None:
        fact = self.fact(p)
        if fact is None:
            return None
        subject = (self.rng.random() < 0.3 and self.described(p, fact[1])) or p.name
        text = self.rng.choice(fact[0].asks).format(s=subject)
        return Question("", "single", text[0].upper() + text[1:], fact[1], [Step(text, p.pid, fact[1], [])])

    def comparison(self, a: Passage, b: Passage) -> Question | None:
        born = RELATIONS[0]
        when = []
        for p in (a, b):
            date = next((v for r, v in self.w.facts[p.pid] if r is born), None)
            year = date and re.search(r"\d{4}", date)
            if not year:
                return None
            when.append((int(year[0]), date))
        if when[0][0] == when[1][0]:
            return None
        text, how = self.rng.choice(BEFORE)
        first, second = (a, b) if when[0][0] < when[1][0] else (b, a)
        answer = {"first": first.name, "last": second.name, "yesno": "yes" if first is a else "no"}[how]
        steps = [Step(f"When was {p.name} born?", p.pid, d, []) for p, (_, d) in zip((a, b), when, strict=True)]
        return Question("", "comparison", text.format(a=a.name, b=b.name), answer, steps)

    def take(self, q: Question | None, prefix: str, n: int) -> Question | None:
        """Keep a question whose passages are not worn out; give it its id."""
        if q is None or any(self.used[s.pid] >= 3 for s in q.steps):
            return None
        for s in q.steps:
            self.used[s.pid] += 1
        q.id = f"{prefix}-{n:05d}"
        q.question = self.rng.choice(WRAPS).format(q=q.question)
        return q


def make(world: Encyclopaedia, seed: int, count: int, prefix: str = "syn") -> Iterator[Question]:
    """At most `count` questions: of ten that are tried five of two hops, three of three, a single one, a comparison. Few of three
    hops come of it: of the shipped pages, where all that can be made is made, 122 of 6,762."""
    m = Maker(world, seed)
    order = [p for p in world.passages if world.facts[p.pid] or world.links[p.pid]]
    m.rng.shuffle(order)
    people = [p for p in order if any(r is RELATIONS[0] for r, _ in world.facts[p.pid])]
    made, starts, lone = 0, iter(order * 3), iter(order[::-1])
    pairs = iter(zip(people[::2], people[1::2], strict=False))
    while made < count:
        kind = "bbbbbcccsp"[made % 10]
        q = None
        for _ in range(200):
            if kind == "s":
                p = next(lone, None)
                q = p and m.take(m.single(p), prefix, made)
            elif kind == "p":
                pair = next(pairs, None)
                q = pair and m.take(m.comparison(*pair), prefix, made)
            else:
                a = next(starts, None)
                if a is None:
                    return
                path = [a]
                for _ in range(1 if kind == "b" else 2):
                    onward = [x for x in world.links[path[-1].pid] if x not in path and m.used[x.pid] < 3 and world.facts[x.pid]]
                    if onward:
                        path.append(m.rng.choice(onward))
                q = m.take(m.chain(path), prefix, made) if len(path) > 1 else None
            if q:
                break
        made += 1
        if q:
            yield q


def main() -> None:
    """Cut a big corpus down to the pages that the questions use: what the project ships."""
    import argparse
    import gzip
    import json
    from pathlib import Path

    from train import data

    a = argparse.ArgumentParser(description=main.__doc__)
    a.add_argument("--corpus", type=Path, required=True, help="pid, title, text; JSON lines, gzipped")
    a.add_argument("--never", type=Path, required=True, help="titles that no question may touch, one a line, gzipped")
    a.add_argument("--count", type=int, default=14000)
    a.add_argument("--out", type=Path, required=True)
    args = a.parse_args()
    passages = [Passage(p["pid"], p["title"], p["text"]) for p in data.read(args.corpus)]
    world = Encyclopaedia(passages, data.never(args.never))
    used = dict.fromkeys(s.pid for q in make(world, 0, args.count) for s in q.steps)
    by_pid = {p.pid: p for p in world.passages}
    with gzip.GzipFile(args.out, "wb", mtime=0) as f:
        for pid in used:
            f.write((json.dumps(by_pid[pid].__dict__, ensure_ascii=False) + "\n").encode())
    print(len(used), "pages")


if __name__ == "__main__":
    main()
