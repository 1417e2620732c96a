import json
import random
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from train.hybrid import Keywords
from train.loop import Loop
from train.sequence import Tokens
from train.settings import Settings
from train.tests.test_examples import PASSAGES, trajectory
from train.trajectories import Hop, Search
from train.walks import AGAIN, FILE, HOPS, LATENTS, Walking, batches, choose, corpus_of, hidden, latents, load, tidy, walk


class Fixed:
    """A loop whose hops point at one passage after the other."""

    excerpts = Loop.excerpts

    def __init__(self, backbone, retriever):
        self.m = {"limits": {"passage_tokens": 40}}
        self.tok = Tokens(backbone.tokenizer, retriever.tokenizer, backbone.vocab, Settings())

    def walk(self, question, search, hops, *, stop):
        assert not stop
        turns = []
        for hop in range(hops):
            turns.append(SimpleNamespace(think=np.full((1, 2), hop), query=np.full((2, 2), -hop), searched=True))
            if search(hop, np.eye(4, dtype=np.float32)[hop], [["lugano", 0.5]] if hop else []) is None:
                break
        return SimpleNamespace(turns=turns)


@pytest.fixture
def asked(backbone, retriever):
    words = Keywords([f"{p['title']}. {p['text']}" for p in PASSAGES])
    vectors = np.eye(4, dtype=np.float32)[:3]

    def run(t, **kw):
        walked = walk(Fixed(backbone, retriever), t, PASSAGES, vectors, words, **kw)
        assert walked.id == t.id and walked.latents[:, :, 0].tolist() == [[k, -k, -k] for k in range(len(walked.searches))]
        return walked.searches

    return run


def test_a_walk_ends_when_all_gold_is_read_or_a_search_later(asked, monkeypatch):
    monkeypatch.setattr("train.hybrid.PER_HOP", 1)
    monkeypatch.setattr("train.walks.hidden", lambda t, rng: set())
    lengths = [len(asked(trajectory(id=f"t{i}"))) for i in range(60)]
    assert set(lengths) == {2, 3} and 0.4 * AGAIN < np.mean([n == 3 for n in lengths]) < 2 * AGAIN
    searches = asked(trajectory(id="t0"))
    assert [s.pids for s in searches][:2] == [["a"], ["b"]] and searches[1].focus == ["lugano"] and not searches[0].focus


def test_what_is_in_no_passage_or_hidden_is_searched_for_to_the_end(asked, monkeypatch):
    monkeypatch.setattr("train.hybrid.PER_HOP", 1)
    none = trajectory(kind="none", hops=[Hop("a", "", "Who?"), Hop("", "", "When?")])
    assert len(asked(none)) == HOPS
    monkeypatch.setattr("train.walks.hidden", lambda t, rng: {"b"})
    searches = asked(trajectory())
    assert len(searches) == HOPS and "b" not in {p for s in searches for p in s.pids}


def test_gold_is_hidden_whole_or_from_a_hop_on():
    got = {frozenset(hidden(trajectory(), random.Random(i))) for i in range(200)}
    assert got == {frozenset(), frozenset("b"), frozenset("ab")}
    assert not any(hidden(trajectory(kind="none"), random.Random(i)) for i in range(50))


def test_trajectories_are_chosen_by_the_weight_of_their_source():
    rows = [trajectory(id=f"{s}{i}", source=s) for s in ("2wiki", "pages") for i in range(100)]
    rows += [trajectory(id=f"x{i}", complete=False) for i in range(50)]
    picked = choose(rows, "2wiki=1,pages=3,wiki=2", 100, 0)
    assert picked == choose(rows, "2wiki=1,pages=3,wiki=2", 100, 0)
    assert len({t.id for t in picked}) == 100 and all(t.complete for t in picked)
    assert 60 <= sum(t.source == "pages" for t in picked) <= 90
    assert len(choose(rows, "2wiki=1,pages=1", 1000, 0)) == 200


def test_a_quarter_of_the_walks_search_by_the_vector_alone():
    alone = [Walking(trajectory(id=f"t{i}"), PASSAGES, {"alpha": 0.35}).by["alpha"] == 1 for i in range(400)]
    assert 0.18 < np.mean(alone) < 0.32


def test_batches_are_of_one_corpus_each_and_a_few_of_them_of_all():
    rows = [trajectory(id=f"{scope}{i}", scope=scope) for scope in ("musique", "2wiki", "m0-0", "m0-1") for i in range(40)]
    got = batches(rows, 8, 0)
    assert sorted(t.id for b in got for t in b) == sorted(t.id for t in rows) and max(map(len, got)) == 8
    assert all(len({corpus_of(t.scope) for t in b}) == 1 for b in got)
    assert len({corpus_of(b[0].scope) for b in got[: len(got) // 2]}) == 3


def test_made_up_organisations_share_a_corpus():
    assert corpus_of("m0-0") == corpus_of("m0-11") != corpus_of("m0-12") and corpus_of("musique") == "musique"


def test_walks_are_read_as_they_were_written(tmp_path):
    assert load(tmp_path) == {}
    searches = [Search(["a", "b"], ["lugano"])]
    row = {"id": "t", "bundle": "b 1", "searches": [asdict(s) for s in searches]}
    file = tmp_path / FILE
    file.write_text(json.dumps(row) + "\n" + '{"id": "cut of')
    assert load(tmp_path) == {"t": searches}
    tidy(file, "b 1")
    assert file.read_text() == json.dumps(row) + "\n"
    with pytest.raises(SystemExit, match="of b 1, not of b 2"):
        tidy(file, "b 2")


def test_latents_go_with_the_walks_that_are_whole(tmp_path):
    row = {"id": "t", "bundle": "b 1", "searches": [asdict(Search(["a"], [])), asdict(Search(["b"], []))]}
    file, kept = tmp_path / FILE, tmp_path / LATENTS
    kept.write_bytes(b"of walks that were moved away")
    with pytest.raises(SystemExit, match="of walks that are gone"):
        tidy(file, "b 1", 12)
    file.touch()
    tidy(file, "b 1")  # of a run that was cut off before its first walk
    assert kept.stat().st_size == 0
    states = np.arange(18, dtype=np.float16).reshape(3, 2, 3)  # 12 bytes a search; the third is of a walk that was cut off
    states.tofile(kept)
    file.write_text(json.dumps(row) + "\n" + '{"id": "cut of')
    with open(kept, "ab") as f:
        f.write(b"half")
    assert latents(tmp_path, 2, 3).shape == (3, 2, 3)
    tidy(file, "b 1", 12)
    np.testing.assert_array_equal(latents(tmp_path, 2, 3), states[:2])
    with pytest.raises(SystemExit, match="walks with latents"):
        tidy(file, "b 1")
    kept.unlink()
    with pytest.raises(SystemExit, match="walks without latents"):
        tidy(file, "b 1", 12)
