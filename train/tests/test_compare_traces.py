import gzip
import json

import pytest

from scripts.compare_traces import compare, interval, stopped_right


def record(name: str, found: float, pids: list[list[str]], **more) -> dict:
    scores = {"gold_found": found, "all_found": float(found == 1), "em": 0.0}
    return {
        "id": name,
        "mode": "latent",
        "hops": [{"pids": p} for p in pids],
        "scores": scores,
        "abstained": False,
        "total_ms": 10.0,
    } | more


def test_a_loop_stops_right_at_the_first_search_that_completes_the_gold_or_at_the_last_allowed():
    assert stopped_right(record("1", 1, [["a"], ["b"]]), {"a", "b"}, 4)
    assert not stopped_right(record("1", 1, [["a", "b"], ["c"]]), {"a", "b"}, 4)
    assert not stopped_right(record("1", 0.5, [["a"], ["c"]]), {"a", "b"}, 4)
    assert stopped_right(record("1", 0.5, [["a"], ["c"]]), {"a", "b"}, 2)


def test_intervals_are_paired_and_sets_count_alike():
    assert interval([[0, 1] * 20, [1]], [[0, 1] * 20, [1]], 100) == (0, 0, 0)
    mean, low, high = interval([[0.0] * 300, [0.0] * 10], [[0.0] * 300, [1.0] * 10], 100)
    assert mean == low == high == 0.5


def test_questions_that_all_runs_asked_are_compared(tmp_path):
    (tmp_path / "data/dev").mkdir(parents=True)
    with gzip.open(tmp_path / "data/dev/2wiki.jsonl.gz", "wt") as f:
        for name in "123":
            f.write(json.dumps({"id": name, "gold_pids": ["a", "b"]}) + "\n")
    runs = {
        "fp32": [record("1", 1, [["a", "b"]]), record("2", 1, [["a", "b"]]), record("3", 1, [["a", "b"]])],
        "int8": [record("1", 0.5, [["a"]], total_ms=4.0), record("2", 1, [["a", "b"]], total_ms=4.0), record("3", 0, [[]], error="x")],
    }
    for name, records in runs.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "2wiki.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    lines = compare({n: tmp_path / n for n in runs}, tmp_path / "data", "latent", 4).splitlines()
    assert lines[0].startswith("| 2 questions |")
    assert lines[2].startswith("| fp32 | 100.0 | 100.0 | 0.0 | 100.0 |") and lines[2].endswith("| 10 |")
    assert lines[3].startswith("| int8 | 75.0 (-25.0, -50.0 to +0.0) | 50.0 ") and lines[3].endswith("| 4 |")
    with pytest.raises(SystemExit):
        compare({n: tmp_path for n in runs}, tmp_path / "data", "latent", 4)
