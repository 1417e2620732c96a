import numpy as np
import onnxruntime as ort
import pytest

from train.onnxgraph import F32, Graph, MatMul, Precision, quantise_columns


def run(tmp_path, build, x):
    g = Graph(tmp_path, "t.onnx")
    g.output(build(g, g.input("x", F32, ["M", x.shape[1]])), "y", F32, ["M", None])
    g.save()
    return ort.InferenceSession(str(tmp_path / "t.onnx"), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


@pytest.mark.parametrize("rows", [1, 7, 130])
def test_int8_is_within_two_percent_of_float(tmp_path, rows):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((rows, 576)).astype(np.float32), rng.standard_normal((576, 192)).astype(np.float32)
    y = run(tmp_path, lambda g, v: MatMul(g, Precision())(v, w, "o"), x)
    assert np.abs(y - x @ w).max() < 0.02 * np.abs(x @ w).max()


def test_int8_does_not_saturate_with_extreme_activations_and_weights(tmp_path):
    # Products that a processor without VNNI adds in 16 bits: ±127 weights would be cut off here.
    x, w = np.full((3, 256), 5.0, np.float32), np.full((256, 32), 0.5, np.float32)
    y = run(tmp_path, lambda g, v: MatMul(g, Precision())(v, w, "o"), x)
    np.testing.assert_allclose(y, x @ w, rtol=1e-5)


def test_a_row_does_not_depend_on_its_neighbours(tmp_path):
    rng = np.random.default_rng(1)
    w = rng.standard_normal((576, 64)).astype(np.float32)
    x = rng.standard_normal((8, 576)).astype(np.float32)
    loud = x.copy()
    loud[3] *= 300
    a = run(tmp_path, lambda g, v: MatMul(g, Precision())(v, w, "o"), x)
    b = run(tmp_path, lambda g, v: MatMul(g, Precision())(v, w, "o"), loud)
    keep = [i for i in range(8) if i != 3]
    assert (a[keep] == b[keep]).all()


def test_seven_bits_stay_within_64():
    q, scale = quantise_columns(np.array([[1.0, -2.0], [-1.0, 0.5]]), 7)
    assert np.abs(q).max() == 64 and q.dtype == np.int8
    np.testing.assert_allclose(q * scale, [[1.0, -2.0], [-1.0, 0.5]], atol=0.02)


def test_scalars_stay_scalars_and_content_is_stored_once(tmp_path):
    g = Graph(tmp_path, "t.onnx")
    big = np.ones((64, 64), np.float32)
    assert g.const(big) == g.const(big.copy())
    name = g.const(3, np.int64)
    assert [list(t.dims) for t in g.inits if t.name == name] == [[]]
    assert g.data.tell() == big.nbytes
    g.data.close()
