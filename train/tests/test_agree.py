import numpy as np
import pytest

from train.agree import Tally, name, nearest

VECTORS = np.eye(8, dtype=np.float32)


def query(*weights: float) -> np.ndarray:
    return np.array([*weights, *[0.0] * (8 - len(weights))], np.float32)


def test_what_was_found_is_not_found_again():
    q = query(5, 4, 3, 2, 1)
    assert nearest(VECTORS, q, []) == [0, 1, 2] and nearest(VECTORS, q, [1, 0]) == [2, 3, 4]


def test_ids_are_compared_under_exact_search_and_the_index_by_itself():
    q, other = query(5, 4, 3, 2, 1), query(5, 4, 0, 3)
    hop = lambda v, *rows: {"vector": v.tolist(), "ids": [name(r) for r in rows]}  # noqa: E731
    t = Tally()
    t.add([q, q], [[0, 1, 2], [3, 4, 5]], [hop(q, 0, 1, 2), hop(2 * q, 3, 4, 5)], VECTORS)
    assert (t.same, t.reference, t.indexed, t.exact) == (6, 6, 6, 6) and min(t.cosines) == pytest.approx(1)
    t.add([q], [[0, 1, 2]], [hop(q, 0, 1, 7)], VECTORS)  # the index missed one
    assert (t.same, t.reference, t.indexed, t.exact) == (9, 9, 8, 9)
    t.add([q], [[0, 1, 2]], [hop(other, 0, 1, 3)], VECTORS)  # the node asked otherwise
    assert (t.same, t.reference, t.indexed, t.exact) == (11, 12, 11, 12) and min(t.cosines) < 0.95
    t.add([q, q], [[0, 1, 2], [3, 4, 5]], [hop(q, 0, 1, 2)], VECTORS)  # the node stopped earlier
    assert (t.same, t.reference) == (14, 18)
    assert "14 of 18, 77.78%" in str(t) and "14 of 15, 93.33%" in str(t)
