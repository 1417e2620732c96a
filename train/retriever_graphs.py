"""The retriever's ONNX graphs of a bundle: encoder and query, for BERT-type and decoder-type retrievers. docs/bundle.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import numpy_helper

from train.onnxgraph import F32, I32, I64, MS, Graph, layer_norm, linear, projector, rms_norm
from train.settings import GATE_FLOOR, Settings
from train.weights import MAX_PIECES, BertRetriever, DecoderRetriever, Retriever

MASKED = -10000.0

# ------------------------------------------------------------------------------------------------------------------ layers


def bert_layers(g: Graph, x: str, mask: str, r: BertRetriever) -> str:
    """BERT layers over [B,S,D]; `mask` int32 [B,S], 1 where a key takes part."""
    for layer in r.layers:
        w = np.concatenate([layer["q"], layer["k"], layer["v"]], 1)
        bias = np.concatenate([layer["q_b"], layer["k_b"], layer["v_b"]])
        a = g.op("Attention", x, g.const(w), g.const(bias), mask, domain=MS, num_heads=r.heads, mask_filter_value=-10000.0)
        a = linear(g, a, layer["o"])
        x = skip_norm(g, a, x, layer, "attn_norm", layer["o_b"], r.eps)
        h = g.op("BiasGelu", linear(g, x, layer["up"]), g.const(layer["up_b"]), domain=MS)
        x = skip_norm(g, linear(g, h, layer["down"]), x, layer, "ffn_norm", layer["down_b"], r.eps)
    return x


def skip_norm(g: Graph, y: str, skip: str, layer: dict, name: str, bias: np.ndarray, eps: float) -> str:
    return g.op("SkipLayerNormalization", y, skip, g.const(layer[name]), g.const(layer[name + "_b"]), g.const(bias), domain=MS, epsilon=eps)


def decoder_layers(g: Graph, x: str, bias: str, r: DecoderRetriever) -> str:
    """Causal decoder layers and the final norm over [B,S,D]; `bias` [1,1,1,S] is added to the attention over each key."""
    H, L, D = r.heads, r.kv_heads, r.head_dim
    size = g.op("Slice", g.op("Shape", x), g.const([1], np.int64), g.const([2], np.int64))
    square = g.op("Concat", size, size, axis=0)
    later = g.op("Trilu", g.op("Expand", g.const(MASKED, np.float32), square), g.const(1, np.int64), upper=1)
    bias = g.op("Max", g.op("Add", g.op("Unsqueeze", later, g.const([0, 1], np.int64)), bias), g.const(MASKED, np.float32))
    inv = 1.0 / r.rope_theta ** (np.arange(0, D, 2, dtype=np.float64) / D)
    angle = np.outer(np.arange(MAX_PIECES), inv)[:, None]  # [positions, 1, D/2]
    zero = g.const([0], np.int64)
    cos, sin = (g.op("Slice", g.const(f(angle), np.float32), zero, size) for f in (np.cos, np.sin))

    def rotate(x: str, heads: int, norm: np.ndarray | None) -> str:
        """[B,S,heads·D] → [B,S,heads,D], turned by position."""
        x = g.op("Reshape", x, g.const([0, 0, heads, D], np.int64))
        if norm is not None:
            x = rms_norm(g, x, norm, r.eps)
        a, b = g.op("Split", x, g.const([D // 2, D // 2], np.int64), axis=-1, out=2)
        return g.op(
            "Concat",
            g.op("Sub", g.op("Mul", a, cos), g.op("Mul", b, sin)),
            g.op("Add", g.op("Mul", b, cos), g.op("Mul", a, sin)),
            axis=-1,
        )

    def shared(x: str) -> str:
        """[B,S,L,D] → [B,S,H·D]: each key and value head serves several query heads."""
        x = g.op("Expand", g.op("Unsqueeze", x, g.const([3], np.int64)), g.const([1, 1, 1, H // L, 1], np.int64))
        return g.op("Reshape", x, g.const([0, 0, H * D], np.int64))

    for layer in r.layers:
        qkv = linear(
            g, rms_norm(g, x, layer["input_norm"], r.eps), np.concatenate([layer["q"], layer["k"], layer["v"]], 1),
            np.concatenate([layer["q_b"], layer["k_b"], layer["v_b"]]) if "q_b" in layer else None,
        )  # fmt: skip
        q, k, v = g.op("Split", qkv, g.const([H * D, L * D, L * D], np.int64), axis=-1, out=3)
        q = g.op("Reshape", rotate(q, H, layer.get("q_norm")), g.const([0, 0, H * D], np.int64))
        k, v = shared(rotate(k, L, layer.get("k_norm"))), shared(g.op("Reshape", v, g.const([0, 0, L, D], np.int64)))
        a = g.op("MultiHeadAttention", q, k, v, "", "", bias, domain=MS, num_heads=H)
        x = g.op("Add", x, linear(g, a, layer["o"], layer.get("o_b")))
        h = rms_norm(g, x, layer["post_norm"], r.eps)
        gate = linear(g, h, layer["gate"])
        h = g.op("Mul", g.op("Mul", gate, g.op("Sigmoid", gate)), linear(g, h, layer["up"]))
        x = g.op("Add", x, linear(g, h, layer["down"]))
    return rms_norm(g, x, r.norm, r.eps)


# ----------------------------------------------------------------------------------------------------------------- pooling


def unit(g: Graph, x: str) -> str:
    length = g.op("ReduceL2", x, g.const([-1], np.int64), keepdims=1)
    return g.op("Div", x, g.op("Max", length, g.const(1e-12, np.float32)))


def mean(g: Graph, x: str, weights: str) -> str:
    """Weighted mean over [B,S,D], to unit length."""
    w = g.op("Unsqueeze", weights, g.const([-1], np.int64))
    one = g.const([1], np.int64)
    return unit(g, g.op("Div", g.op("ReduceSum", g.op("Mul", x, w), one, keepdims=0), g.op("ReduceSum", w, one, keepdims=0)))


def at(g: Graph, x: str, index: int) -> str:
    """The state at one index of [B,S,D], to unit length."""
    return unit(g, g.op("Gather", x, g.const(index, np.int64), axis=1))


# ------------------------------------------------------------------------------------------------------------------ graphs


def encoder_graph(folder: Path, r: Retriever, shared: dict) -> list[str]:
    """encoder.onnx: the frozen retriever, as it embeds stored text."""
    g = Graph(folder, "encoder.onnx", shared)
    ids, mask = g.input("input_ids", I64, ["B", "S"]), g.input("attention_mask", I64, ["B", "S"])
    if isinstance(r, DecoderRetriever):
        # Padding stands behind a text, where a causal model does not see it.
        x = decoder_layers(g, g.op("Gather", g.const(r.word), ids), g.const(np.zeros((1, 1, 1, 1)), np.float32), r)
        last = g.op("Sub", g.op("ReduceSum", mask, g.const([1], np.int64), keepdims=1), g.const(1, np.int64))
        place = g.op("Sub", g.op("CumSum", g.op("Max", mask, g.const(1, np.int64)), g.const(1, np.int64)), g.const(1, np.int64))
        vector = mean(g, x, g.op("Cast", g.op("Equal", place, last), to=F32))
    else:
        size = g.op("Gather", g.op("Shape", ids), g.const(1, np.int64))
        position = g.op("Slice", g.const(r.position + r.kind), g.const([0], np.int64), g.op("Unsqueeze", size, g.const([0], np.int64)))
        x = g.op("Add", g.op("Gather", g.const(r.word), ids), position)
        x = layer_norm(g, x, *r.norm, r.eps)
        x = bert_layers(g, x, g.op("Cast", mask, to=I32), r)
        vector = at(g, x, 0) if r.pooling == "first" else mean(g, x, g.op("Cast", mask, to=F32))
    g.output(vector, "vectors", F32, ["B", r.dimension])
    return g.save()


def query_graph(folder: Path, r: Retriever, hidden: int, a: dict, s: Settings, shared: dict) -> list[str]:
    """query.onnx: projector, copy head, the retriever's query side. `r` has the trained layers, `a` the rest."""
    g = Graph(folder, "query.onnx", shared)
    D, n, pieces, axis = r.dimension, s.query, s.pieces, g.const([1], np.int64)
    states = g.input("query_states", F32, [1, n, hidden])
    asked = g.input("question_ids", I64, [1, "Q"])
    ids = g.input("candidate_ids", I64, [1, "C"])
    backbone = g.input("candidate_states", F32, [1, "C", hidden])
    mask = g.input("candidate_mask", F32, [1, "C"])

    first = g.op("Slice", states, g.const([0], np.int64), g.const([1], np.int64), axis)  # [1,1,H]
    q = layer_norm(g, first, a["query.gate_norm_q.weight"], a["query.gate_norm_q.bias"], 1e-5)
    q = linear(g, q, a["query.gate_q.weight"].T, a["query.gate_q.bias"])
    k = layer_norm(g, backbone, a["query.gate_norm_k.weight"], a["query.gate_norm_k.bias"], 1e-5)
    k = linear(g, k, a["query.gate_k.weight"].T, a["query.gate_k.bias"])
    logit = g.op("ReduceSum", g.op("Mul", k, q), g.const([-1], np.int64), keepdims=0)
    logit = g.op("Add", g.op("Div", logit, g.const(8.0, np.float32)), g.const(a["query.gate_bias"], np.float32))
    gates = g.op("Mul", g.op("Sigmoid", logit), mask)
    if not s.copy_head:
        gates = g.op("Mul", gates, g.const(0.0, np.float32))
    g.output(gates, "gates", F32, [1, "C"])

    # The highest-gated pieces, in reading order. Equal gates: TopK takes the lower index, so the choice is fixed.
    _, top = g.op("TopK", gates, g.const([pieces], np.int64), axis=-1, largest=1, sorted=1, out=2)
    order, _ = g.op("TopK", top, g.const([pieces], np.int64), axis=-1, largest=0, sorted=1, out=2)
    gate = g.op("GatherElements", gates, order, axis=1)
    piece = g.op("GatherElements", ids, order, axis=1)
    parts = QueryParts(asked, states, piece, gate)
    vector = decoder_vector(g, r, a, s, parts) if isinstance(r, DecoderRetriever) else bert_vector(g, r, a, s, parts)
    g.output(vector, "vector", F32, [1, D])
    return g.save()


@dataclass(frozen=True)
class QueryParts:
    """What the retriever's query side reads."""

    asked: str  # the question's pieces [1,Q], with the template's
    states: str  # of the query tokens [1,n,H]
    pieces: str  # the copy head's choice, in reading order [1,pieces]
    gates: str  # theirs

    def kept(self, g: Graph) -> str:
        """The gates that take part, the others 0."""
        open_ = g.op("Greater", self.gates, g.const(GATE_FLOOR, np.float32))
        return g.op("Where", open_, self.gates, g.const(0.0, np.float32))

    def ones(self, g: Graph, like: str, s: Settings) -> str:
        value = numpy_helper.from_array(np.full(1, float(s.anchor), np.float32))
        return g.op("ConstantOfShape", g.op("Shape", like), value=value)


def bert_vector(g: Graph, r: BertRetriever, a: dict, s: Settings, parts: QueryParts) -> str:
    """The question's pieces, the latents, then the copied pieces, each times its gate in the embedding and in the mean."""
    word, axis = g.const(r.word), g.const([1], np.int64)
    embeds = g.op(
        "Concat",
        g.op("Gather", word, parts.asked),
        projector(g, parts.states, a, "query.projector"),
        g.op("Mul", g.op("Gather", word, parts.pieces), g.op("Unsqueeze", parts.gates, g.const([-1], np.int64))),
        axis=1,
    )
    kept = parts.kept(g)
    weights = g.op("Concat", parts.ones(g, parts.asked, s), g.const(np.ones((1, s.query)), np.float32), kept, axis=1)
    size = g.op("Slice", g.op("Shape", embeds), axis, g.const([2], np.int64))
    position = g.op("Slice", g.const(r.position + r.kind), g.const([0], np.int64), size)
    x = layer_norm(g, g.op("Add", embeds, position), *r.norm, r.eps)
    x = bert_layers(g, x, g.op("Cast", g.op("Greater", weights, g.const(0.0, np.float32)), to=I32), r)
    return at(g, x, 0) if r.pooling == "first" else mean(g, x, weights)


def decoder_vector(g: Graph, r: DecoderRetriever, a: dict, s: Settings, parts: QueryParts) -> str:
    """The question's pieces without the end token, the latents, the copied pieces, the end token, whose state is the vector.

    A decoder's norms undo the scale of an embedding, so gates act as log gates in the attention.
    """
    word, axis, last = g.const(r.word), g.const([1], np.int64), g.const([-1], np.int64)
    asked = g.op("Slice", parts.asked, g.const([0], np.int64), last, axis)
    end = g.op("Slice", parts.asked, last, g.const([2**31 - 1], np.int64), axis)
    latents = projector(g, parts.states, a, "query.projector")
    embeds = g.op("Concat", g.op("Gather", word, asked), latents, g.op("Gather", word, parts.pieces), g.op("Gather", word, end), axis=1)
    shares = g.op(
        "Concat",
        parts.ones(g, asked, s),
        g.const(1 / (1 + np.exp(-a["query.latent_bias"][None].astype(np.float32))), np.float32),
        parts.kept(g),
        g.const(np.ones((1, 1)), np.float32),
        axis=1,
    )
    bias = g.op("Log", g.op("Max", shares, g.const(1e-6, np.float32)))
    closed = g.op("Equal", shares, g.const(0.0, np.float32))
    bias = g.op("Where", closed, g.const(MASKED, np.float32), bias)
    x = decoder_layers(g, embeds, g.op("Unsqueeze", bias, g.const([1, 2], np.int64)), r)
    return at(g, x, -1)
