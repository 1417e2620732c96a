"""ONNX graphs of a bundle, written node by node from NumPy arrays. No PyTorch. Shapes: docs/bundle.md.

Int8 here means: weights a scale a column, activations a scale a *row* (a token), never a whole tensor. One scale a tensor
would let the massive activations of the first tokens ruin every other row, and would make a token's result depend on what
else is in the pass. ONNX Runtime has no operator for it; the graph says it with MatMulInteger.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from train.weights import Backbone, Retriever

MS = "com.microsoft"
INLINE = 1024  # bytes; larger initialisers go to the data file
POINTER_STARTS = 8  # words that the pointer looks for an end from


class Graph:
    """Nodes and initialisers under construction. Large initialisers are appended to `<name>.data`, each content once."""

    def __init__(self, folder: Path, name: str, shared: dict | None = None):
        self.folder, self.name = Path(folder), name
        self.nodes, self.inits, self.inputs, self.outputs = [], [], [], []
        self.known: dict[str, str] = {}
        self.count = 0
        self.data = open(self.folder / (name + ".data"), "wb")  # noqa: SIM115 (closed by save)
        self.shared = shared if shared is not None else {}  # digest → (file, offset, length) of other graphs' data

    def input(self, name: str, kind: int, shape: list) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, value: str, name: str, kind: int, shape: list) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def alias_output(self, name: str, kind: int, shape: list) -> None:
        """An output that a node writes under its own name."""
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def const(self, array, dtype=None) -> str:
        array = np.asarray(array, dtype=dtype, order="C")  # not ascontiguousarray: scalars must stay scalars
        digest = hashlib.sha256(str((array.dtype, array.shape)).encode() + array.tobytes()).hexdigest()
        if digest in self.known:
            return self.known[digest]
        name = f"c{len(self.known)}"
        self.known[digest] = name
        if array.nbytes < INLINE:
            self.inits.append(numpy_helper.from_array(array, name))
            return name
        if digest not in self.shared:
            self.data.write(b"\0" * (-self.data.tell() % 4096))
            self.shared[digest] = (self.name + ".data", self.data.tell(), array.nbytes)
            self.data.write(array.tobytes())
        file, offset, length = self.shared[digest]
        t = TensorProto(name=name, data_type=helper.np_dtype_to_tensor_dtype(array.dtype), dims=array.shape)
        t.data_location = TensorProto.EXTERNAL
        for k, v in (("location", file), ("offset", str(offset)), ("length", str(length))):
            t.external_data.add(key=k, value=v)
        self.inits.append(t)
        return name

    def op(self, kind: str, *inputs: str, out: list[str] | int = 1, domain: str = "", **attrs):
        if isinstance(out, int):
            out = [f"v{self.count + i}" for i in range(out)]
            self.count += len(out)
        self.nodes.append(helper.make_node(kind, list(inputs), out, domain=domain, **attrs))
        return out[0] if len(out) == 1 else out

    def save(self) -> list[str]:
        """Write the graph; returns the names of the files."""
        empty = self.data.tell() == 0
        self.data.close()
        g = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.inits)
        m: ModelProto = helper.make_model(
            g, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(MS, 1)], ir_version=9, producer_name="latentask"
        )
        (self.folder / self.name).write_bytes(m.SerializeToString(deterministic=True))
        if empty:
            (self.folder / (self.name + ".data")).unlink()
            return [self.name]
        return [self.name, self.name + ".data"]


F32, I64, I32 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32


# ------------------------------------------------------------------------------------------------------------- helpers


def linear(g: Graph, x: str, w: np.ndarray, b: np.ndarray | None = None) -> str:
    y = g.op("MatMul", x, g.const(w, np.float32))
    return y if b is None else g.op("Add", y, g.const(b, np.float32))


def quantise_rows(g: Graph, x: str) -> tuple[str, str]:
    """→ uint8 activations with zero point 128, and a scale a row (float [..., 1])."""
    top = g.op("ReduceMax", g.op("Abs", x), g.const([-1], np.int64), keepdims=1)
    scale = g.op("Div", g.op("Max", top, g.const(1e-9, np.float32)), g.const(127.0, np.float32))
    q = g.op("Add", g.op("Round", g.op("Div", x, scale)), g.const(128.0, np.float32))
    return g.op("Cast", q, to=TensorProto.UINT8), scale


def quantise_columns(w: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """[in,out] → int8 and a scale a column.

    7 bits are ±64: two products of uint8 × int8 then stay within 16 bits (255·2·64 < 2¹⁵), which is where AVX2 kernels
    add them up; with ±127 they saturate there.
    """
    top = 64 if bits == 7 else 127
    scale = np.maximum(np.abs(w).max(0), 1e-12) / top
    return np.clip(np.round(w / scale), -top, top).astype(np.int8), scale.astype(np.float32)


class MatMul:
    """y = x @ w in the bundle's precision. `x` may be quantised once and used by several."""

    def __init__(self, g: Graph, precision: str, bits: int):
        self.g, self.int8, self.bits = g, precision == "int8", bits

    def __call__(self, x: str, w: np.ndarray) -> str:
        g = self.g
        if not self.int8:
            return linear(g, x, w)
        q, scale = quantise_rows(g, x)
        wq, columns = quantise_columns(w, self.bits)
        y = g.op("Cast", g.op("MatMulInteger", q, g.const(wq), g.const(128, np.uint8)), to=F32)
        return g.op("Mul", g.op("Mul", y, scale), g.const(columns))


# ------------------------------------------------------------------------------------------------------------ backbone


def backbone_graph(folder: Path, b: Backbone, adapter: dict, limit: int, precision: str, bits: int) -> list[str]:
    """lm.onnx. `b` has the adapter merged already; `adapter` gives the latents and the action head."""
    g = Graph(folder, "lm.onnx")
    H, V, L, D = b.hidden, b.vocab, b.kv_heads, b.head_dim
    mm = MatMul(g, precision, bits)
    ids = g.input("input_ids", I64, [1, "T"])
    inject = g.input("inject", F32, ["K", H])
    rows = g.input("rows", I64, ["R"])
    seqlens = g.input("seqlens_k", I32, [1])
    total = g.input("total_length", I32, [])

    # Embedding: the vocabulary's table, and after it the latents and the injected rows.
    v = g.const(V, np.int64)
    extra = g.op("GreaterOrEqual", ids, v)
    plain_id = g.op("Where", extra, g.const(0, np.int64), ids)
    if precision == "int8":
        q, scale = quantise_columns(b.embed.T, 8)
        plain = g.op("Cast", g.op("Gather", g.const(q.T), plain_id), to=F32)
        plain = g.op("Mul", plain, g.op("Gather", g.const(scale[:, None]), plain_id))
    else:
        plain = g.op("Gather", g.const(b.embed), plain_id)
    table = g.op("Concat", g.const(adapter["latents"], np.float32), inject, axis=0)
    extra_id = g.op("Max", g.op("Sub", ids, v), g.const(0, np.int64))
    x = g.op("Where", g.op("Unsqueeze", extra, g.const([-1], np.int64)), g.op("Gather", table, extra_id), plain)

    inv = 1.0 / b.rope_theta ** (np.arange(0, D, 2, dtype=np.float64) / D)
    angle = np.outer(np.arange(limit), inv)
    cos, sin = g.const(np.cos(angle), np.float32), g.const(np.sin(angle), np.float32)

    def norm(x: str, w: np.ndarray) -> str:
        return g.op("SimplifiedLayerNormalization", x, g.const(w), axis=-1, epsilon=b.eps, stash_type=1)

    for i, layer in enumerate(b.layers):
        past = [g.input(f"past_{kind}_{i}", F32, [1, L, "L", D]) for kind in ("key", "value")]
        qkv = mm(norm(x, layer["input_norm"]), np.concatenate([layer["q"], layer["k"], layer["v"]], 1))
        q, k, val = g.op("Split", qkv, g.const([b.heads * D, L * D, L * D], np.int64), axis=-1, out=3)
        present = [f"present_key_{i}", f"present_value_{i}"]
        a, _, _ = g.op(
            "GroupQueryAttention", q, k, val, *past, seqlens, total, cos, sin, out=[f"attention_{i}", *present],
            domain=MS, num_heads=b.heads, kv_num_heads=L, do_rotary=1, rotary_interleaved=0,
        )  # fmt: skip
        for name in present:
            g.alias_output(name, F32, [1, L, "L", D])
        if i == len(b.layers) - 1:  # from here on only the wanted rows
            a, x = g.op("Gather", a, rows, axis=1), g.op("Gather", x, rows, axis=1)
        x = g.op("Add", x, mm(a, layer["o"]))
        gate_up = mm(norm(x, layer["post_norm"]), np.concatenate([layer["gate"], layer["up"]], 1))
        width = layer["gate"].shape[1]
        gate, up = g.op("Split", gate_up, g.const([width, width], np.int64), axis=-1, out=2)
        x = g.op("Add", x, mm(g.op("Mul", g.op("Mul", gate, g.op("Sigmoid", gate)), up), layer["down"]))
    states = g.op("Squeeze", norm(x, b.norm), g.const([0], np.int64))
    g.output(states, "states", F32, ["R", H])
    g.output(linear(g, states, adapter["action.weight"].T, adapter["action.bias"]), "action", F32, ["R", 2])
    return g.save()


def head_graph(folder: Path, b: Backbone, precision: str, bits: int) -> list[str]:
    """head.onnx: log-probabilities of the next ordinary token."""
    g = Graph(folder, "head.onnx")
    states = g.input("states", F32, ["R", b.hidden])
    logits = MatMul(g, precision, bits)(states, np.ascontiguousarray(b.embed.T))
    g.output(g.op("LogSoftmax", logits, axis=-1), "logprobs", F32, ["R", b.vocab])
    return g.save()


def pointer_graph(folder: Path, hidden: int, a: dict) -> list[str]:
    """pointer.onnx: where an answer starts and ends among the words read. See `Pointer` in train/model.py."""
    g = Graph(folder, "pointer.onnx")
    answer = g.input("answer_state", F32, [1, hidden])
    states = g.input("word_states", F32, [1, "W", hidden])
    mask = g.input("word_mask", F32, [1, "W"])
    norm = lambda x: layer_norm(g, x, a["pointer.norm.weight"], a["pointer.norm.bias"], 1e-5)  # noqa: E731
    linear_of = lambda x, name: linear(g, x, a[f"pointer.{name}.weight"].T, a[f"pointer.{name}.bias"])  # noqa: E731
    scaled = lambda x: g.op("Div", x, g.const(8.0, np.float32))  # noqa: E731
    one = g.const([1], np.int64)
    x, q = norm(states), norm(answer)
    s = g.op(
        "ReduceSum",
        g.op("Mul", linear_of(x, "start_k"), g.op("Unsqueeze", linear_of(q, "start_q"), one)),
        g.const([-1], np.int64),
        keepdims=0,
    )
    s = g.op("Where", g.op("Greater", mask, g.const(0.0, np.float32)), scaled(s), g.const(-1e4, np.float32))
    g.output(g.op("LogSoftmax", g.op("Concat", s, linear_of(q, "slots"), axis=1), axis=-1), "start", F32, [1, "S"])
    _, top = g.op("TopK", s, g.const([POINTER_STARTS], np.int64), axis=-1, largest=1, sorted=1, out=2)
    g.output(top, "starts", I64, [1, POINTER_STARTS])
    begun = g.op("Gather", g.op("Squeeze", x, g.const([0], np.int64)), top, axis=0)  # [1,8,H]
    asked = g.op("Add", linear_of(begun, "end_s"), g.op("Unsqueeze", linear_of(q, "end_q"), one))
    ends = g.op("MatMul", asked, g.op("Transpose", linear_of(x, "end_k"), perm=[0, 2, 1]))
    g.output(scaled(ends), "end", F32, [1, POINTER_STARTS, "W"])
    return g.save()


# ----------------------------------------------------------------------------------------------------------- retriever


def encoder_layers(g: Graph, x: str, mask: str, r: Retriever) -> str:
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


def layer_norm(g: Graph, x: str, w: np.ndarray, b: np.ndarray, eps: float) -> str:
    return g.op("LayerNormalization", x, g.const(w, np.float32), g.const(b, np.float32), axis=-1, epsilon=eps)


def pool(g: Graph, x: str, weights: str) -> str:
    """Weighted mean over [B,S,D], to unit length."""
    w = g.op("Unsqueeze", weights, g.const([-1], np.int64))
    one = g.const([1], np.int64)
    mean = g.op("Div", g.op("ReduceSum", g.op("Mul", x, w), one, keepdims=0), g.op("ReduceSum", w, one, keepdims=0))
    length = g.op("ReduceL2", mean, g.const([-1], np.int64), keepdims=1)
    return g.op("Div", mean, g.op("Max", length, g.const(1e-12, np.float32)))


def encoder_graph(folder: Path, r: Retriever, shared: dict) -> list[str]:
    """encoder.onnx: the frozen retriever, as it embeds stored text."""
    g = Graph(folder, "encoder.onnx", shared)
    ids, mask = g.input("input_ids", I64, ["B", "S"]), g.input("attention_mask", I64, ["B", "S"])
    size = g.op("Gather", g.op("Shape", ids), g.const(1, np.int64))
    position = g.op("Slice", g.const(r.position + r.kind), g.const([0], np.int64), g.op("Unsqueeze", size, g.const([0], np.int64)))
    x = g.op("Add", g.op("Gather", g.const(r.word), ids), position)
    x = layer_norm(g, x, *r.norm, r.eps)
    x = encoder_layers(g, x, g.op("Cast", mask, to=I32), r)
    g.output(pool(g, x, g.op("Cast", mask, to=F32)), "vectors", F32, ["B", r.dimension])
    return g.save()


def projector(g: Graph, states: str, a: dict, prefix: str, heads: int = 6) -> str:
    """[1,n,H] → [1,n,out]: see train/model.py."""
    p = {k[len(prefix) + 1 :]: v.astype(np.float32) for k, v in a.items() if k.startswith(prefix + ".")}
    x = layer_norm(g, states, p["in_norm.weight"], p["in_norm.bias"], 1e-5)
    x = linear(g, x, p["inp.weight"].T, p["inp.bias"])
    h = layer_norm(g, x, p["norm1.weight"], p["norm1.bias"], 1e-5)
    h = g.op("Attention", h, g.const(p["qkv.weight"].T), g.const(p["qkv.bias"]), domain=MS, num_heads=heads)
    x = g.op("Add", x, linear(g, h, p["o.weight"].T, p["o.bias"]))
    h = layer_norm(g, x, p["norm2.weight"], p["norm2.bias"], 1e-5)
    h = g.op("BiasGelu", linear(g, h, p["up.weight"].T), g.const(p["up.bias"]), domain=MS)
    x = g.op("Add", x, linear(g, h, p["down.weight"].T, p["down.bias"]))
    return linear(g, x, p["out.weight"].T, p["out.bias"])


def query_graph(folder: Path, r: Retriever, hidden: int, a: dict, n: int, pieces: int, floor: float, shared: dict) -> list[str]:
    """query.onnx: projector, copy head, the retriever's query side. `r` has the trained layers, `a` the rest."""
    g = Graph(folder, "query.onnx", shared)
    D, axis = r.dimension, g.const([1], np.int64)
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
    g.output(gates, "gates", F32, [1, "C"])

    # The highest-gated pieces, in reading order. Equal gates: TopK takes the lower index, so the choice is fixed.
    _, top = g.op("TopK", gates, g.const([pieces], np.int64), axis=-1, largest=1, sorted=1, out=2)
    order, _ = g.op("TopK", top, g.const([pieces], np.int64), axis=-1, largest=0, sorted=1, out=2)
    gate = g.op("GatherElements", gates, order, axis=1)
    piece = g.op("GatherElements", ids, order, axis=1)
    word = g.const(r.word)
    embeds = g.op(
        "Concat",
        g.op("Gather", word, asked),
        projector(g, states, a, "query.projector"),
        g.op("Mul", g.op("Gather", word, piece), g.op("Unsqueeze", gate, g.const([-1], np.int64))),
        axis=1,
    )
    open_ = g.op("Greater", gate, g.const(floor, np.float32))
    kept = g.op("Where", open_, gate, g.const(0.0, np.float32))
    ones = g.op("ConstantOfShape", g.op("Shape", asked), value=numpy_helper.from_array(np.ones(1, np.float32)))
    weights = g.op("Concat", ones, g.const(np.ones((1, n)), np.float32), kept, axis=1)
    size = g.op("Slice", g.op("Shape", embeds), axis, g.const([2], np.int64))
    position = g.op("Slice", g.const(r.position + r.kind), g.const([0], np.int64), size)
    x = layer_norm(g, g.op("Add", embeds, position), *r.norm, r.eps)
    x = encoder_layers(g, x, g.op("Cast", g.op("Greater", weights, g.const(0.0, np.float32)), to=I32), r)
    g.output(pool(g, x, weights), "vector", F32, [1, D])
    return g.save()


def decode_graph(folder: Path, hidden: int, a: dict, m: int, n: int) -> list[str]:
    """decode.onnx: the two projectors that turn latents back into the backbone's input space."""
    g = Graph(folder, "decode.onnx")
    think, query = g.input("think_states", F32, [1, m, hidden]), g.input("query_states", F32, [1, n, hidden])
    g.output(projector(g, think, a, "thought"), "thought", F32, [1, m, hidden])
    g.output(projector(g, query, a, "subquery"), "subquery", F32, [1, n, hidden])
    return g.save()
