"""Networks as ONNX give the network's numbers under onnxruntime; needs the extra [onnx]."""

import json
import sys

import jax
import numpy as np
import pytest

from jaxdl import interop, layers, models, serial

NETS = {
    "mlp": (models.mlp((8, 16, 4)), (8,), "float32"),
    "pixels": (
        serial(layers.rescale(1 / 255), layers.flatten(axes=3), models.mlp((16, 3))),
        (4, 4, 1),
        "uint8",
    ),
    "lenet5": (models.lenet5(), (28, 28, 1), "float32"),
    "convnet": (
        models.convnet((12, 12, 2), 4, widths=(4, 8), batch_norm=True), (12, 12, 2), "float32"
    ),
    "resnet": (models.resnet_cifar(8), (16, 16, 3), "float32"),
    "lstm": (layers.lstm(3, 4, depth=2, bidirectional=True), (5, 3), "float32"),
    "gru": (layers.gru(3, 4, last=True), (5, 3), "float32"),
    "encoder": (models.transformer_encoder(8, 3, n_heads=2, n_layers=2), (5, 8), "float32"),
    "lm": (models.transformer_lm(11, length=6, n_features=8, n_heads=2, n_layers=2), (6,), "int32"),
    "vit": (
        models.vit((16, 16, 3), 5, patch_size=4, n_layers=2, n_heads=2, n_features=8),
        (16, 16, 3),
        "float32",
    ),
}  # fmt: skip


def prepared(name, n):
    net, shape, dtype = NETS[name]
    params, state = jax.jit(net.init)(jax.random.key(0))
    random = np.random.default_rng(0)
    draws = (
        random.normal(size=(n, *shape))
        if dtype == "float32"
        else random.integers(11, size=(n, *shape))
    )
    return net, params, state, draws.astype(dtype)


@pytest.mark.slow
@pytest.mark.parametrize("batch", ["dynamic", 2])
@pytest.mark.parametrize("name", NETS)
def test_onnxruntime_gives_the_numbers(name, batch, tmp_path):
    pytest.importorskip("jax2onnx")
    runtime = pytest.importorskip("onnxruntime")
    net, params, state, x = prepared(name, 2)
    path = tmp_path / "net.onnx"
    if (name, batch) == ("gru", "dynamic"):  # jax2onnx loses the batch in a broadcast
        with pytest.raises(ValueError, match="onnxruntime refuses"):
            interop.to_onnx(path, net, params, state, x)
        assert not path.exists()
        return
    assert interop.to_onnx(path, net, params, state, x, batch=batch, classes=["a", "b"]) < 1e-5
    session = runtime.InferenceSession(path)
    np.testing.assert_allclose(
        session.run(None, {"x": x})[0], net.apply(params, state, x)[0], 1e-4, 1e-5
    )
    assert json.loads(session.get_modelmeta().custom_metadata_map["classes"]) == ["a", "b"]


def test_without_jax2onnx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax2onnx", None)
    net, params, state, x = prepared("mlp", 1)
    with pytest.raises(ImportError, match=r"interop.to_onnx needs jax2onnx: .*\[onnx\]"):
        interop.to_onnx("never.onnx", net, params, state, x)
