import pytest

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
