import numpy as np
import pytest

from train.tests import tiny

compare = pytest.importorskip("train.compare_precisions", reason="needs PyTorch", exc_type=ImportError)


def test_intervals_are_paired():
    mean, low, high = compare.interval([0, 1] * 50, [0, 1] * 50)
    assert (mean, low, high) == (0, 0, 0)
    mean, low, high = compare.interval([0.0] * 100, [1.0] * 80 + [0.0] * 20)
    assert mean == pytest.approx(0.8)
    assert low < mean < high and high - low < 0.2


def test_the_table_compares_with_the_first():
    a, b = compare.Column("a (fp32)", 600.4), compare.Column("b (int8)", 300)
    for i in range(10):
        a.add(found=1, milliseconds=10 * i)
        b.add(found=i < 5, milliseconds=5)
    lines = compare.table([a, b]).splitlines()
    assert lines[2] == "| a (fp32) | 600 | 100.0 | 45 |"
    assert lines[3].startswith("| b (int8) | 300 | 50.0 (-50.0, ") and lines[3].endswith("| 5 |")


def test_a_bundle_is_asked_every_question_as_it_is_and_with_its_gold_hidden(tmp_path):
    import torch

    manifest = tiny.bundle(tmp_path / "b", "llama-bert-int8")
    z = object.__new__(compare.Set)
    z.name = "tiny"
    z.passages = [{"pid": f"p{i}", "title": "", "text": text} for i, text in enumerate(tiny.CORPUS)]
    z.questions = [
        {"question": "Where was the singer of Chasing Pirates born?", "answers": ["Brooklyn"], "gold_pids": ["p1", "p2"]},
        {"question": "Who opened the café?", "answers": ["Łukasz"], "gold_pids": ["p4"]},
    ]
    z.row = {p["pid"]: i for i, p in enumerate(z.passages)}
    rng = np.random.default_rng(0)
    z.vectors = torch.tensor(rng.standard_normal((5, manifest["retriever"]["dimension"])), dtype=torch.float32)
    for search in ("hybrid", "vector"):
        c = compare.ask(tmp_path / "b", [(z, 0), (z, 1)], compare.keywords_of([z], search), 2, 1)
        assert {len(v) for v in c.values.values()} == {2} and c.megabytes > 0
        assert set(c.values) == {
            "found",
            "all_found",
            "stops_right",
            "em_free",
            "em_span",
            "em_pointer",
            "answered",
            "answered_hidden",
            "milliseconds",
        }
        assert c.values["found"] == [1.0, 1.0]  # of five passages two hops of three read all
