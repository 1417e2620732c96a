"""Tests of what figures are made of, without a node."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest

from scripts.adoption import figures, tables
from scripts.adoption.bootstrap import difference, interval, share_kept
from scripts.adoption.passages import schema
from scripts.adoption.servers import Servers
from scripts.adoption.settings import Settings
from scripts.adoption.traffic import arrivals
from scripts.adoption.words import WordVectors


def column(*values: float) -> np.ndarray:
    return np.array(values, float)


def test_interval_is_of_the_mean_of_sets() -> None:
    few, many = np.ones((2, 2)) * [1, 0], np.ones((100, 2)) * [0.5, 0]
    got = interval([few, many], difference)
    assert got == {"difference": 0.75, "low": 0.75, "high": 0.75}, "a set counts as one, however many questions it has"


def test_interval_is_paired() -> None:
    base = np.random.default_rng(0).random(50)
    got = interval([np.stack([base + 0.1, base], -1)], difference)
    assert got["low"] == pytest.approx(0.1) and got["high"] == pytest.approx(0.1)


def test_interval_widens_with_spread() -> None:
    got = interval([np.stack([column(0, 1).repeat(20), np.zeros(40)], -1)], difference)
    assert 0.3 < got["low"] < 0.5 < got["high"] < 0.7


def test_share_kept() -> None:
    rows = np.stack([column(0.9, 0.7), column(0.5, 0.5), column(1, 0.8), column(0.5, 0.5)], -1)
    assert interval([rows], share_kept)["difference"] == pytest.approx(0.3 / 0.4)


def test_share_of_no_gain_has_no_value() -> None:
    rows = np.stack([column(1, 1), column(0, 0), column(0.5, 0.5), column(0.5, 0.5)], -1)
    assert interval([rows], share_kept) == {"difference": None, "low": None, "high": None}


def hop(*pids: str) -> dict:
    return {"pids": list(pids)}


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two questions: the loop reads two passages of the first and four of the second; the own search has its gold at rank three."""
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    questions = [{"id": "a", "question": "?", "gold_pids": ["g", "h"]}, {"id": "b", "question": "?", "gold_pids": ["g", "h"]}]
    with gzip.open(tmp_path / "q.jsonl.gz", "wt") as out:
        out.writelines(json.dumps(q) + "\n" for q in questions)
    head = {"questions": {"file": "q.jsonl.gz", "n": 2}, "machine": "m", "bundle": "b", "date": "2026-01-01T00:00:00Z"}
    (tmp_path / "latent-musique.json").write_text(json.dumps(head))

    def trace(name: str, modes: dict[str, list[tuple[list, float]]]) -> None:
        lines = []
        for mode, of in modes.items():
            for q, (hops, found) in zip(questions, of, strict=True):
                scores = {"gold_found": found, "all_found": float(found == 1)}
                lines.append(json.dumps({"id": q["id"], "mode": mode, "hops": hops, "scores": scores}))
        (tmp_path / f"{name}-musique.jsonl").write_text("\n".join(lines) + "\n")

    loop = [([hop("g"), hop("h")], 1.0), ([hop("g", "x"), hop("h", "y")], 1.0)]
    trace("latent", {"latent": loop, "single": [([hop("x")], 0.0)] * 2, "hybrid": [([hop("g")], 0.5)] * 2})
    trace("stock", {"latent": loop, "single": [([hop("g")], 0.5)] * 2, "hybrid": [([hop("g")], 0.5)] * 2})
    found = [{"id": i, "near": ["g", "x", "h"], "hybrid": ["x", "y", "z"]} for i in "ab"]
    for kind in figures.KINDS:
        trace(kind, {"latent": loop})
        (tmp_path / f"{kind}-musique-before.json").write_text(json.dumps(found))
        (tmp_path / f"{kind}-musique-after.json").write_text(json.dumps(found))
    return tmp_path


def test_own_searches_are_cut_to_what_the_loop_read(reports: Path) -> None:
    s = figures.Set(reports, "musique")
    assert s.own("e5", "near", "gold_found").tolist() == [0.5, 1.0]
    assert s.own("e5", "near", "all_found").tolist() == [0.0, 1.0]
    assert s.better("e5", "gold_found") == "near"


def test_changed_searches_are_counted(reports: Path) -> None:
    assert figures.Set(reports, "musique").changed("own") == 0
    file = reports / "own-musique-after.json"
    rows = json.loads(file.read_text())
    rows[1]["near"].reverse()
    file.write_text(json.dumps(rows))
    assert figures.Set(reports, "musique").changed("own") == 1, "another order is another result"


def test_figures_and_tables(reports: Path) -> None:
    (reports / "rate.json").write_text(
        json.dumps(
            {
                "machine": "m",
                "date": "d",
                "objects": 20,
                "chunks": [
                    {"imported": 10, "import_seconds": 1, "adopted": 10, "adopt_seconds": 2},
                    {"imported": 10, "import_seconds": 1, "adopted": 5, "adopt_seconds": 0.25},
                ],
                "begins": 0.5,
                "ends": 0.5,
            }
        )
    )
    phase = {kind: {"n": 9, "p50": 1, "p95": 2} for kind in ("query", "write", "write_elsewhere")}
    slow = {kind: {"n": 9, "p50": 1, "p95": 3} for kind in phase}
    traffic = {
        "machine": "m",
        "date": "d",
        "rates": dict.fromkeys(phase, 5.0),
        "seconds": 30,
        "rounds": [{"idle": phase, "adopting": slow, "filled": 50}],
    }
    (reports / "traffic.json").write_text(json.dumps(traffic))
    made = figures.of(reports, ("musique",)) | {"command": "c"}

    assert made["stock"]["gold_found"]["single"]["kept"]["mean"]["difference"] == 0.5
    assert made["stock"]["gold_found"]["hybrid"]["kept"]["mean"]["difference"] == 1
    assert made["adopted"]["own"]["gain"]["gold_found"]["musique"]["difference"] == 0.25
    assert made["adopted"]["own"]["from_the_start"]["all_found"]["mean"]["difference"] == 0
    assert made["rate"]["ratio"] == pytest.approx(20 / (20 / (15 / 2.25) + 1) / 10), "what the job takes to begin and to end counts"
    assert made["traffic"]["kinds"]["write"]["ratio"] == 1.5

    shown = tables.tables(made)
    assert set(shown) == {"made", "stock", "adopted", "same", "rate", "traffic"}
    assert "75.0 / 50.0" in shown["adopted"] and "0 of 4" in shown["adopted"]
    assert "50%" in shown["stock"]


def test_tables_go_between_their_marks(reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "figures.json").write_text(json.dumps(figures.of(reports, ("musique",)) | {"command": "c"}))
    docs = tmp_path / "docs.md"
    docs.write_text("before\n<!-- adoption:same -->stale<!-- /adoption -->\n<!-- adoption:rate -->kept<!-- /adoption -->\nafter\n")
    monkeypatch.setattr("sys.argv", ["tables", "--figures", str(tmp_path / "figures.json"), "--docs", str(docs)])
    tables.main()
    text = docs.read_text()
    assert text.startswith("before\n<!-- adoption:same -->\n\n| ") and "stale" not in text
    assert text.endswith("<!-- adoption:rate -->kept<!-- /adoption -->\nafter\n"), "what was not measured stays"


def test_arrivals_have_their_rate() -> None:
    times = arrivals(random.Random(0), 20, 100)
    assert times == sorted(times) and times[-1] < 100
    assert 1800 < len(times) < 2200


def test_word_vectors() -> None:
    words = WordVectors()
    a, b, c = (words.of(t) for t in ("the cat sat there", "the cat sat here", "quite another thing"))
    assert np.linalg.norm(words.of("")) == pytest.approx(1)
    assert a @ b > 0.5 > abs(a @ c)


def test_settings_of_another_run_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIR", str(tmp_path))
    Settings.of_environment().claim()
    Settings.of_environment().claim()
    monkeypatch.setenv("LIMIT", "7")
    with pytest.raises(SystemExit, match="holds a run of"):
        Settings.of_environment().claim()


def test_only_title_and_text_are_embedded() -> None:
    servers = Servers(Settings.of_environment())
    for kind, module in (("stock", "text2vec-transformers"), ("e5", "text2vec-openai"), ("latent", "text2vec-latent")):
        skipped = {p["name"]: p["moduleConfig"][module]["skip"] for p in schema(kind, servers)["properties"]}
        assert skipped == {"title": False, "text": False, "pid": True}
    assert all("moduleConfig" not in p for p in schema("own", servers)["properties"])
