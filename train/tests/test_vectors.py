"""The cache of vectors: a text keeps its own row, whatever other runs left in the files."""

import numpy as np
import pytest

pytest.importorskip("torch")

from train.vectors import VectorCache


@pytest.fixture
def cache(tmp_path, monkeypatch):
    class Encoder:
        def eval(self):
            return self

    class Retriever:
        class tokenizer:
            enable_truncation = staticmethod(lambda n: None)

        max_tokens, prefix, question_prefix, dimension = 8, "", "", 4

    monkeypatch.setattr("train.vectors.load_retriever", lambda w: Retriever)
    monkeypatch.setattr("train.vectors.retriever_encoder", lambda r, s: Encoder())
    monkeypatch.setattr(VectorCache, "embed", lambda self, texts: np.array([[len(t), 0, 0, 0] for t in texts], np.float32))
    return lambda: VectorCache(tmp_path, tmp_path)


def lengths(cache: VectorCache, *texts: str) -> list[float]:
    return [float(v[0]) for v in cache.get(list(texts))]


def test_two_runs_embed_the_same_text(cache):
    first, second = cache(), cache()
    assert lengths(first, "a", "bb") == lengths(second, "a", "bb") == [1, 2]
    third = cache()  # four rows, two texts
    assert lengths(third, "ccc", "bb", "a") == [3, 2, 1]
    assert lengths(cache(), "a", "ccc") == [1, 3]


def test_a_run_died_between_rows_and_keys(cache):
    first = cache()
    lengths(first, "a")
    with open(first.folder / "rows.f16", "ab") as f:
        f.write(bytes(8))
    assert lengths(cache(), "ccc", "a") == [3, 1]
    assert lengths(cache(), "ccc") == [3]
