"""Relation grammars: the text files in `domains/`, their parser, and the expansion of alternatives.

A line's first mark says what it is:

    // a comment
    @ name                 a domain; what follows belongs to it
    ! text                 a line that may open a page
    - text                 a sentence without facts that may stand on a page
    == type count pattern  a type of entities, how many a world has, more or less, the pattern of their names
    = noun|noun            what one of them is called; `=!` where they are people
    ^ text                 introduces the entity {x}
    + field field          fields of `shared.txt`
    * field = pattern      a field whose values are literals
    * field -> type        a field whose values are entities
    . text                 says the field on a page: {x} the entity, {x's} its possessive, {v} the value
    : text                 noun phrase for the value, given {x}
    ? text                 question for the value, given {x}
    < text                 noun phrase for the entity, given the value {v}; {n} is what the entity is called
    # label|label           the field's name on a card or in a table
    >max text, >min text   asks which of {a} and {b} has the larger, the smaller value
    ~ text                 asks whether {a} and {b} have the same value

`[one|two|]` is a choice, choices nest. `a~` becomes "a" or "an". `<name arg>` in a pattern calls a generator of `names`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

DOMAINS = Path(__file__).parent / "domains"
MARKS = {".": "says", ":": "phrases", "?": "asks", "<": "inverse", "#": "labels", ">max": "larger", ">min": "smaller", "~": "same"}


class GrammarError(ValueError):
    """A line of a grammar file that cannot be read; the message names file and line."""


@dataclass
class Field:
    name: str
    pattern: str = ""  # of a literal
    target: str = ""  # type of an entity
    says: list[str] = field(default_factory=list)
    phrases: list[str] = field(default_factory=list)
    asks: list[str] = field(default_factory=list)
    inverse: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    larger: list[str] = field(default_factory=list)
    smaller: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)


@dataclass
class Kind:
    """A type of entities."""

    name: str
    count: int
    pattern: str
    nouns: list[str] = field(default_factory=list)
    person: bool = False
    intros: list[str] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)


@dataclass
class Domain:
    name: str
    openers: list[str] = field(default_factory=list)
    fillers: list[str] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)

    def kind(self, name: str) -> Kind:
        return next(k for k in self.kinds if k.name == name)


def parse(text: str, shared: dict[str, Field], source: str = "grammar") -> list[Domain]:
    """The domains of a grammar file. `shared` holds the fields that `+` may name."""
    domains: list[Domain] = []
    kind: Kind | None = None
    entry: Field | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("//"):
            continue
        mark, _, rest = line.partition(" ")
        rest = rest.strip()

        def fail(why: str, number: int = number, line: str = line) -> GrammarError:
            return GrammarError(f"{source}:{number}: {why}: {line}")

        if not rest or rest.count("[") != rest.count("]"):
            raise fail("nothing after the mark" if not rest else "brackets do not match")
        if "{" in rest and "|" in re.sub(r"\[[^\[\]]*\]", "", re.sub(r"\[[^\[\]]*\]", "", re.sub(r"\[[^\[\]]*\]", "", rest))):
            raise fail("a choice stands outside brackets")
        if mark == "@":
            domains.append(Domain(rest))
            kind = entry = None
        elif not domains:
            raise fail("stands before the first domain")
        elif mark in "!-" and len(mark) == 1:
            (domains[-1].openers if mark == "!" else domains[-1].fillers).append(rest)
        elif mark == "==":
            parts = rest.split(" ", 2)
            if len(parts) != 3 or not parts[1].isdigit():
                raise fail("a type is `== name count pattern`")
            kind, entry = Kind(parts[0], int(parts[1]), parts[2]), None
            domains[-1].kinds.append(kind)
        elif kind is None:
            raise fail("stands before the first type")
        elif mark in ("=", "=!"):
            kind.nouns, kind.person = rest.split("|"), mark == "=!"
        elif mark == "^":
            kind.intros.append(rest)
        elif mark == "+":
            for name in rest.split():
                if name not in shared:
                    raise fail(f"no shared field {name!r}")
                kind.fields.append(shared[name])
        elif mark == "*":
            name, sign, value = ([*rest.split(" ", 2), "", ""])[:3]
            if sign not in ("=", "->") or not value:
                raise fail("a field is `* name = pattern` or `* name -> type`")
            entry = Field(name, **{"pattern" if sign == "=" else "target": value})
            kind.fields.append(entry)
        elif mark in MARKS:
            if entry is None:
                raise fail("stands before the first field")
            getattr(entry, MARKS[mark]).extend(rest.split("|") if mark == "#" else [rest])
        else:
            raise fail("unknown mark")
    for domain in domains:
        check(domain, source)
    return domains


def check(domain: Domain, source: str) -> None:
    """Refuses a domain that pages or questions could not be made of."""
    kinds = {k.name for k in domain.kinds}
    for kind in domain.kinds:
        where = f"{source}: {domain.name}/{kind.name}"
        if not kind.nouns or (not kind.intros and domain.name != "shared"):
            raise GrammarError(f"{where}: needs nouns and an introduction")
        for entry in kind.fields:
            if entry.target and entry.target not in kinds:
                raise GrammarError(f"{where}/{entry.name}: no type {entry.target!r}")
            if not (entry.says and entry.phrases and entry.asks and entry.labels):
                raise GrammarError(f"{where}/{entry.name}: needs lines with . : ? and #")
            needed = [(entry.says, ("{x", "{v}")), (entry.phrases + entry.asks, ("{x",)), (entry.inverse, ("{v}",))]
            needed.append((entry.larger + entry.smaller + entry.same, ("{a}", "{b}")))
            for lines, slots in needed:
                for line in lines:
                    if bad := next((r for r in every(line) if any(slot not in r for slot in slots)), None):
                        raise GrammarError(f"{where}/{entry.name}: {bad!r} lacks one of {', '.join(slots)}")


@lru_cache(maxsize=1)
def load() -> tuple[list[Domain], Domain]:
    """All domains in the order of their files, and the shared one (openers, fillers, fields)."""
    common = parse((DOMAINS / "shared.txt").read_text("utf-8"), {}, "shared.txt")[0]
    shared = {entry.name: entry for kind in common.kinds for entry in kind.fields}
    domains = []
    for path in sorted(DOMAINS.glob("*.txt")):
        if path.name != "shared.txt":
            domains += parse(path.read_text("utf-8"), shared, path.name)
    return domains, common


_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_ARTICLE = re.compile(r"\b([Aa])~ (\W*)(\w+)")
_AN_SOUND = re.compile(r"(?:[aeio]|un(?!i)|u(?!n|s|ti)|hour|honest|8|11\b|18\b|[FHLMNRSX][A-Z\d])", re.ASCII)


def expand(text: str, rng: random.Random) -> str:
    """One way to read the choices of `text`."""
    while (found := _CHOICE.search(text)) is not None:
        text = text[: found.start()] + rng.choice(found.group(1).split("|")) + text[found.end() :]
    return text


def tidy(text: str) -> str:
    """White space and articles put right, once everything is filled in."""

    def article(m: re.Match) -> str:
        word = m.group(3)
        an = _AN_SOUND.match(word if word[:2].isupper() else word.lower())
        return f"{m.group(1)}{'n' if an else ''} {m.group(2)}{word}"

    text = _ARTICLE.sub(article, text)
    return re.sub(r" +([,.;:?!])(?=\s|$)", r"\1", re.sub(r" {2,}", " ", text)).strip()


def every(text: str) -> Iterator[str]:
    """All ways to read the choices of `text`."""
    if (found := _CHOICE.search(text)) is None:
        yield text
        return
    for choice in found.group(1).split("|"):
        yield from every(text[: found.start()] + choice + text[found.end() :])


def readings(text: str) -> int:
    """In how many ways the choices of `text` can be read."""
    return len(set(every(text)))
