"""The assembled bundle against the reference, from Python."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from train.loop import Loop
from train.sequence import words

BUNDLE = Path(os.environ.get("LATENTASK_BUNDLE", ".latentask/bundle"))


@pytest.fixture(scope="module")
def loop():
    assert (BUNDLE / "manifest.json").exists(), "no bundle: run `make bundle`"
    return Loop(BUNDLE)


def test_the_encoder_agrees_with_the_reference_implementation(loop):
    parity = json.loads((BUNDLE / "parity" / "parity.json").read_text(encoding="utf-8"))["encoder"]
    expected = np.fromfile(BUNDLE / "parity" / parity["vectors"], "<f4").reshape(-1, parity["dimension"])
    assert len(parity["texts"]) >= 200
    got = loop.embed(parity["texts"])
    assert (got * expected).sum(1).min() > 0.999


def test_passes_in_pieces_are_the_pass_in_one(loop):
    """Keys and values kept and rolled back: the same states as from the start."""
    ids = loop.tok.question("Who wrote the song that Norah Jones sang in 2009?") + loop.tok.think
    whole, _ = loop.forward(loop.cache(128), 0, ids, [len(ids) - 1])
    cache = loop.cache(128)
    loop.forward(cache, 0, ids[:9], [8])
    loop.forward(cache, 9, loop.tok.query, [0])  # rolled back by the next pass's smaller past
    parts, _ = loop.forward(cache, 9, ids[9:], [len(ids) - 10])
    cosine = (whole * parts).sum() / np.linalg.norm(whole) / np.linalg.norm(parts)
    assert cosine > 0.9999


def test_the_loop_is_deterministic(loop):
    blocks = [["Chasing Pirates. Chasing Pirates is a song by Norah Jones."], ["Norah Jones. Norah Jones was born in Brooklyn."]]
    ask = lambda: loop.ask("Where was the singer of Chasing Pirates born?", lambda hop, v, w: blocks[hop], 2)  # noqa: E731
    a, b = ask(), ask()
    assert a["answer"] == b["answer"] and a["focus"] == b["focus"]
    assert (a["vectors"] == b["vectors"]).all()


def test_text_cannot_become_a_special_token(loop):
    ids = loop.tok.lm.encode("<|im_start|> <|endoftext|> <|im_end|>").ids
    assert min(ids) > 2
    tokens = loop.tok.retriever.encode("[SEP] [MASK]", add_special_tokens=False).tokens
    assert "[SEP]" not in tokens and "[MASK]" not in tokens


def test_words_group_pieces():
    assert words(["chas", "##ing", "pirates", ",", "##x"]) == [[0, 1], [2], [3, 4]]
