"""A domain filled with entities and facts, and the facts laid on pages."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from .grammar import Domain, Field, Kind
from .names import make


@dataclass(eq=False)
class Entity:
    name: str  # without article; what bridges and answers say
    kind: Kind
    shown: str = ""  # with its article, as sentences say it


@dataclass(eq=False)
class Fact:
    subject: Entity
    field: Field
    value: str  # without article
    shown: str  # with its article
    target: Entity | None = None
    sheet: Sheet | None = None  # None: stated nowhere
    only: bool = False  # no other entity has this value in this field

    @property
    def pid(self) -> str:
        """Where it can be read; "" if nowhere."""
        return self.sheet.pid if self.sheet and not self.sheet.missing else ""


@dataclass(eq=False)
class Sheet:
    """Some facts of one entity that stand together on a page."""

    subject: Entity
    part: int
    facts: list[Fact] = field(default_factory=list)
    pid: str = ""
    missing: bool = False  # left out of the world, for questions without an answer


def bare(name: str) -> str:
    """The name without its article, which may be written with a capital or left out."""
    return name.removeprefix("the ")


def populate(domain: Domain, rng: random.Random) -> tuple[list[Entity], list[Fact]]:
    """Entities with names of their own, and one value for every field of every entity; worlds differ in size."""
    used: set[str] = set()

    def name(pattern: str) -> str:
        for _ in range(200):
            made = make(pattern, rng)
            low = bare(made).lower()
            # No name inside another: a page that holds one must not seem to hold the other.
            if low not in used and not any(low in other or other in low for other in used):
                break
        used.add(low)
        return made

    size = max(rng.uniform(0.8, 1.6), 22 / sum(kind.count for kind in domain.kinds))
    named = [(kind, name(kind.pattern)) for kind in domain.kinds for _ in range(max(4, round(kind.count * size)))]
    entities = [Entity(bare(shown), kind, shown) for kind, shown in named]
    by_kind = {kind.name: [e for e in entities if e.kind is kind] for kind in domain.kinds}
    facts = []
    for kind in domain.kinds:
        # A world has only some of a type's fields, so that the same domain makes unlike pages.
        fields = [f for f in kind.fields if f.target or rng.random() < 0.75] or kind.fields
        for entry in fields:
            one_to_one = rng.random() < (0.5 if entry.same else 0.75)
            pool: list[Entity] = []
            said: list[str] = []
            for subject in by_kind[kind.name]:
                if entry.target:
                    if not pool:
                        pool = [e for e in by_kind[entry.target]]
                        rng.shuffle(pool)
                    choice = [e for e in pool if e is not subject] or [e for e in by_kind[entry.target] if e is not subject]
                    target = choice[0] if one_to_one else rng.choice(choice)
                    if one_to_one and target in pool:
                        pool.remove(target)
                    facts.append(Fact(subject, entry, target.name, target.shown, target))
                else:
                    # What two may have in common, some do.
                    value = rng.choice(said) if said and entry.same and rng.random() < 0.4 else make(entry.pattern, rng)
                    said.append(value)
                    facts.append(Fact(subject, entry, bare(value), value))
    counts = Counter((f.field.name, f.subject.kind.name, f.value.lower()) for f in facts)
    for fact in facts:
        fact.only = counts[fact.field.name, fact.subject.kind.name, fact.value.lower()] == 1
    return entities, facts


def lay_out(entities: list[Entity], facts: list[Fact], rng: random.Random) -> list[list[Sheet]]:
    """Pages as lists of sheets. Each entity's facts are divided among one to three sheets, and most pages hold one sheet;
    those of some types are rosters of two to four entities. Some facts and some pages are left out of the world."""
    sheets: list[Sheet] = []
    parts_of: dict[tuple[str, str], int] = {}
    for kind in {e.kind.name: e.kind for e in entities}.values():
        fields = list({f.field.name: 0 for f in facts if f.subject.kind is kind})
        rng.shuffle(fields)
        n = (
            rng.choice([1, 2, 2, 3])
            if len(fields) > 4
            else rng.choice([1, 1, 2])
            if len(fields) > 2
            else rng.choice([1, 2])
            if len(fields) > 1
            else 1
        )
        for i, name in enumerate(fields):
            parts_of[kind.name, name] = i % n
    for entity in entities:
        own = [f for f in facts if f.subject is entity]
        for part in sorted({parts_of[entity.kind.name, f.field.name] for f in own}):
            sheet = Sheet(entity, part)
            for fact in own:
                if parts_of[entity.kind.name, fact.field.name] == part and rng.random() > 0.05:
                    fact.sheet = sheet
                    sheet.facts.append(fact)
            if sheet.facts:
                sheets.append(sheet)
    sizes = Counter((s.subject.kind.name, s.part) for s in sheets)
    rosters = [key for key in rng.sample(sorted(sizes), rng.choice([0, 1, 1, 2])) if sizes[key] < len(sheets) / 3]
    pages: list[list[Sheet]] = []
    for key in rosters:
        rows = [s for s in sheets if (s.subject.kind.name, s.part) == key]
        rng.shuffle(rows)
        while rows:
            n = rng.choice([2, 3, 3, 4])
            pages.append(rows[:n])
            rows = rows[n:]
    pages += [[s] for s in sheets if (s.subject.kind.name, s.part) not in rosters]
    rng.shuffle(pages)
    while len(pages) > 64:
        for sheet in pages.pop():
            for fact in sheet.facts:
                fact.sheet = None
    for page in pages[: max(2, len(pages) // 14)]:
        for sheet in page:
            sheet.missing = True
    rng.shuffle(pages)
    return pages
