from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

from train.calibrate import Asked, Rule, area, features, fit_biases, fit_stop, fit_supports, held, stops_right, told_apart


def walked(margins: list[float], complete: int | None) -> Asked:
    """A question of four hops whose gold is complete after so many."""
    a = Asked.__new__(Asked)
    a.features = [np.array([m, 0.0, 0.0, 0.0]) for m in margins]
    a.done = [complete is not None and k >= complete for k in range(1, 5)]
    a.shares = [1.0 if done else 0.5 for done in a.done]
    return a


def test_the_first_search_has_a_bias_of_its_own():
    # A margin of -0.5 means yes after the second search and no after the first.
    asked = [
        *[walked([-0.5, -0.5, 1.0, 1.0], 2)] * 5,
        *[walked([1.0, 1.0, 1.0, 1.0], 1)] * 2,
        *[walked([-0.5, -1.5, -1.5, -1.5], None)] * 3,
    ]
    weights = np.array([1.0, 0.0, 0.0, 0.0])
    assert stops_right(asked, Rule(weights, np.zeros(1))) == 0.5
    rule = fit_biases(asked, weights)
    assert stops_right(asked, rule) == 1.0
    assert rule.biases[0] == 0 and 0.5 < rule.biases[1] < 1.5


def test_an_area_is_how_often_a_yes_has_more_than_a_no():
    assert area([3, 2, 1], [True, True, False]) == 1.0
    assert area([1, 2, 2, 0], [True, False, True, False]) == 0.625
    assert area([1, 2], [True, True]) is None
    asked = [walked([1.0, 1.0, 1.0, 1.0], 1), walked([-1.0, 1.0, 1.0, 1.0], 2), walked([-1.0, -1.0, 2.0, 1.0], None)]
    rule = Rule(np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(1))
    assert told_apart(asked, rule) == {1: 1.0, 2: 1.0, 3: 0.0}


def test_the_last_bias_holds_for_all_further_searches():
    rule = Rule(np.array([1.0, 0.0, 0.0, 0.0]), np.array([0.0, -2.0]))
    x = np.array([1.0, 0.0, 0.0, 0.0])
    assert rule.stop([x]) == 1 and rule.stop([-x, x, x, x]) is None
    assert rule.stop([-x, x, 3 * x]) == 3


def test_evidence_is_carried_on():
    x = np.array([1.0, 0.0, 0.0, 0.0])
    rule = Rule(np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(1), 0.5)
    assert rule.evidence([-2 * x, x, x]) == [-2.0, 0.0, 1.0]
    assert rule.stop([-2 * x, x, x]) == 3
    # A look that errs now and then, of questions that are complete after two searches or never: two looks tell them apart.
    rng = np.random.default_rng(0)
    looks = lambda mean: (mean + rng.normal(0, 1.5, 4)).tolist()  # noqa: E731
    asked = [walked([-4, *looks(1)[1:]], 3) for _ in range(60)] + [walked([-4, *looks(-1)[1:]], None) for _ in range(60)]
    one, all_ = (stops_right(asked, fit_biases(asked, np.array([1.0, 0.0, 0.0, 0.0]), carry)) for carry in (0.0, 1.0))
    assert all_ > one + 0.02


def seen(turns: list[tuple[float, list[float]]]) -> SimpleNamespace:
    return SimpleNamespace(turns=[SimpleNamespace(margin=m, supports=s, read=len(s)) for m, s in turns])


def test_a_look_tells_margin_sum_second_greatest_and_newest():
    w = seen([(0.0, []), (-1.0, [0.5]), (2.0, [0.5, 0.25, 0.75])])
    assert features(w, 1).tolist() == [-1.0, 0.5, 0.0, 0.5]
    assert features(w, 2).tolist() == [2.0, 1.5, 0.5, 0.75]


def test_the_second_greatest_support_is_weighed_where_it_tells_more():
    rng = np.random.default_rng(0)
    asked = []
    for n in range(80):
        a = walked([0.0] * 4, 2 if n % 2 else None)
        # The sum is noise; the second greatest is high where all is read.
        sums = rng.uniform(1, 3, 4)
        a.features = [np.array([0.3 * rng.normal(), sums[k], 0.9 if n % 2 and k else 0.1, 0.0]) for k in range(4)]
        asked.append(a)
    rule = fit_stop(asked)
    assert rule.weights[2] > 0 == rule.weights[1] and stops_right(asked, rule) > 0.9
    for a in asked:  # a bundle without supports has none to weigh
        a.features = [f * [1, 0, 0, 0] for f in a.features]
    assert fit_stop(asked).weights.tolist() == [1.0, 0.0, 0.0, 0.0]


def test_a_bundle_abstains_by_the_supports_that_tell_hidden_gold():
    of = lambda *supports: SimpleNamespace(supports=list(supports))  # noqa: E731
    fit = [of(0.9, 0.8, 0.1)] * 10
    many, one = [of(0.3, 0.2, *[0.25] * 8)] * 10, [of(0.9, 0.05)] * 10
    assert held(fit[:1], 2) == pytest.approx([1.7]) and held(fit[:1], 0) == pytest.approx([1.8])
    none = np.zeros(10, bool)
    assert fit_supports(fit, none, many, 0.9) == (pytest.approx(1.7), 2)  # in sum they have more than enough
    assert fit_supports(fit, none, one, 0.9) == (pytest.approx(1.8), 0)  # either tells it: all are the default
    assert fit_supports(fit, np.arange(10) < 2, one, 0.9) == (0, 0)  # a tenth and more abstain without a rule


def test_a_walk_that_stopped_by_itself_stopped_right_at_the_first_complete_search_or_at_the_limit():
    for done, right in (([False, True], True), ([True, True], False), ([False, False], False), ([False] * 4, True), ([True], True)):
        a = Asked.__new__(Asked)
        a.done = done
        assert a.stopped_right(4) == right
