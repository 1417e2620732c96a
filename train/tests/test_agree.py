import numpy as np
import pytest

from train.agree import Tally, name, nearest, walk

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
    t.add([q, q], [hop(q, 0, 1, 2), hop(2 * q, 3, 4, 5)], VECTORS)
    assert (t.same, t.reference, t.indexed, t.exact) == (6, 6, 6, 6) and min(t.cosines) == pytest.approx(1)
    t.add([q, q], [hop(q, 0, 1, 7), hop(q, 2, 3, 4)], VECTORS)  # the index missed one, and found it then
    assert (t.same, t.reference, t.indexed, t.exact) == (12, 12, 11, 12)
    t.add([q], [hop(other, 0, 1, 3)], VECTORS)  # the node asked otherwise
    assert (t.same, t.reference, t.indexed, t.exact) == (14, 15, 14, 15) and min(t.cosines) < 0.95
    assert not t.alone
    t.add([q, q], [hop(q, 0, 1, 2)], VECTORS)  # the node stopped earlier
    t.add([q], [hop(q, 0, 1, 2), hop(q, 3, 4, 5)], VECTORS)  # and later
    assert (t.alone, len(t.cosines), t.same, t.reference) == (2, 7, 20, 21)
    assert "20 of 21, 95.24%" in str(t) and "23 of 24, 95.83%" in str(t) and "2 that only one" in str(t)


class Fixed:
    def walk(self, question, search, hops):
        for hop in range(hops):
            if (texts := search(hop, VECTORS[hop], [])) is None:
                break
            self.read = [*getattr(self, "read", []), *texts]


def test_the_reference_reads_what_the_node_read():
    passages = [{"title": "", "text": f"passage {i}"} for i in range(8)]
    loop = Fixed()
    queries = walk(loop, "Who?", passages, [[2, 5], [7]])
    assert loop.read == ["passage 2", "passage 5", "passage 7"] and len(queries) == 3
