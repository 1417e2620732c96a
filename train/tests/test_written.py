"""Pages that a language model wrote: their form, and that the evaluation sets are not in them."""

from pathlib import Path

import pytest

from scripts import check_pages
from train import data
from train.written import HELD_OUT, NAME, hops_of, rows, written

DATA = Path("data")
PLACES = sorted(p for name in (NAME, HELD_OUT) for p in (DATA / "train" / name).glob("*/"))


def test_a_hop_asks_with_the_answers_before_it():
    subqueries = [("Who leads Team Elm?", "Ada Holm"), ("Which van does #1 drive?", "T-4"), ("Where do #1 and #2 go?", "Oslo")]
    hops = hops_of({"hops": [{"subq": q, "answer": a, "pid": f"p{i}"} for i, (q, a) in enumerate(subqueries)]})
    assert [h.subquery for h in hops] == ["Who leads Team Elm?", "Which van does Ada Holm drive?", "Where do Ada Holm and T-4 go?"]
    assert [h.bridges for h in hops] == [[], ["Ada Holm"], ["Ada Holm", "T-4"]]
    assert hops[0].thought.startswith("First I need to know") and hops[1].thought.startswith("The passage says Ada Holm")


def test_no_folder_is_no_trajectory(tmp_path):
    assert written(tmp_path) == ([], [])


@pytest.mark.parametrize("place", PLACES, ids=lambda p: p.name)
def test_a_folder_is_as_it_should_be(place):
    pages, questions = check_pages.rows(place, "corpus"), check_pages.rows(place, "questions")
    text = {p["pid"]: p["text"] for p in pages}
    assert check_pages.check_pages(pages) == []
    assert [w for q in questions for w in check_pages.check_question(q, text)] == []


def evaluation() -> tuple[list[str], list[str]]:
    return (
        [p["text"] for p in data.read(DATA / "pages" / "corpus.jsonl.gz")],
        [q["question"] for q in data.read(DATA / "pages" / "questions.jsonl.gz")],
    )


@pytest.mark.parametrize("other", [evaluation, lambda: texts(HELD_OUT)], ids=["evaluation", "held out"])
def test_what_is_trained_on_is_not_what_is_measured_or_fitted_on(other):
    """A page or a question that is in both would be a leak, and so would one that is the other but for some words."""
    (pages, questions), (theirs, asked) = texts(NAME), other()
    assert len(questions) > 2000 and len(set(pages)) == len(pages) and len(asked) > 200
    assert not set(pages) & set(theirs) and not set(questions) & set(asked)
    held = set().union(*map(shingles, theirs))
    assert max(len(s & held) / max(1, len(s)) for s in map(shingles, pages)) < 0.2


def texts(name: str) -> tuple[list[str], list[str]]:
    questions, passages = rows(DATA, name)
    return [p["text"] for p in passages], [q["question"] for q in questions]


def shingles(text: str) -> set[tuple[str, ...]]:
    """Its runs of six words."""
    words = text.lower().split()
    return {tuple(words[i : i + 6]) for i in range(len(words) - 5)}
