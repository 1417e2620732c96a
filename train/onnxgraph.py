"""ONNX graphs written node by node from NumPy arrays: the builder, and the parts that several graphs share. No PyTorch.

Int8 here means: weights a scale a column, activations a scale a *row* (a token), never a whole tensor. One scale a tensor
would let the massive activations of the first tokens ruin every other row, and would make a token's result depend on what
else is in the pass. ONNX Runtime has no operator for it; the graph says it with MatMulInteger.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from train.weights import attention_heads

MS = "com.microsoft"
INLINE = 1024  # bytes; larger initialisers go to the data file


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


F32, F16, I64, I32 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT64, TensorProto.INT32


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


def layer_norm(g: Graph, x: str, w: np.ndarray, b: np.ndarray, eps: float) -> str:
    return g.op("LayerNormalization", x, g.const(w, np.float32), g.const(b, np.float32), axis=-1, epsilon=eps)


def rms_norm(g: Graph, x: str, w: np.ndarray, eps: float, kind=np.float32) -> str:
    return g.op("SimplifiedLayerNormalization", x, g.const(w, kind), axis=-1, epsilon=eps, stash_type=1)


MATRICES = ("embed", "qkv", "o", "gate_up", "down", "head")  # of the backbone


@dataclass(frozen=True)
class Precision:
    """How the backbone's matrices are stored and multiplied. Everything else is float32 in every precision."""

    name: str = "int8"  # int8, fp32 or fp16
    bits: int = 7  # of int8
    keep: frozenset[str] = frozenset()  # of MATRICES: left in float32 by int8

    def of(self, matrix: str) -> str:
        return "fp32" if self.name == "int8" and matrix in self.keep else self.name

    @property
    def cache(self) -> str:
        """Element type of keys and values: CUDA's GroupQueryAttention takes half floats alone."""
        return "float16" if self.name == "fp16" else "float32"


class MatMul:
    """y = x @ w + bias in one of the bundle's precisions; `x` and `y` are float32, or half floats where fp16 passes them on."""

    def __init__(self, g: Graph, precision: Precision):
        self.g, self.precision = g, precision

    def __call__(self, x: str, w: np.ndarray, matrix: str, bias: np.ndarray | None = None, half: bool = False) -> str:
        """`half`: the result of fp16 stays in half floats."""
        g, kind = self.g, self.precision.of(matrix)
        if kind == "fp32":
            return linear(g, x, w, bias)
        if kind == "fp16":
            y = g.op("MatMul", g.op("Cast", x, to=F16), g.const(w, np.float16))
            y = y if bias is None else g.op("Add", y, g.const(bias, np.float16))
            return y if half else g.op("Cast", y, to=F32)
        q, scale = quantise_rows(g, x)
        wq, columns = quantise_columns(w, self.precision.bits)
        y = g.op("Cast", g.op("MatMulInteger", q, g.const(wq), g.const(128, np.uint8)), to=F32)
        y = g.op("Mul", g.op("Mul", y, scale), g.const(columns))
        return y if bias is None else g.op("Add", y, g.const(bias, np.float32))


def projector(g: Graph, states: str, a: dict, prefix: str) -> str:
    """[1,n,H] → [1,n,out]: `Projector` of train/model.py."""
    p = {k[len(prefix) + 1 :]: v.astype(np.float32) for k, v in a.items() if k.startswith(prefix + ".")}
    heads = attention_heads(p["o.weight"].shape[0])
    x = layer_norm(g, states, p["in_norm.weight"], p["in_norm.bias"], 1e-5)
    x = linear(g, x, p["inp.weight"].T, p["inp.bias"])
    h = layer_norm(g, x, p["norm1.weight"], p["norm1.bias"], 1e-5)
    h = g.op("Attention", h, g.const(p["qkv.weight"].T), g.const(p["qkv.bias"]), domain=MS, num_heads=heads)
    x = g.op("Add", x, linear(g, h, p["o.weight"].T, p["o.bias"]))
    h = layer_norm(g, x, p["norm2.weight"], p["norm2.bias"], 1e-5)
    h = g.op("BiasGelu", linear(g, h, p["up.weight"].T), g.const(p["up.bias"]), domain=MS)
    x = g.op("Add", x, linear(g, h, p["down.weight"].T, p["down.bias"]))
    return linear(g, x, p["out.weight"].T, p["out.bias"])
