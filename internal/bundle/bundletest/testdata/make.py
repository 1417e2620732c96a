"""Writes the tokenizers and the encoder of the test bundle.

python make.py        (needs the onnx and tokenizers packages)
"""

import json
import string
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

HERE = Path(__file__).parent
WIDTH, POSITIONS = 8, 32
WORDS = ["the", "film", "actor", "director", "knox", "john", "born", "city", "##ing", "##ed", "##er", "##s"]


def save(tokenizer, name):
    spec = json.loads(tokenizer.to_str())
    spec.update(added_tokens=[], truncation=None, padding=None)
    (HERE / name).write_text(json.dumps(spec, ensure_ascii=False, separators=(",", ":")) + "\n")


def retriever():
    """An uncased WordPiece tokenizer as BERT has it, over letters, digits, punctuation and a few words."""
    letters = string.ascii_lowercase + string.digits
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *string.punctuation, *letters, *("##" + c for c in letters), *WORDS]
    ids = {t: i for i, t in enumerate(vocab)}
    tok = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tok.normalizer = normalizers.BertNormalizer(lowercase=True)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tok.decoder = decoders.WordPiece()
    save(tok, "retriever_tokenizer.json")
    return len(vocab)


def lm():
    """A byte-level BPE tokenizer of 256 bytes and a few merges."""
    vocab = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "l"), ("f", "il"), ("fil", "m"), ("Ġ", "k"), ("n", "o")]
    for a, b in merges:
        vocab[a + b] = len(vocab)
    tok = Tokenizer(models.BPE(vocab, merges))
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tok.decoder = decoders.ByteLevel()
    save(tok, "lm_tokenizer.json")


def encoder(vocab):
    """Random embeddings, one attention without weights, the mean over the mask, unit length."""
    rng = np.random.default_rng(0)
    node, const = helper.make_node, numpy_helper.from_array
    nodes = [
        node("Gather", ["words", "input_ids"], ["word"]),
        node("Shape", ["input_ids"], ["length"], start=1),
        node("Slice", ["positions", "zero", "length"], ["position"]),
        node("Add", ["word", "position"], ["x"]),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        node("Transpose", ["x"], ["xt"], perm=[0, 2, 1]),
        node("MatMul", ["x", "xt"], ["scores"]),
        node("Sub", ["mask", "one"], ["hidden"]),
        node("Mul", ["hidden", "huge"], ["hide"]),
        node("Unsqueeze", ["hide", "axis1"], ["hide_rows"]),
        node("Add", ["scores", "hide_rows"], ["masked"]),
        node("Softmax", ["masked"], ["weights"], axis=-1),
        node("MatMul", ["weights", "x"], ["mixed"]),
        node("Unsqueeze", ["mask", "axis2"], ["mask_column"]),
        node("Mul", ["mixed", "mask_column"], ["kept"]),
        node("ReduceSum", ["kept", "axis1"], ["sum"], keepdims=0),
        node("LpNormalization", ["sum"], ["vectors"], axis=-1, p=2),
    ]
    initializers = [
        const(rng.normal(0, 1, (vocab, WIDTH)).astype(np.float32), "words"),
        const(rng.normal(0, 0.3, (POSITIONS, WIDTH)).astype(np.float32), "positions"),
        const(np.array([0], np.int64), "zero"),
        const(np.array([1], np.int64), "axis1"),
        const(np.array([2], np.int64), "axis2"),
        const(np.array(1, np.float32), "one"),
        const(np.array(1e9, np.float32), "huge"),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "encoder",
        [info("input_ids", TensorProto.INT64, ["B", "S"]), info("attention_mask", TensorProto.INT64, ["B", "S"])],
        [info("vectors", TensorProto.FLOAT, ["B", WIDTH])],
        initializers,
    )
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), HERE / "encoder.onnx")


if __name__ == "__main__":
    encoder(retriever())
    lm()
