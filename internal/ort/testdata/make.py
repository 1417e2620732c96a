"""Writes the small ONNX graphs of this package's tests, and the device probe.

python make.py        (needs the onnx package)
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
FLOAT, INT32, INT64, BOOL, DOUBLE = (
    TensorProto.FLOAT,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.BOOL,
    TensorProto.DOUBLE,
)


def info(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def save(path, nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, list(initializers))
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)


def probe():
    """y = x, one float: run to see whether a device works."""
    save(
        HERE.parent / "probe.onnx",
        [helper.make_node("Identity", ["x"], ["y"])],
        [info("x", FLOAT, [1])],
        [info("y", FLOAT, [1])],
    )


def affine():
    """sum = a + b, product = a * b, over any number of rows of two."""
    save(
        HERE / "affine.onnx",
        [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Mul", ["a", "b"], ["product"])],
        [info("a", FLOAT, ["rows", 2]), info("b", FLOAT, ["rows", 2])],
        [info("sum", FLOAT, ["rows", 2]), info("product", FLOAT, ["rows", 2])],
    )


def kinds():
    """An int64, an int32 and a scalar in; int64, int32 and float out; and an output of a type that is not supported."""
    save(
        HERE / "kinds.onnx",
        [
            helper.make_node("Add", ["wide", "wide"], ["wide2"]),
            helper.make_node("Add", ["narrow", "scalar"], ["narrow2"]),
            helper.make_node("Cast", ["wide"], ["real"], to=FLOAT),
            helper.make_node("Cast", ["wide"], ["double"], to=DOUBLE),
        ],
        [info("wide", INT64, ["n"]), info("narrow", INT32, ["n"]), info("scalar", INT32, [])],
        [info("wide2", INT64, ["n"]), info("narrow2", INT32, ["n"]), info("real", FLOAT, ["n"]), info("double", DOUBLE, ["n"])],
    )


def half():
    """after = before + x in half precision, and the same as float32."""
    save(
        HERE / "half.onnx",
        [
            helper.make_node("Cast", ["x"], ["narrow"], to=TensorProto.FLOAT16),
            helper.make_node("Add", ["before", "narrow"], ["after"]),
            helper.make_node("Cast", ["after"], ["real"], to=FLOAT),
        ],
        [info("before", TensorProto.FLOAT16, ["n"]), info("x", FLOAT, ["n"])],
        [info("after", TensorProto.FLOAT16, ["n"]), info("real", FLOAT, ["n"])],
    )


def endless():
    """y = x after `trips` additions of zero: with a huge count it ends only when it is stopped."""
    zero = numpy_helper.from_array(np.zeros(1, np.float32), "zero")
    body = helper.make_graph(
        [helper.make_node("Identity", ["go_in"], ["go_out"]), helper.make_node("Add", ["x_in", "zero"], ["x_out"])],
        "body",
        [info("i", INT64, []), info("go_in", BOOL, []), info("x_in", FLOAT, [1])],
        [info("go_out", BOOL, []), info("x_out", FLOAT, [1])],
        [zero],
    )
    save(
        HERE / "endless.onnx",
        [
            helper.make_node("Squeeze", ["trips"], ["count"]),
            helper.make_node("Loop", ["count", "go", "x"], ["y"], body=body),
        ],
        [info("x", FLOAT, [1]), info("trips", INT64, [1])],
        [info("y", FLOAT, [1])],
        [numpy_helper.from_array(np.array(True), "go")],
    )


def attention():
    """Causal attention of one head of 8 over a cache of any length: the cache is bound as past and as present."""
    save(
        HERE / "attention.onnx",
        [
            helper.make_node(
                "GroupQueryAttention",
                ["q", "k", "v", "past_key", "past_value", "seqlens_k", "total_length"],
                ["y", "present_key", "present_value"],
                domain="com.microsoft",
                num_heads=1,
                kv_num_heads=1,
            )
        ],
        [info(n, FLOAT, [1, "tokens", 8]) for n in "qkv"]
        + [info("past_key", FLOAT, [1, 1, "cache", 8]), info("past_value", FLOAT, [1, 1, "cache", 8])]
        + [info("seqlens_k", INT32, [1]), info("total_length", INT32, [])],
        [info("y", FLOAT, [1, "tokens", 8]), *(info(n, FLOAT, [1, 1, "cache", 8]) for n in ("present_key", "present_value"))],
    )


def int8():
    """y = x · w with unsigned activations, a scale a row, and signed weights, as the bundles' graphs do it.

    Without VNNI a processor adds two neighbouring products in 16 bits, so
    weights of 8 bits saturate: 2 * 255 * 127 > 32767. Of 7 bits they do not:
    2 * 255 * 64 < 32767.
    """
    rng = np.random.default_rng(0)
    w = rng.integers(-64, 65, (64, 16), dtype=np.int8)
    w[:, 0] = 64
    w[:, 1] = -64
    node = helper.make_node
    save(
        HERE / "int8.onnx",
        [
            node("Abs", ["x"], ["abs"]),
            node("ReduceMax", ["abs", "last"], ["largest"], keepdims=1),
            node("Max", ["largest", "tiny"], ["safe"]),
            node("Div", ["safe", "steps"], ["scale"]),
            node("Div", ["x", "scale"], ["units"]),
            node("Round", ["units"], ["rounded"]),
            node("Add", ["rounded", "zero"], ["shifted"]),
            node("Cast", ["shifted"], ["bytes"], to=TensorProto.UINT8),
            node("MatMulInteger", ["bytes", "w", "zero_point"], ["product"]),
            node("Cast", ["product"], ["product_f"], to=FLOAT),
            node("Mul", ["product_f", "scale"], ["y"]),
        ],
        [info("x", FLOAT, ["rows", 64])],
        [info("y", FLOAT, ["rows", 16])],
        [
            numpy_helper.from_array(np.array([-1], np.int64), "last"),
            numpy_helper.from_array(np.array(1e-9, np.float32), "tiny"),
            numpy_helper.from_array(np.array(127, np.float32), "steps"),
            numpy_helper.from_array(np.array(128, np.float32), "zero"),
            numpy_helper.from_array(np.array(128, np.uint8), "zero_point"),
            numpy_helper.from_array(w, "w"),
        ],
    )
    (HERE / "int8.weights").write_bytes(w.tobytes())


if __name__ == "__main__":
    for make in (probe, affine, kinds, half, endless, attention, int8):
        make()
