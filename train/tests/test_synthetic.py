from pathlib import Path

import pytest

from train import data
from train.synthetic import Encyclopaedia, Passage, kind_of, make
from train.text import plain_title

DATA = Path("data")
FILM = Passage("1", "Red Harbour", "Red Harbour is a 1951 drama film directed by Ada Kemp.")
PERSON = Passage("2", "Ada Kemp", "Ada Kemp (born 3 May 1910) was a British film director. She was born in Hull.")
CITY = Passage("3", "Hull (city)", "Hull is a port city in Yorkshire. It was founded in 1190.")


def questions(pages, never=(), count=60):
    return [q for seed in range(6) for q in make(Encyclopaedia(list(pages), set(never)), seed, count)]


def test_a_mention_becomes_a_hop_and_the_name_is_not_in_the_question():
    made = [q for q in questions([FILM, PERSON, CITY]) if q.kind == "bridge" and q.steps[0].pid == "1"]
    assert made
    for q in made:
        assert q.steps[1].pid == "2" and q.steps[1].bridges == ["Ada Kemp"]
        assert "Ada Kemp" not in q.question and q.answer in PERSON.text + CITY.text
    assert any("director of Red Harbour" in q.question for q in made)


@pytest.mark.parametrize("title", ["Ada Kemp", "ada kemp", "Ada Kemp (director)"])
def test_no_question_hops_to_or_through_a_title_that_is_banned(title):
    assert not [q for q in questions([FILM, PERSON, CITY], [title]) for s in q.steps if s.pid == "2"]
    assert [q for q in questions([FILM, PERSON, CITY]) for s in q.steps if s.pid == "2"]


def test_kinds_are_whole():
    assert kind_of(PERSON) == "British film director"
    assert kind_of(FILM) == "1951 drama film"
    assert kind_of(Passage("4", "X", "X happened.")) == ""


def test_the_shipped_pages_hold_none_of_the_evaluation_titles():
    never = data.never(DATA / "train" / "never_train_titles.txt.gz")
    banned = {x.lower() for t in never for x in (t, plain_title(t))}
    assert len(never) > 9000
    titles = [p["title"] for p in data.read(DATA / "train" / "wiki.jsonl.gz")]
    assert len(titles) > 5000
    assert not [t for t in titles if t.lower() in banned or plain_title(t).lower() in banned]


def test_what_is_made_of_the_shipped_pages_is_the_same_twice_and_touches_no_evaluation_title():
    pages = [Passage(**p) for p in data.read(DATA / "train" / "wiki.jsonl.gz")]
    never = data.never(DATA / "train" / "never_train_titles.txt.gz")
    # As train.trajectories makes them: all that there are.
    first, second = (list(make(Encyclopaedia(pages, never), 0, 14000)) for _ in range(2))
    assert first == second and len(first) > 6000
    by_pid = {p.pid: p for p in pages}
    banned = {t.lower() for t in never}
    for q in first:
        for k, s in enumerate(q.steps):
            assert by_pid[s.pid].title.lower() not in banned
            assert k == 0 or q.kind == "comparison" or s.bridges
        if q.kind != "comparison":
            assert q.answer in by_pid[q.steps[-1].pid].text
