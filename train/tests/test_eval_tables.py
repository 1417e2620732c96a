import pytest

from scripts.eval_tables import card_figures, pooled_error, risk_table, tables


def report(**latent) -> dict:
    figures = {"n": 4, "em": 0.25, "gold_found": 0.75, "all_found": 0.5, "hops": 2.0, "passages": 6.0, "abstained": 0.25}
    figures |= {"stopped_right": 0.5, "calibration": {"ece": 0.125}, "passes": 4.0, "tokens_in": 700.0, "tokens_out": 0.0, "errors": 0}
    figures |= {"ms": {part: {"p50": 1.0, "p95": 2.0} for part in ("total", "model", "search", "queue")}, "types": {}}
    curve = [{"coverage": 0.25, "risk": 0.0}, {"coverage": 0.5, "risk": 0.5}, {"coverage": 0.75, "risk": 0.6}]
    modes = {"latent": figures | {"risk_coverage": curve} | latent, "hybrid": figures | {"gold_found": 0.5}}
    return {"modes": modes, "differences": [], "corpus": {"passages": 5000}, "bundle": "b 1", "device": "cpu", "machine": "m", "date": "2026-11-26", "tool": "t", "command": "c"}  # fmt: skip


def test_a_curve_is_read_at_the_least_coverage_that_holds_the_share():
    lines = risk_table({"musique": report(), "pages": report(risk_coverage=None)}, ("musique", "pages")).splitlines()
    assert len(lines) == 3  # of pages there is no curve
    assert lines[2] == "| MuSiQue | 100.0 | 100.0 | 50.0 | 50.0 | 50.0 | 40.0 | 40.0 | – | – | – |"


def test_bins_of_several_sets_are_put_together():
    bins = (
        [{"low": 0.2, "high": 0.3, "n": 10, "confidence": 0.25, "right": 0.5}],
        [{"low": 0.2, "high": 0.3, "n": 30, "confidence": 0.25, "right": 0.25}],
    )
    reports = {s: report(calibration={"ece": 0.25, "bins": b}) for s, b in zip(("2wiki", "musique"), bins, strict=True)}
    assert pooled_error(reports, ("2wiki", "musique"), "latent") == 0.0625
    assert pooled_error(reports, ("2wiki", "musique"), "explicit") is None
    assert "| **the 2 sets** | latent | 50.0 | – | 0.062 |" in tables(reports)["loops"]


def test_a_card_says_what_the_reports_say_of_a_bundle():
    got = card_figures({"musique": report(), "musique-hidden": report(abstained=0.5), "nq": report()})
    label = "MuSiQue, 4 questions, 5,000 passages"
    assert [rows[label] for rows in got.values()] == ["75.0 / 50.0 (50.0 / 50.0)", "25.0 (25.0)", "50.0 (2.0)", "0.12", "50.0 (25.0)"]
    assert all(set(rows) == {label} for rows in got.values())


def test_hidden_gold_is_told_beside_the_same_questions():
    reports = {"musique": report(), "musique-hidden": report(n=2, abstained=0.5), "musique-shown": report(n=2, abstained=0.0)}
    assert "| MuSiQue | 2 | 50.0 | 100.0 |" in tables(reports)["hidden"]
    label, told = next(iter(card_figures(reports)["abstains where a filter hides the gold, percent (where it does not)"].items()))
    assert (label, told) == ("MuSiQue, 2 questions, 5,000 passages", "50.0 (0.0)")
    del reports["musique-shown"]
    with pytest.raises(SystemExit, match="musique-shown"):
        tables(reports)


def test_tables_are_made_of_the_reports_that_are_there():
    made = tables({"musique": report(), "musique-hidden": report()})
    assert {"modes", "cost", "loops", "risk", "hidden", "made"} <= set(made) and "pages" not in made


def test_runs_of_a_part_have_tables_of_their_own():
    made = tables({"musique": report(), "musique-twin": report(n=3), "musique-unfitted": report(stopped_right=0.75), "2wiki": report()})
    assert "| MuSiQue | latent | 3 |" in made["twin-modes"] and "2Wiki" not in made["twin-modes"]
    assert "| MuSiQue | latent | 75.0 |" in made["unfitted"] and "| MuSiQue | latent | 50.0 |" in made["loops"]
