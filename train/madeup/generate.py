"""Worlds from a seed. `python -m train.madeup --seed 1 --worlds 3` prints some."""

from __future__ import annotations

import random
from collections.abc import Iterator

from .facts import lay_out, populate
from .grammar import Domain, load
from .pages import Writer
from .questions import Asker, holds
from .world import Page, Question, World

QUESTIONS = 24  # a world, about


def generate(seed: int, worlds: int) -> Iterator[World]:
    """`worlds` worlds; the same seed gives the same ones, and world n does not depend on how many are asked for.

    The domains take turns in an order of the seed, so that every run of as many worlds as there are domains has each once.
    """
    domains, common = load()
    for n in range(worlds):
        turn, place = divmod(n, len(domains))
        ring = list(range(len(domains)))
        random.Random(f"ring {seed} {turn}").shuffle(ring)
        yield make_world(f"m{seed}-{n}", domains[ring[place]], common, random.Random(f"world {seed} {n}"))


def stands(name: str, text: str) -> bool:
    """Whether `name` is in `text` word for word, as words of its own."""
    return name in text and holds(text.lower(), name)


def make_world(id: str, domain: Domain, common: Domain, rng: random.Random) -> World:
    entities, facts = populate(domain, rng)
    layout = lay_out(entities, facts, rng)
    writer = Writer(domain, common, entities, rng)
    pages, formats = [], {}
    unclear = set()  # facts whose words a layout did not keep; they can neither be asked for nor be said to be absent
    for i, sheets in enumerate(layout):
        for sheet in sheets:
            sheet.pid = f"{id}-p{i}"
        if sheets[0].missing:
            continue
        format, title, text = writer.write(sheets)
        pages.append(Page(sheets[0].pid, title, text))
        formats[sheets[0].pid] = format
        for sheet in sheets:
            kept = stands(sheet.subject.name, text)
            unclear.update(f for f in sheet.facts if not kept or not stands(f.value, text))
    asker = Asker([f for f in facts if f not in unclear], rng)
    questions: list[Question] = []
    seen: set[str] = set()
    for _ in range(QUESTIONS * 12):
        if len(questions) >= QUESTIONS:
            break
        made = asker.make()
        if made is None or made.question.lower() in seen:
            continue
        seen.add(made.question.lower())
        questions.append(Question(f"{id}-q{len(questions)}", made.question, made.answer, made.answer_pid, made.hops, made.kind))
    names = {e.name: e.kind.name for e in entities}
    return World(id, domain.name, pages, questions, names, formats)
