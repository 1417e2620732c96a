"""What the generator makes: a world of pages and the questions over them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Page:
    pid: str
    title: str  # mostly empty
    text: str


@dataclass(frozen=True)
class Hop:
    subquery: str  # self-contained, names filled in
    pid: str  # its gold page; "" where that page is not in the world (last hop of kind "none")
    answer: str  # stands word for word in the gold page; "" where there is none
    bridges: list[str] = field(default_factory=list)  # names from pages of earlier hops that the query must copy


@dataclass(frozen=True)
class Question:
    id: str
    question: str
    answer: str  # "yes"/"no", "unknown" (kind "none"), or a span of the page `answer_pid`
    answer_pid: str  # the last gold page; of a comparison by name that of the winner; "" for yes, no, unknown
    hops: list[Hop]
    kind: str  # "single", "bridge", "comparison", "none"


@dataclass(frozen=True)
class World:
    id: str
    domain: str
    pages: list[Page]
    questions: list[Question]
    names: dict[str, str]  # every entity's name and its type
    formats: dict[str, str]  # pid -> how the page is laid out ("prose", "card", ...)
