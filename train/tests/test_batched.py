"""Hops of many questions in PyTorch are those of the reference loop, one question at a time over ONNX files."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from safetensors.numpy import save_file as save_arrays

from train.hybrid import Keywords
from train.loop import Loop
from train.tests import tiny
from train.weights import load_backbone, load_retriever

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from train import adapters, walks  # noqa: E402
from train.batched import Asked, hop  # noqa: E402
from train.model import Model  # noqa: E402
from train.tests.test_examples import trajectory  # noqa: E402
from train.trajectories import Hop  # noqa: E402

NAME = "untied-first-fp32"
TEXTS = [[tiny.CORPUS[2], tiny.CORPUS[0]], [tiny.CORPUS[1]]]  # that the hops read
QUESTIONS = ["Where was the singer of Chasing Pirates born?", "Who opened the café in São Paulo?"]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The loop over a bundle's files, and the adapter that they were made of, as it is released, in PyTorch."""
    folder = tmp_path_factory.mktemp("batched")
    tiny.bundle(folder / "bundle", NAME)
    backbone, retriever, _ = tiny.BUNDLES[NAME]
    b, r = load_backbone(tiny.BACKBONES[backbone](folder / "b")), load_retriever(tiny.RETRIEVERS[retriever](folder / "r"))
    release = folder / "release"
    release.mkdir()
    save_arrays({n: np.asarray(w) for n, w in tiny.random_adapter(b, r, tiny.SETTINGS).items()}, release / adapters.FILE)
    (release / "bundle.json").write_text(json.dumps({"settings": asdict(tiny.SETTINGS)}))
    loop = Loop(folder / "bundle")
    model = Model(b, r, adapters.settings(release)).eval()
    assert adapters.load(model, release, r) == []
    return loop, model, loop.tok, (b, r)  # a tokenizer that is trained twice is not the same


def test_hops_of_a_batch_are_those_of_the_loop(both):
    loop, model, tok, _ = both
    expected = []
    for q in QUESTIONS:
        w = loop.walk(q, lambda k, vector, focus: TEXTS[k], len(TEXTS), stop=False)
        expected.append([(t.vector, t.focus) for t in w.turns if t.searched])
    asked = [Asked(q, tok) for q in QUESTIONS]
    for k, texts in enumerate(TEXTS):
        vectors, focus = hop(model, tok, asked, "cpu")
        for i, a in enumerate(asked):
            vector, words = expected[i][k]
            assert float(vectors[i].numpy() @ vector) > 0.999  # of gates that are all but 1 the greatest few may be others
            assert [w for w, _ in focus[i]] == [w for w, _ in words]
            np.testing.assert_allclose([g for _, g in focus[i]], [g for _, g in words], atol=1e-4)
            a.read(tok, texts, loop.m["limits"]["passage_tokens"])
    assert any(words for _, words in expected[0]), "a loop that copies nothing tests nothing"


def test_walks_of_a_batch_are_those_of_the_loop(both, monkeypatch):
    loop, model, tok, _ = both
    monkeypatch.setattr("train.hybrid.PER_HOP", 1)
    monkeypatch.setattr("train.walks.READS", loop.m["limits"]["passage_tokens"])
    passages = [{"pid": p, "title": "", "text": text} for p, text in zip("abcde", tiny.CORPUS, strict=True)]
    vectors = np.random.default_rng(0).standard_normal((5, loop.m["retriever"]["dimension"])).astype(np.float32)
    batch = [
        trajectory(id=f"t{i}", question=q, hops=[Hop(gold, "", "")])
        for i, (q, gold) in enumerate(zip(QUESTIONS * 10, "abcde" * 4, strict=True))
    ]
    words = Keywords([p["text"] for p in passages])
    expected = [walks.walk(loop, t, passages, vectors, words) for t in batch]
    got = walks.walk_together(model, tok, batch, passages, vectors, words, walks.hybrid.SEARCH, "cpu")
    assert got == [w._replace(latents=None) for w in expected]
    assert len({len(w.searches) for w in expected}) > 1
    m, n = len(tok.think), len(tok.query)
    assert all(w.latents.shape == (len(w.searches), m + n, loop.m["backbone"]["hidden"]) for w in expected)


def test_a_run_is_read_as_it_was_left(both, tmp_path):
    _, model, tok, (b, r) = both
    save_file({k: v.contiguous() for k, v in model.adapter().items()}, tmp_path / adapters.FILE)
    tiny.SETTINGS.save(tmp_path / "settings.json")
    got = Model(b, r, adapters.settings(tmp_path)).eval()
    assert adapters.load(got, tmp_path, r) == []
    (here, _), (there, _) = (hop(m, tok, [Asked(QUESTIONS[0], tok)], "cpu") for m in (got, model))
    torch.testing.assert_close(here, there)
    some = {k: v.contiguous() for k, v in model.adapter().items() if k != "latents"}
    save_file(some, tmp_path / adapters.FILE)
    assert adapters.load(got, tmp_path, r) == ["latents"]
    save_file(some | {"nobody": some["action.bias"].clone()}, tmp_path / adapters.FILE)
    with pytest.raises(SystemExit, match="nobody"):
        adapters.load(got, tmp_path, r)
