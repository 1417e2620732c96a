import json

import pytest

from scripts.compare_traces import traced
from scripts.refit_confidence import answered, calibration_error, fit, fitted_on, into, logit, moved, sigmoid
from train.answers import confidence


def test_a_fit_makes_confidence_what_share_is_right():
    answers = [(0.5, 1.0)] * 20 + [(0.5, 0.0)] * 80 + [(0.9, 1.0)] * 60 + [(0.9, 0.0)] * 40
    scale, shift = fit(answers)
    assert sigmoid(scale * logit(0.5) + shift) == pytest.approx(0.2)
    assert sigmoid(scale * logit(0.9) + shift) == pytest.approx(0.6)
    assert calibration_error(answers) == pytest.approx(0.3)
    assert calibration_error(moved(answers, scale, shift)) == pytest.approx(0, abs=1e-6)


def test_pages_are_for_evaluation_alone():
    sets = {n: [(k + i / 10, 1.0) for i in range(3)] for k, n in enumerate(("hotpotqa", "2wiki", "musique", "pages"))}
    assert fitted_on(sets) == sets["hotpotqa"] + sets["2wiki"] + sets["musique"]
    assert fitted_on(sets, 1, 2) == [sets[n][1] for n in ("hotpotqa", "2wiki", "musique")]


def test_what_goes_into_a_bundle_moves_the_confidence_that_it_gives():
    spec = {"answer": {"ways": {"span": {"scale": 0.8, "shift": -2.0, "support": 0.5}, "free": {"scale": 1, "shift": 0, "support": 0}}}}
    before = confidence(-0.4, 0.7, **spec["answer"]["ways"]["span"])
    into(spec, "span", 0.75, -0.5)
    assert spec["answer"]["ways"]["free"] == {"scale": 1, "shift": 0, "support": 0}
    assert confidence(-0.4, 0.7, **spec["answer"]["ways"]["span"]) == pytest.approx(moved([(before, 1)], 0.75, -0.5)[0][0], abs=1e-3)


def test_answers_that_say_nothing_or_were_made_otherwise_are_left_out(tmp_path):
    def record(name: str, answer: str, **more) -> dict:
        return {"id": name, "mode": "latent", "by": "SPAN", "answer": answer, "confidence": 0.5, "scores": {"em": 1}} | more

    lines = [record("1", "x"), record("2", "unknown"), record("3", "y", by="FREE"), record("4", "z", mode="single"), record("5", "v")]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
    assert answered(traced(tmp_path, "t", "latent"), ["5", "1", "2", "3", "4"], "span") == [(0.5, 1), (0.5, 1)]
