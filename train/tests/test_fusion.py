import numpy as np
import pytest

fusion = pytest.importorskip("train.fusion", reason="needs PyTorch", exc_type=ImportError)


def test_ranked_fusion_adds_what_each_side_gives_for_the_rank():
    near, keyword = np.array([0.9, 0.1, 0.5, 0.4]), np.array([0.0, 3.0, 0.0, 1.0])
    # by vector 0, 2, 3, 1; by keywords 1, 3
    expected = {0: 0.5 / 60, 2: 0.5 / 61, 3: 0.5 / 62 + 0.5 / 61, 1: 0.5 / 63 + 0.5 / 60}
    assert fusion.ranked(near, keyword, 0.5) == sorted(expected, key=lambda i: -expected[i])
    assert fusion.ranked(near, keyword, 1.0)[:2] == [0, 2]
    assert fusion.ranked(near, keyword, 0.0)[:2] == [1, 3]


def test_each_setting_differs_from_the_manifest_in_one_thing():
    assert fusion.SETTINGS[0] == {} and all(len(s) == 1 for s in fusion.SETTINGS[1:])
    assert {k for s in fusion.SETTINGS for k in s} == {*fusion.hybrid.SEARCH, "ranked"}
