import numpy as np

from train.hybrid import Keywords, asked_for, fused


def test_bm25_prefers_rare_words_and_short_texts():
    k = Keywords(["the harbour of Aldmoor", "a harbour", "a harbour with a long list of ships and cranes", "nothing"])
    harbour = k.scores({"harbour": 1})
    assert harbour[3] == 0 and harbour[1] > harbour[0] > harbour[2] > 0
    assert k.scores({"aldmoor": 1})[0] > harbour[0]
    np.testing.assert_allclose(k.scores({"harbour": 3}), 3 * harbour)
    assert not k.scores({"the": 1, "unheard": 2}).any()
    # By hand: one of four texts has the word, once, in two words where the mean is 2.25.
    k = Keywords(["x y", "z", "z z", "z z z z"])
    assert k.scores({"x": 1})[0] == np.log(1 + 3.5 / 1.5) * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 2.25))


def test_focus_words_count_by_their_gates():
    by = {"question_weight": 2, "focus_weight": 3.0}
    assert asked_for("Who runs the Aldmoor?", [["aldmoor", 0.9], ["jane", 0.4], ["dim", 0.1]], by) == {
        "who": 2, "runs": 2, "aldmoor": 5, "jane": 1, "dim": 0,
    }  # fmt: skip


def test_fused_as_weaviate_does():
    near, keyword = np.array([0.9, 0.5, 0.1, 0.7]), np.array([0.0, 4.0, 2.0, 0.0])
    # Stretched: 1, 0.5, 0, 0.75 and 1, 0 of the two that have a word.
    assert fused(near, keyword, 1.0)[:3] == [0, 3, 1]
    assert fused(near, keyword, 0.0)[0] == 1
    assert fused(near, keyword, 0.5) == [1, 0, 3, 2]
    assert fused(near, keyword, 0.5, first=1) == [0, 1]
