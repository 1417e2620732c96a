import math

import numpy as np
import pytest

from train.answers import (
    FIXED,
    Answer,
    Source,
    Spans,
    Word,
    boundary,
    confidence,
    decode_span,
    fixed_text,
    normal,
    point,
    span_text,
    supported,
)
from train.tests.tiny import byte_bpe

LM = byte_bpe()
VOCAB = LM.get_vocab_size()
END = 2


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("a song", 0, True), ("a song", 6, True), ("a song", 1, True), ("a song", 2, True), ("a song", 3, False),
        ("U.S.", 1, True), ("3.14", 1, True), ("x1", 1, False),
        ("cafe\u0301s", 4, False), ("cafe\u0301s", 5, False),  # a combining mark belongs to its letter
        ("東京は", 1, True), ("東\u0301京", 1, False), ("がx", 1, True),
    ],
)  # fmt: skip
def test_words_end_at_boundaries(text, at, expected):
    assert boundary(text, at) is expected


def spans_of(*texts: str, limit: int = 1000) -> Spans:
    return Spans([span_text(LM, t, limit, i) for i, t in enumerate(texts)])


def accepts(spans: Spans, answer: str) -> bool:
    for token in LM.encode(answer).ids:
        if token not in spans.allowed():
            return False
        spans.take(token)
    return spans.whole() is not None


@pytest.mark.parametrize(
    "answer", [" Norah Jones", " Jones", " Brooklyn, New York", " 1987", " 19", " Norah", " Nora", " orah", " York was"]
)
def test_only_whole_words_that_stand_in_a_text_are_spans(answer):
    text = ' "Norah Jones" came to (1987) Brooklyn, New York.'
    assert accepts(spans_of(text), answer) == (answer.strip() in text and answer not in (" 19", " Nora", " orah"))


def test_a_span_does_not_cross_texts_or_end_in_a_cut_word():
    assert not accepts(spans_of(" born in Brooklyn", " New York"), " Brooklyn New")
    text = " released by Chasing Pirates"
    cut = len(LM.encode(text).ids) - 1
    assert accepts(spans_of(text), " Pirates") and not accepts(spans_of(text, limit=cut), " Pirates")


def likes(*answers: str):
    """A model that writes the first of `answers` that the mask lets it begin, then ends."""
    plans = [[*LM.encode(a).ids, END] for a in answers]
    written: list[int] = []

    def logprobs() -> np.ndarray:
        out = np.full(VOCAB, -20.0)
        for rank, plan in enumerate(plans):
            if plan[: len(written)] == written and len(plan) > len(written):
                out[plan[len(written)]] = max(out[plan[len(written)]], -0.1 - rank)
        return out

    def extend(token: int) -> np.ndarray:
        written.append(token)
        return logprobs()

    return logprobs(), extend


def decode(texts, *answers, limit=24):
    first, extend = likes(*answers)
    spec = [span_text(LM, t, 1000, i) for i, t in enumerate(texts)] + [fixed_text(LM, a) for a in ("yes", "no")]
    return decode_span(first, extend, spec, (END,), LM.encode(" unknown").ids[0], limit)


def test_decoding_follows_the_model_within_the_mask():
    texts = [" Norah Jones was born in Brooklyn.", " Pirates is by Norah Jones."]
    got = decode(texts, " Shakespeare", " Norah Jones")
    assert got.text == "Norah Jones" and got.source.passage == 0 and got.source.text == "Norah Jones"
    assert -2 < got.score < 0 and not got.abstained
    got = decode(texts, " yes")
    assert got.text == "yes" and got.source is None
    assert decode(texts, " Norah Jones was born in Brooklyn", limit=3).text == "Norah Jones was"


def test_the_source_is_the_first_text_in_which_the_whole_span_may_end():
    assert decode([" the songs of Paris", " Paris is first"], " Paris is").source.passage == 1


def test_what_the_model_would_give_to_unknown_counts_against_the_span():
    texts = [" Norah Jones was born in Brooklyn."]
    sure, unsure = decode(texts, " Brooklyn"), decode(texts, " unknown", " Brooklyn")
    assert unsure.text == "Brooklyn" and unsure.abstained and not sure.abstained
    assert unsure.score < sure.score


def pointed(start, end, texts, word_list):
    words = [Word(t, a, b, np.zeros(1)) for t, a, b in word_list]
    order = np.argsort(-np.array(start[:8]), kind="stable")
    return point(np.array(start), order, np.array(end)[order], words, texts)


def test_the_pointer_stays_in_one_text_and_within_its_words():
    texts = [" who sang", " Norah Jones", " Paris"]
    words = [(0, 1, 4), (0, 5, 9), (1, 1, 6), (1, 7, 12), (2, 1, 6)]
    start = [-9.0, -9.0, -0.1, -9.0, -9.0, -1e4, -1e4, -1e4, -5.0, -5.0, -5.0]
    end = np.zeros((8, 8))
    end[2, 4] = 50  # the best end lies in another text: not allowed
    end[2, 3] = 10
    got = pointed(start, end, texts, words)
    assert got.text == "Norah Jones" and got.source.passage == 0
    assert got.score == pytest.approx((-0.1 + math.log(1 / (1 + math.exp(-10)))) / 2)
    start[8] = -0.01
    assert pointed(start, end, texts, words).text == "yes"
    start[8], start[10] = -5.0, -0.01
    got = pointed(start, end, texts, words)
    assert got.text == "Norah Jones" and got.abstained


def test_an_answer_from_the_question_has_no_source():
    got = pointed([-0.1, -9, -1e4, -1e4, -1e4, -1e4, -1e4, -1e4, -9, -9, -9], np.zeros((8, 8)), [" who sang"], [(0, 1, 4), (0, 5, 9)])
    assert got.source is None and got.text in ("who", "who sang")


def test_confidence_is_calibrated_and_bounded():
    assert confidence(math.log(0.8), 0.5) == pytest.approx(0.8)
    assert confidence(math.log(0.8), 0.5, 2, -2) < 0.8 < confidence(math.log(0.8), 0.5, 1, 1)
    assert confidence(math.log(0.8), 0.1, support=2) < confidence(math.log(0.8), 0.9, support=2)
    assert 0 < confidence(-math.inf, 0) < confidence(0.0, 0) < 1


def test_an_answer_has_the_support_of_its_passage():
    assert supported(Answer("x", -1.0, Source(1, "x")), [0.9, 0.2]) == 0.2
    assert supported(Answer("yes", -1.0), [0.9, 0.2]) == 0.9 and supported(Answer("yes", -1.0), []) == 0


def test_normal_is_how_answers_are_compared():
    assert normal("The  Unknown.") == "unknown" and set(FIXED) == {"yes", "no", "unknown"}
