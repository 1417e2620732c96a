"""Small random models of every architecture: their bundles, GGUF, and what is refused. Go's tests replay the bundles too."""

import json

import numpy as np
import pytest
from gguf import GGUFWriter
from safetensors.numpy import load_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from train.checkpoints import _LAYER, _TOP, Unsupported, without_space
from train.difference import difference, whole
from train.loop import Loop
from train.tests import tiny
from train.weights import load_backbone, load_retriever

TEXT = " " + tiny.CORPUS[1]


@pytest.mark.parametrize("name", sorted(tiny.BUNDLES))
def test_bundle(name, tmp_path):
    """A bundle is written, and its loop answers in every way as the parity that was written with it says."""
    manifest = tiny.bundle(tmp_path / name, name)
    loop = Loop(tmp_path / name)
    parity = json.loads((tmp_path / name / "parity" / "parity.json").read_text(encoding="utf-8"))
    assert loop.m == manifest and len(parity["loop"]) == len(tiny.LOOPS)
    for i, case in enumerate(parity["loop"]):
        got = loop.ask(case["question"], lambda hop, v, w, case=case: case["passages"][hop], 2, loop.ways)
        vectors = np.fromfile(tmp_path / name / "parity" / f"loop-{i}.f32", "<f4").reshape(-1, manifest["retriever"]["dimension"])
        np.testing.assert_allclose(got["vectors"], vectors, atol=1e-5)
        assert set(case["answers"]) == {"free", "span", "pointer"}
        assert {w: a.text for w, a in got["answers"].items()} == {w: a["text"] for w, a in case["answers"].items()}


def test_explicit_twin_is_in_the_parity(tmp_path):
    tiny.bundle(tmp_path / "b", "llama-bert-int8")
    parity = json.loads((tmp_path / "b" / "parity" / "parity.json").read_text(encoding="utf-8"))
    assert [len(c["subqueries"]) for c in parity["explicit"]] == [c["actions"].count(0) for c in parity["explicit"]]
    assert all(set(c["answers"]) == {"free", "span"} for c in parity["explicit"])


def test_a_backbone_that_tells_is_stored_as_what_differs_and_asked_for_words_alone(tmp_path):
    tiny.bundle(tmp_path / "b", "llama-bert-int8")
    size = lambda name: (tmp_path / "b" / f"{name}.onnx.data").stat().st_size  # noqa: E731
    assert 0 < size("tell") < 0.6 * size("lm")
    loop = Loop(tmp_path / "b")
    ask = lambda: loop.ask(tiny.LOOPS[0]["question"], lambda hop, v, w: tiny.LOOPS[0]["passages"][hop], 2, decode=True)  # noqa: E731
    told = ask()
    loop.teller = loop
    alone = ask()
    assert told["subqueries"] != alone["subqueries"]
    np.testing.assert_array_equal(told["vectors"], alone["vectors"])
    assert told["answer"] == alone["answer"]


def test_spans_stand_in_the_text_that_is_their_source(tmp_path):
    tiny.bundle(tmp_path / "b", "untied-first-fp32")
    parity = json.loads((tmp_path / "b" / "parity" / "parity.json").read_text(encoding="utf-8"))
    for case in parity["loop"]:
        read = [p for block in case["passages"] for p in block]
        for way in ("span", "pointer"):
            source = case["answers"][way]["source"]
            assert source is None or source["text"] in read[source["passage"]]


@pytest.mark.parametrize("name", ["bert-mean", "llama"])
def test_a_released_adapter_gives_the_trained_one_back(name, tmp_path):
    backbone = load_backbone(tiny.BACKBONES["llama"](tmp_path / "backbone"))
    retriever = load_retriever(tiny.RETRIEVERS[name](tmp_path / "retriever"))
    trained = whole(tiny.random_adapter(backbone, retriever, tiny.SETTINGS), retriever)
    released = {k: v.astype(np.float16) for k, v in difference(trained, retriever).items()}
    query = "query.encoder.layers.0.q.weight"
    if name == "bert-mean":
        assert np.abs(released[query] - trained[query]).max() > 0.1
    again = whole(released, retriever)
    assert again.keys() == trained.keys()
    for k, w in trained.items():
        np.testing.assert_allclose(again[k], w, atol=2e-3 * max(1, float(np.abs(w).max())))


# -------------------------------------------------------------------------------------------------------------------- GGUF


def gguf_of(folder, file, family):
    """A checkpoint folder as llama.cpp would store it: other names, and Llama's rotary pairs interleaved."""
    config = json.loads((folder / "config.json").read_text())
    spec = json.loads((folder / "tokenizer.json").read_text())
    names = {v: k for k, v in (_LAYER | _TOP).items()}
    w = GGUFWriter(file, family)
    w.add_block_count(config["num_hidden_layers"])
    w.add_embedding_length(config["hidden_size"])
    w.add_head_count(config["num_attention_heads"])
    w.add_head_count_kv(config["num_key_value_heads"])
    w.add_key_length(config["head_dim"])
    w.add_rope_freq_base(config["rope_theta"])
    w.add_layer_norm_rms_eps(config["rms_norm_eps"])
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("smollm")
    vocab = spec["model"]["vocab"]
    w.add_token_list(sorted(vocab, key=vocab.get))
    w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in spec["model"]["merges"]])
    w.add_eos_token_id(2)
    for name, tensor in load_file(folder / "model.safetensors").items():
        head, _, kind = name.removeprefix("model.").rpartition(".")
        if head.startswith("layers."):
            _, layer, part = head.split(".", 2)
            head = f"blk.{layer}.{names[part]}"
        else:
            head = names[head]
        if family == "llama" and head.endswith(("attn_q", "attn_k")):
            heads = tensor.shape[0] // config["head_dim"]
            tensor = tensor.reshape(heads, 2, -1, tensor.shape[1]).swapaxes(1, 2).reshape(tensor.shape)
        w.add_tensor(f"{head}.{kind}", np.ascontiguousarray(tensor))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    return file


@pytest.mark.parametrize("name", sorted(tiny.BACKBONES))
def test_gguf_is_the_folder(name, tmp_path):
    folder = tiny.BACKBONES[name](tmp_path / "hf")
    a, b = load_backbone(folder), load_backbone(gguf_of(folder, tmp_path / "m.gguf", name.split("-")[0]))
    assert (a.heads, a.kv_heads, a.head_dim, a.rope_theta, a.eos, a.newline) == (
        b.heads,
        b.kv_heads,
        b.head_dim,
        b.rope_theta,
        b.eos,
        b.newline,
    )
    assert (a.head is None) == (b.head is None)
    np.testing.assert_array_equal(a.embed, b.embed)
    for x, y in zip(a.layers, b.layers, strict=True):
        assert x.keys() == y.keys()
        for key in x:
            np.testing.assert_array_equal(x[key], y[key], err_msg=key)
    for text in (TEXT, "<|im_start|> 1987"):
        assert a.tokenizer.encode(text).ids == b.tokenizer.encode(text).ids


# ---------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "gemma3_text"},
        {"hidden_act": "gelu_new"},
        {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}},
        {"use_sliding_window": True},
        {"eos_token_id": None},
        {"num_hidden_layers": 1},  # a layer's tensors are left over
        {"num_hidden_layers": 3},  # a layer's tensors are missing
    ],
)
def test_what_cannot_be_written_is_refused(change, tmp_path):
    folder = tiny.BACKBONES["llama"](tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(Unsupported):
        load_backbone(folder)


def test_a_decoder_without_a_template_closes_its_texts(tmp_path):
    r = load_retriever(tiny.RETRIEVERS["qwen3"](tmp_path))
    assert r.tokenizer.encode("").ids == [2] and r.tokenizer.encode("a b").ids[-1] == 2
    assert r.tokenizer.encode("a b", add_special_tokens=False).ids[-1] != 2
    assert r.tokenizer.encode("<|im_end|>").ids.count(2) == 1  # text cannot spell the end token


@pytest.mark.parametrize(
    ("normalizer", "pre_tokenizer"),
    [
        (None, pre_tokenizers.Metaspace(prepend_scheme="always")),
        (normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), None),
        (None, pre_tokenizers.Sequence([pre_tokenizers.ByteLevel(add_prefix_space=True)])),
    ],
)
def test_a_backbone_gets_the_space_that_it_is_given_and_no_other(normalizer, pre_tokenizer):
    vocab = {"▁": 0, "a": 1, "▁a": 2, "Ġ": 3, "Ġa": 4}
    tok = Tokenizer(models.BPE(vocab, [("▁", "a"), ("Ġ", "a")]))
    tok.normalizer, tok.pre_tokenizer = normalizer, pre_tokenizer
    tok.post_processor = processors.TemplateProcessing(single="▁ $A", special_tokens=[("▁", 0)])
    plain = without_space(tok)
    assert plain.encode("a").tokens == ["a"]
    assert plain.encode(" a").tokens in (["▁a"], ["Ġa"])
