import random
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from train.sequence import Tokens  # noqa: E402
from train.settings import Settings  # noqa: E402
from train.tests.test_examples import PASSAGES, ROW, trajectory  # noqa: E402
from train.train import Making, Pool, batches, stream, weakened  # noqa: E402
from train.trajectories import TOP, Search, nearest  # noqa: E402


@pytest.fixture
def making(backbone, retriever):
    """A pool of three trajectories, as `Pool` reads it from files, and what makes batches of it."""
    pool = object.__new__(Pool)
    pool.passages, pool.row = {p["pid"]: p for p in PASSAGES}, ROW
    pool.scope = {"2wiki": [0, 1, 2]}
    pool.trajectories = [trajectory(id=f"t{i}", near=["a", "b"]) for i in range(3)]
    pool.walked = [replace(pool.trajectories[1], walked=[Search(["c", "a"], []), Search(["b"], [])])]
    pool.first_teacher = {t.id: 2 * i for i, t in enumerate(pool.trajectories)}
    s = Settings(batch=4, shares="2wiki=1")
    tok = Tokens(backbone.tokenizer, retriever.tokenizer, backbone.vocab, s)
    return Making(pool, tok, s, 3)


def made(making, workers, first=0, count=3):
    return list(islice(stream(making, islice(enumerate(batches(making.pool, making.s)), first, None), workers), count))


def test_worker_processes_make_the_same_batches_and_a_resumed_run_goes_on_with_the_next(making):
    here, there, later = made(making, 0), made(making, 2), made(making, 0, first=2, count=1)
    for a, b in [*zip(here, there, strict=True), (here[2], later[0])]:
        assert (a.tokens, a.total, len(a.micro)) == (b.tokens, b.total, len(b.micro)) == (b.tokens, b.total, 2)
        for x, y in zip(a.micro, b.micro, strict=True):
            np.testing.assert_array_equal(x.ids.ids, y.ids.ids)
            np.testing.assert_array_equal(x.hops.rows, y.hops.rows)


def test_a_hop_has_its_own_teacher(making):
    picks = [making.pool.trajectories[i] for i in (2, 0)]
    batch = making[(0, picks)]
    examples = [making.build(t, random.Random(0)) for t in picks]
    assert {making.pool.teacher(e, h) for e in examples for h in e.hops} <= {4, 5, 0, 1}
    assert set(np.concatenate([m.hops.teacher for m in batch.micro])) <= {4, 5, 0, 1}


def test_walks_have_their_share_and_what_they_found_is_ranked_against(making):
    for share, low, high in ((0.0, 0, 0), (0.5, 30, 70), (1.0, 100, 100)):
        picked = islice(batches(making.pool, replace(making.s, walk_share=share)), 25)
        assert low <= sum(bool(t.walked) for batch in picked for t in batch) <= high
    pool, walked = making.pool, replace(making.pool.walked[0], near=[])
    pool.scope = {"2wiki": []}
    walked.hops = [replace(h, found=[]) for h in walked.hops]
    example = making.build(walked, random.Random(0))
    assert set(pool.candidates([example], random.Random(0))) == {0, 1, 2}
    example.t = replace(walked, walked=[])
    assert set(pool.candidates([example], random.Random(0))) == {0, 1}


def test_a_weak_teacher_repeats_the_question():
    t = trajectory()
    assert weakened(t, 0.0) is t
    weak = weakened(t, 1.0)
    assert [h.subquery for h in weak.hops] == [t.question] * len(t.hops) and not any(h.bridges for h in weak.hops)
    assert all(h.found == t.near for h in weak.hops)
    assert [h.pid for h in weak.hops] == [h.pid for h in t.hops]
    some = [weakened(trajectory(id=f"t{i}"), 0.5) for i in range(200)]
    assert 0.35 < np.mean([h.subquery == x.question for x in some for h in x.hops]) < 0.65


@pytest.mark.parametrize("rows", [4, TOP, 300])
def test_the_nearest_are_those_of_a_full_sort(rows):
    rng = np.random.default_rng(0)
    asked, matrix = rng.standard_normal((50, 16)), rng.standard_normal((rows, 16))
    assert nearest(asked, matrix) == np.argsort(-(asked @ matrix.T), 1)[:, :TOP].tolist()
