"""Every architecture, small and random: transformers = the model that is trained = the graphs that are exported.

Needs PyTorch and transformers; what goes without them is in test_tiny.py.
"""

import contextlib

import numpy as np
import onnxruntime as ort
import pytest

from train import graphs, retriever_graphs
from train.loop import Loop
from train.onnxgraph import Precision
from train.sequence import Tokens
from train.tests import tiny
from train.weights import load_backbone, load_retriever

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from train.packing import Packing, moved  # noqa: E402

S = tiny.SETTINGS
TEXT = " " + tiny.CORPUS[1]
TEXT_SIDES = {  # pooling, prefix, prefix of questions, how pieces join to words
    "bert-mean": ("mean", "", "", "wordpiece"),
    "bert-first": ("first", "passage: ", "query: ", "wordpiece"),
    "roberta": ("mean", "", "", "text"),
    "xlm-roberta": ("first", "", "", "text"),
    "llama": ("last", "", "Find: ", "text"),
    "qwen3": ("last", "", "Find: ", "text"),
}


def cosine(a, b):
    return float(
        (a * b).sum(-1).min() if a.ndim == 1 else ((a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)).min()
    )


@pytest.fixture(scope="module", params=sorted(tiny.BACKBONES))
def backbone(request, tmp_path_factory):
    folder = tiny.BACKBONES[request.param](tmp_path_factory.mktemp("backbone"))
    return folder, load_backbone(folder)


@pytest.fixture(scope="module", params=sorted(tiny.RETRIEVERS))
def retriever(request, tmp_path_factory):
    folder = tiny.RETRIEVERS[request.param](tmp_path_factory.mktemp("retriever") / request.param)
    return folder, load_retriever(folder)


def onnx_states(folder, b, precision, ids):
    """States and log-probabilities of every position, by lm.onnx and head.onnx in two passes over one cache."""
    adapter = tiny.random_adapter(b, load_retriever(tiny.RETRIEVERS["bert-mean"](folder / "r")), S)
    graphs.backbone_graph(folder, b, adapter, S.max_positions, precision, "lm.onnx", {})
    graphs.head_graph(folder, b, precision)
    loop = object.__new__(Loop)
    loop.m = {
        "backbone": {
            "hidden": b.hidden, "layers": len(b.layers), "kv_heads": b.kv_heads, "head_dim": b.head_dim,
            "max_positions": S.max_positions, "cache": precision.cache,
        }
    }  # fmt: skip
    open_ = lambda name: ort.InferenceSession(str(folder / name), providers=["CPUExecutionProvider"])  # noqa: E731
    loop.lm, loop.head = open_("lm.onnx"), open_("head.onnx")
    cache, cut = loop.cache(), 7
    first, _ = loop.forward(cache, 0, ids[:cut], list(range(cut)))
    second, _ = loop.forward(cache, cut, ids[cut:], list(range(len(ids) - cut)))
    states = np.concatenate([first, second])
    return states, loop.logprobs(states)


@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.99999), ("fp16", 0.9999), ("int8", 0.99)])
def test_backbone(backbone, precision, least, tmp_path):
    from train.decoder import Decoder

    folder, b = backbone
    ids = b.tokenizer.encode(TEXT).ids
    reference = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    model = Decoder(b, S)
    with torch.no_grad():
        expected = reference.model(torch.tensor([ids])).last_hidden_state[0].numpy()
        expected_logprobs = reference(torch.tensor([ids])).logits[0].log_softmax(-1).numpy()
        packed = model(
            model.embed[torch.tensor(ids + ids[:5])], moved(Packing.of([len(ids), 5]), "cpu")
        )  # a second sequence changes nothing
        ours = packed[: len(ids)].numpy()
        logprobs = model.logits(packed[: len(ids)]).log_softmax(-1).numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-4)
    np.testing.assert_allclose(logprobs, expected_logprobs, atol=1e-4)
    states, logprobs = onnx_states(tmp_path, b, Precision(precision), ids)
    assert cosine(states, expected) > least
    assert np.abs(np.exp(logprobs) - np.exp(expected_logprobs)).max() < {"fp32": 1e-4, "fp16": 0.01, "int8": 0.15}[precision]


def test_bf16_on_a_processor(backbone):
    """Training under autocast, with frozen matrices in bf16: the same states as near as bf16 has them, and gradients."""
    from train.decoder import Decoder

    b = backbone[1]
    ids = torch.tensor(b.tokenizer.encode(TEXT).ids)
    model = Decoder(b, S)
    packing, packed = moved(Packing.of([len(ids), 5]), "cpu"), torch.cat([ids, ids[:5]])
    exact = model(model.embed[packed], packing).detach().numpy()
    model.halve()
    with torch.autocast("cpu", torch.bfloat16):
        states = model(model.embed[packed], packing)
    assert cosine(states.float().detach().numpy(), exact) > 0.999
    states.float().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in model.parameters() if p.requires_grad)


def adapted(b):
    """A decoder whose LoRA changes something."""
    from train.decoder import Decoder

    torch.manual_seed(0)
    model = Decoder(b, S)
    for name, p in model.named_parameters():
        if name.endswith(".B"):
            torch.nn.init.normal_(p, std=0.02)
    return model


def learned(model, b, cast):
    """States of a text, and the gradients of their squares by name."""
    ids = torch.tensor(b.tokenizer.encode(TEXT).ids)
    with cast:
        states = model(model.embed[ids], moved(Packing.of([len(ids)]), "cpu"))
    states.float().square().sum().backward()
    grads = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return states.float().detach(), grads


def test_lora_put_into_the_matrices_is_lora_beside_them(backbone):
    b = backbone[1]
    model = adapted(b)
    beside, expected = learned(model, b, contextlib.nullcontext())
    model.merge()
    inside, grads = learned(model, b, contextlib.nullcontext())
    torch.testing.assert_close(inside, beside, atol=1e-4, rtol=1e-4)
    assert grads.keys() == expected.keys() and len(grads) == 14 * len(b.layers)
    for n, g in grads.items():
        torch.testing.assert_close(g, expected[n], atol=1e-3 * float(expected[n].abs().max()), rtol=1e-3)


def test_lora_put_into_bf16_matrices_is_near_lora_beside_them(backbone):
    b = backbone[1]
    model = adapted(b)
    model.halve()
    beside, expected = learned(model, b, torch.autocast("cpu", torch.bfloat16))
    model.merge()
    inside, grads = learned(model, b, torch.autocast("cpu", torch.bfloat16))
    assert cosine(inside.numpy(), beside.numpy()) > 0.999
    flat = [torch.cat([g[n].flatten() for n in expected]) for g in (grads, expected)]
    assert float(torch.nn.functional.cosine_similarity(*flat, dim=0)) > 0.98


def test_frozen_layers_learn_nothing_when_merged(backbone):
    from train.decoder import Decoder

    model = Decoder(backbone[1], S)
    for p in model.layers[0].parameters():
        p.requires_grad_(False)
    model.merge()
    assert not any(w.requires_grad for w in model.layers[0].whole.values())
    assert all(w.requires_grad for w in model.layers[1].whole.values())


def test_attention_over_padded_sequences_is_that_of_each_alone():
    from train.decoder import padded, products

    lengths = [7, 1, 12]
    packing, rng = moved(Packing.of(lengths), "cpu"), torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(sum(lengths), heads, 8, generator=rng) for heads in (6, 2, 2))
    alone = torch.cat([products(*parts) for parts in zip(*(t.split(lengths) for t in (q, k, v)), strict=True)])
    torch.testing.assert_close(padded(q, k, v, packing), alone, atol=1e-5, rtol=1e-4)


def reference_vectors(folder, r, texts):
    """Pooled unit vectors by transformers, one text at a time."""
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    out = []
    with torch.no_grad():
        for text in texts:
            h = model(torch.tensor([r.tokenizer.encode(r.prefix + text).ids])).last_hidden_state[0]
            h = {"mean": h.mean(0), "first": h[0], "last": h[-1]}[r.pooling]
            out.append((h / h.norm()).numpy())
    return np.array(out)


def test_retriever(retriever, tmp_path):
    from train.encoder import retriever_encoder

    folder, r = retriever
    texts = ["x", *tiny.CORPUS]
    expected = reference_vectors(folder, r, texts)
    rows = [r.tokenizer.encode(r.prefix + t).ids for t in texts]
    ids, mask = np.full((len(rows), max(map(len, rows))), r.pad, np.int64), np.zeros((len(rows), max(map(len, rows))), np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = row, 1
    with torch.no_grad():
        ours = retriever_encoder(r, S).encode(torch.tensor(ids), torch.tensor(mask)).numpy()
    assert cosine(ours, expected) > 0.99999
    retriever_graphs.encoder_graph(tmp_path, r, {})
    session = ort.InferenceSession(str(tmp_path / "encoder.onnx"), providers=["CPUExecutionProvider"])
    vectors = session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
    assert cosine(vectors, expected) > 0.99999
    assert (r.pooling, r.prefix, r.question_prefix, r.words) == TEXT_SIDES[folder.name]


def trained(b, r):
    """A model whose trained tensors are the random adapter's, and that adapter as it is committed."""
    from train.model import Model

    adapter = tiny.random_adapter(b, r, S)
    model = Model(b, r, S).eval()
    assert {n: tuple(t.shape) for n, t in model.adapter().items()} == {n: t.shape for n, t in adapter.items()}
    whole = dict(adapter)
    for name, base in model.state_dict().items():
        if name.startswith("query.encoder.layers") and name in adapter and not name.endswith((".A", ".B")):
            whole[name] = adapter[name] + base.numpy()
    model.load_state_dict({n: torch.tensor(t) for n, t in whole.items()}, strict=False)
    return model, adapter


@pytest.mark.parametrize("candidates", [0, 4, 20])
def test_query_vector(retriever, candidates, tmp_path):
    from train.assemble import merge_retriever

    _, r = retriever
    b = load_backbone(tiny.BACKBONES["llama"](tmp_path / "b"))
    model, adapter = trained(b, r)
    tok, rng = Tokens.of(b, r, S), np.random.default_rng(5)
    asked = np.array([tok.question_pieces("Who opened the café?")], np.int64)
    width = max(candidates, S.pieces)
    feed = {
        "query_states": rng.standard_normal((1, S.query, b.hidden)).astype(np.float32),
        "question_ids": asked,
        "candidate_ids": np.zeros((1, width), np.int64),
        "candidate_states": np.zeros((1, width, b.hidden), np.float32),
        "candidate_mask": np.zeros((1, width), np.float32),
    }
    feed["candidate_ids"][0, :candidates] = rng.integers(4, 200, candidates)
    feed["candidate_states"][0, :candidates] = rng.standard_normal((candidates, b.hidden))
    feed["candidate_mask"][0, :candidates] = 1
    with torch.no_grad():
        vector, gates = model.query(
            torch.tensor(feed["query_states"]),
            torch.tensor(asked),
            torch.ones(asked.shape, dtype=torch.bool),
            torch.tensor(feed["candidate_ids"][:, :candidates]),
            model.query.keys(torch.tensor(feed["candidate_states"][:, :candidates])),
            torch.ones(1, candidates, dtype=torch.bool),
        )
    retriever_graphs.query_graph(tmp_path, merge_retriever(r, adapter, S), b.hidden, adapter, S, {})
    session = ort.InferenceSession(str(tmp_path / "query.onnx"), providers=["CPUExecutionProvider"])
    got, opened = session.run(["vector", "gates"], feed)
    assert cosine(got, vector.numpy()) > 0.9999
    np.testing.assert_allclose(opened[0, :candidates], torch.sigmoid(gates)[0].numpy(), atol=1e-5)
    if candidates:
        feed["candidate_states"] *= -1
        assert cosine(session.run(["vector"], feed)[0], got) < 0.9999  # the copied pieces do take part


def test_pointer(tmp_path):
    b, r = load_backbone(tiny.BACKBONES["llama"](tmp_path / "b")), load_retriever(tiny.RETRIEVERS["bert-mean"](tmp_path / "r"))
    model, adapter = trained(b, r)
    rng = np.random.default_rng(6)
    answer, words = rng.standard_normal((1, b.hidden)).astype(np.float32), rng.standard_normal((1, 14, b.hidden)).astype(np.float32)
    mask = np.ones((1, 14), np.float32)
    mask[0, 11:] = 0
    graphs.pointer_graph(tmp_path, b.hidden, adapter)
    session = ort.InferenceSession(str(tmp_path / "pointer.onnx"), providers=["CPUExecutionProvider"])
    start, starts, end = session.run(["start", "starts", "end"], {"answer_state": answer, "word_states": words, "word_mask": mask})
    with torch.no_grad():
        for row, i in enumerate(starts[0].tolist()):
            first, last = model.pointer(torch.tensor(answer), torch.tensor(words), torch.tensor(mask) > 0, torch.tensor([i]))
            np.testing.assert_allclose(start[0, [*range(11), 14, 15, 16]], first[0, [*range(11), 14, 15, 16]].numpy(), atol=1e-5)
            np.testing.assert_allclose(end[0, row, :11], last[0, :11].numpy(), atol=1e-4)
        assert max(start[0, 11:14].max(), first[0, 11:14].max()) < -1000
        assert starts[0].tolist() == first[0, :11].argsort(descending=True)[:8].tolist()
