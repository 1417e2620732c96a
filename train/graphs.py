"""The backbone's ONNX graphs of a bundle: lm, head, pointer, support, decode. Shapes: docs/bundle.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from train.onnxgraph import F16, F32, I32, I64, MS, Graph, MatMul, Precision, layer_norm, linear, projector, quantise_columns, rms_norm
from train.weights import Backbone

POINTER_STARTS = 8  # words that the pointer looks for an end from


def backbone_graph(folder: Path, b: Backbone, adapter: dict, limit: int, precision: Precision, name: str, shared: dict) -> list[str]:
    """lm.onnx, explicit.onnx or tell.onnx. `b` has the adapter merged already; `adapter` gives the latents and the action head."""
    g = Graph(folder, name, shared)
    H, V, L, D = b.hidden, b.vocab, b.kv_heads, b.head_dim
    half = precision.name == "fp16"
    mm, cache = MatMul(g, precision), F16 if half else F32
    ids = g.input("input_ids", I64, [1, "T"])
    inject = g.input("inject", F32, ["K", H])
    rows = g.input("rows", I64, ["R"])
    seqlens = g.input("seqlens_k", I32, [1])
    total = g.input("total_length", I32, [])

    # Embedding: the vocabulary's table, and after it the latents and the injected rows.
    v = g.const(V, np.int64)
    extra = g.op("GreaterOrEqual", ids, v)
    plain_id = g.op("Where", extra, g.const(0, np.int64), ids)
    if precision.of("embed") == "int8":
        q, scale = quantise_columns(b.embed.T, 8)
        plain = g.op("Cast", g.op("Gather", g.const(q.T), plain_id), to=F32)
        plain = g.op("Mul", plain, g.op("Gather", g.const(scale[:, None]), plain_id))
    elif half:
        plain = g.op("Cast", g.op("Gather", g.const(b.embed, np.float16), plain_id), to=F32)
    else:
        plain = g.op("Gather", g.const(b.embed), plain_id)
    table = g.op("Concat", g.const(adapter["latents"], np.float32), inject, axis=0)
    extra_id = g.op("Max", g.op("Sub", ids, v), g.const(0, np.int64))
    x = g.op("Where", g.op("Unsqueeze", extra, g.const([-1], np.int64)), g.op("Gather", table, extra_id), plain)

    inv = 1.0 / b.rope_theta ** (np.arange(0, D, 2, dtype=np.float64) / D)
    angle = np.outer(np.arange(limit), inv)
    kind = np.float16 if half else np.float32
    cos, sin = g.const(np.cos(angle), kind), g.const(np.sin(angle), kind)

    def head_norm(x: str, w: np.ndarray, heads: int) -> str:
        """Qwen3 normalises each head of the queries and keys."""
        x = g.op("Reshape", x, g.const([0, 0, heads, D], np.int64))
        return g.op("Reshape", rms_norm(g, x, w, b.eps, kind), g.const([0, 0, heads * D], np.int64))

    # The residual stream is float32 in every precision: some tokens' activations are too large for half floats.
    for i, layer in enumerate(b.layers):
        past = [g.input(f"past_{part}_{i}", cache, [1, L, "L", D]) for part in ("key", "value")]
        bias = np.concatenate([layer["q_b"], layer["k_b"], layer["v_b"]]) if "q_b" in layer else None
        w = np.concatenate([layer["q"], layer["k"], layer["v"]], 1)
        qkv = mm(rms_norm(g, x, layer["input_norm"], b.eps), w, "qkv", bias, half=True)
        q, k, val = g.op("Split", qkv, g.const([b.heads * D, L * D, L * D], np.int64), axis=-1, out=3)
        if "q_norm" in layer:
            q, k = head_norm(q, layer["q_norm"], b.heads), head_norm(k, layer["k_norm"], L)
        present = [f"present_key_{i}", f"present_value_{i}"]
        a, _, _ = g.op(
            "GroupQueryAttention", q, k, val, *past, seqlens, total, cos, sin, out=[f"attention_{i}", *present],
            domain=MS, num_heads=b.heads, kv_num_heads=L, do_rotary=1, rotary_interleaved=0,
        )  # fmt: skip
        for part in present:
            g.alias_output(part, cache, [1, L, "L", D])
        if i == len(b.layers) - 1:  # from here on only the wanted rows
            a, x = g.op("Gather", a, rows, axis=1), g.op("Gather", x, rows, axis=1)
        x = g.op("Add", x, mm(a, layer["o"], "o", layer.get("o_b")))
        w = np.concatenate([layer["gate"], layer["up"]], 1)
        gate_up = mm(rms_norm(g, x, layer["post_norm"], b.eps), w, "gate_up", half=True)
        width = layer["gate"].shape[1]
        gate, up = g.op("Split", gate_up, g.const([width, width], np.int64), axis=-1, out=2)
        x = g.op("Add", x, mm(g.op("Mul", g.op("Mul", gate, g.op("Sigmoid", gate)), up), layer["down"], "down"))
    states = g.op("Squeeze", rms_norm(g, x, b.norm, b.eps), g.const([0], np.int64))
    g.output(states, "states", F32, ["R", H])
    g.output(linear(g, states, adapter["action.weight"].T, adapter["action.bias"]), "action", F32, ["R", 2])
    return g.save()


def head_graph(folder: Path, b: Backbone, precision: Precision) -> list[str]:
    """head.onnx: log-probabilities of the next ordinary token."""
    g = Graph(folder, "head.onnx")
    states = g.input("states", F32, ["R", b.hidden])
    head = b.embed if b.head is None else b.head
    logits = MatMul(g, precision)(states, np.ascontiguousarray(head.T), "head")
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


def support_graph(folder: Path, hidden: int, a: dict) -> list[str]:
    """support.onnx: how likely each passage read is one that the answer rests on. See `Support` in train/model.py."""
    g = Graph(folder, "support.onnx")
    think = g.input("think_state", F32, [1, hidden])
    states = g.input("passage_states", F32, [1, "P", hidden])
    part = lambda x, name: linear(  # noqa: E731
        g,
        layer_norm(g, x, a["support.norm.weight"], a["support.norm.bias"], 1e-5),
        a[f"support.{name}.weight"].T,
        a[f"support.{name}.bias"],
    )
    q = g.op("Unsqueeze", part(think, "q"), g.const([1], np.int64))
    dot = g.op("ReduceSum", g.op("Mul", part(states, "k"), q), g.const([-1], np.int64), keepdims=0)
    logits = g.op("Add", g.op("Div", dot, g.const(8.0, np.float32)), g.const(a["support.bias"], np.float32))
    g.output(g.op("Sigmoid", logits), "support", F32, [1, "P"])
    return g.save()


def decode_graph(folder: Path, hidden: int, a: dict, m: int, n: int) -> list[str]:
    """decode.onnx: the two projectors that turn latents back into the backbone's input space."""
    g = Graph(folder, "decode.onnx")
    think, query = g.input("think_states", F32, [1, m, hidden]), g.input("query_states", F32, [1, n, hidden])
    g.output(projector(g, think, a, "thought"), "thought", F32, [1, m, hidden])
    g.output(projector(g, query, a, "subquery"), "subquery", F32, [1, n, hidden])
    return g.save()
