"""Pages written by hand: their form, and that the evaluation sets are not in them."""

from pathlib import Path

import pytest

from scripts import check_pages
from train import data
from train.written import hops_of, written

DATA = Path("data")
PLACES = sorted((DATA / "train" / "written").glob("*/"))


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


def test_names_and_answers_are_not_those_of_the_evaluation_pages():
    """A page that is in both would be a leak, and so would a question."""
    trajectories, passages = written(DATA)
    assert len(trajectories) > 1000 and len({t.id for t in trajectories}) == len(trajectories)
    assert len({p["pid"] for p in passages}) == len(passages)
    theirs = {p["text"] for p in data.read(DATA / "pages" / "corpus.jsonl.gz")}
    asked = {q["question"] for q in data.read(DATA / "pages" / "questions.jsonl.gz")}
    assert not theirs & {p["text"] for p in passages} and not asked & {t.question for t in trajectories}
    ours = [shingles(p["text"]) for p in passages]
    held = set().union(*(shingles(t) for t in theirs))
    assert max(len(s & held) / max(1, len(s)) for s in ours) < 0.2  # runs of six words


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.lower().split()
    return {tuple(words[i : i + 6]) for i in range(len(words) - 5)}
