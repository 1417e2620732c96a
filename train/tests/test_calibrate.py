import numpy as np
import pytest

pytest.importorskip("torch")

from train.calibrate import Asked, Rule, fit_hops, stops_right


def walked(margins: list[float], complete: int | None) -> Asked:
    """A question of four hops whose gold is complete after so many."""
    a = Asked.__new__(Asked)
    a.features = [np.array([m, 0.0, 0.0]) for m in margins]
    a.done = [complete is not None and k >= complete for k in range(1, 5)]
    return a


def test_each_number_of_searches_has_a_bias_of_its_own():
    # A margin of -0.5 means yes after the second search and no after the first; after the third 0.5 means no.
    asked = [
        *[walked([-0.5, -0.5, 1.0, 1.0], 2)] * 5,
        *[walked([1.0, 1.0, 1.0, 1.0], 1)] * 2,
        *[walked([-0.5, -1.5, 0.5, 0.5], None)] * 3,
    ]
    weights = np.array([1.0, 0.0, 0.0])
    assert stops_right(asked, Rule(weights, np.zeros(1))) == 0.2
    rule = fit_hops(asked, weights)
    assert stops_right(asked, rule) == 1.0
    assert rule.biases[1] > 0.5 and rule.biases[2] < -0.5 and rule.biases[0] == 0


def test_the_last_bias_holds_for_all_further_searches():
    rule = Rule(np.array([1.0, 0.0, 0.0]), np.array([0.0, -2.0]))
    x = np.array([1.0, 0.0, 0.0])
    assert rule.stop([x]) == 1 and rule.stop([-x, x, x, x]) is None
    assert rule.stop([-x, x, 3 * x]) == 3


def test_evidence_is_carried_on():
    x = np.array([1.0, 0.0, 0.0])
    rule = Rule(np.array([1.0, 0.0, 0.0]), np.zeros(1), 0.5)
    assert rule.evidence([-2 * x, x, x]) == [-2.0, 0.0, 1.0]
    assert rule.stop([-2 * x, x, x]) == 3
    # A look that errs now and then, of questions that are complete after two searches or never: two looks tell them apart.
    rng = np.random.default_rng(0)
    looks = lambda mean: (mean + rng.normal(0, 1.5, 4)).tolist()  # noqa: E731
    asked = [walked([-4, *looks(1)[1:]], 3) for _ in range(60)] + [walked([-4, *looks(-1)[1:]], None) for _ in range(60)]
    one, all_ = (stops_right(asked, fit_hops(asked, np.array([1.0, 0.0, 0.0]), carry)) for carry in (0.0, 1.0))
    assert all_ > one + 0.05
