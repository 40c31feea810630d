"""Networks as ONNX give the network's numbers under onnxruntime; needs the extra [onnx]."""

import json
import sys
import tomllib
import types
from importlib import metadata
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from interop.known import KNOWN, drawn
from jaxdl import interop, layers, models, serial
from jaxdl.interop import _onnx
from jaxdl.interop._export import with_batch
from jaxdl.interop._flat_program import flat_program
from zoo import ZOO, example

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
    "gru, both ways": (layers.gru(3, 4, depth=2, bidirectional=True), (5, 3), "float32"),
    "encoder": (models.transformer_encoder(8, 3, n_heads=2, n_layers=2), (5, 8), "float32"),
    "lm": (models.transformer_lm(11, length=6, n_features=8, n_heads=2, n_layers=2), (6,), "int32"),
    "vit": (
        models.vit((16, 16, 3), 5, patch_size=4, n_layers=2, n_heads=2, n_features=8),
        (16, 16, 3),
        "float32",
    ),
    "dropout": (layers.dropout(0.5), (4,), "float32"),
}  # fmt: skip


def prepared(name, n):
    if name in KNOWN:
        net, x = KNOWN[name]
        return net, *drawn(net), np.resize(x, (n, *x.shape[1:]))
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
@pytest.mark.parametrize("name", [*NETS, *KNOWN])
def test_onnxruntime_gives_the_numbers(name, batch, tmp_path):
    pytest.importorskip("jax2onnx")
    runtime = pytest.importorskip("onnxruntime")
    net, params, state, x = prepared(name, 2)
    path = tmp_path / "net.onnx"
    assert interop.to_onnx(path, net, params, state, x, batch=batch, classes=["a", "b"]) < 1e-5
    session = runtime.InferenceSession(path)
    np.testing.assert_allclose(
        session.run(None, {"x": x})[0], net.apply(params, state, x)[0], 1e-4, 1e-5
    )
    assert json.loads(session.get_modelmeta().custom_metadata_map["classes"]) == ["a", "b"]


NOT_WRITTEN = {"conv on volumes": "Unsupported conv layouts"}
"""Of the zoo, with jax2onnx's own words."""


@pytest.mark.slow
@pytest.mark.parametrize("row", ZOO, ids=lambda row: row.name)
def test_rows_of_the_zoo_are_onnx_of_any_batch(row, tmp_path):
    pytest.importorskip("jax2onnx")
    params, state = jax.jit(row.layer.init)(jax.random.key(0, impl="rbg"))
    write = lambda: interop.to_onnx(tmp_path / "x.onnx", row.layer, params, state, example(row, 2))
    if row.name in NOT_WRITTEN:
        with pytest.raises(ValueError, match=f"jax2onnx can't .*{NOT_WRITTEN[row.name]}"):
            write()
    else:
        assert write() < 1e-5


def test_the_versions_that_jax2onnx_asks_for_are_among_ours():
    """Otherwise pip can't install the extra [onnx]; it asks for Orbax below 0.11.37, say."""
    pytest.importorskip("jax2onnx")
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    needs = map(Requirement, project["dependencies"])
    ours = {canonicalize_name(r.name): r.specifier for r in needs}
    for asked in map(Requirement, metadata.requires("jax2onnx") or ()):
        lower = lambda specifier: [s.version for s in specifier if s.operator == ">="]
        both = asked.specifier & ours.get(canonicalize_name(asked.name), asked.specifier)
        assert not lower(both) or any(map(both.contains, lower(both))), asked


def test_without_jax2onnx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax2onnx", None)
    net, params, state, x = prepared("mlp", 1)
    with pytest.raises(ImportError, match=r"interop.to_onnx needs jax2onnx: .*\[onnx\]"):
        interop.to_onnx("never.onnx", net, params, state, x)


def test_outputs_of_any_size_are_compared(monkeypatch):
    """MobileNet's are of 1e-7 on random weights, where a tenth more isn't to be rounding."""
    tenth_more = types.SimpleNamespace(run=lambda outputs, given: [1.1 * 1e-7 * given["x"]])
    monkeypatch.setattr(_onnx, "_session", lambda function, data: tenth_more)
    x = np.ones((3, 2), "float32")
    with pytest.raises(ValueError, match=r"for 3 rows the file is off by 0\.1"):
        _onnx._difference(b"", lambda x: 1e-7 * x, x)
    assert _onnx._difference(b"", lambda x: 1.1e-7 * x, x) < 1e-6
    assert _onnx._difference(b"", lambda x: 0 * x, 0 * x) == 0


def test_a_product_that_sums_over_nothing_sums_over_one_entry():
    """jax2onnx writes the letter of the batch twice for an outer product of rows."""
    outer = lambda x: jnp.einsum("bi,bj->bij", x, x)
    x = jnp.arange(6.0).reshape(2, 3)
    flat = flat_program(outer, x)
    (eqn,) = (e for e in jax.make_jaxpr(flat)(x).eqns if e.primitive.name == "dot_general")
    assert eqn.params["dimension_numbers"][0] == ((2,), (2,))
    np.testing.assert_array_equal(flat(x)[0], outer(x))


def test_a_bias_is_broadcast_with_all_its_axes():
    """jax2onnx takes the first axis of a slice for that of what it is broadcast to."""
    net, params, state, x = prepared("gru", 2)
    rows = with_batch(jax.ShapeDtypeStruct(x.shape, x.dtype), "dynamic")
    program = jax.make_jaxpr(flat_program(lambda x: net.apply(params, state, x)[0], rows))(rows)
    for eqn in program.eqns:
        shape = eqn.params.get("shape", ())
        if eqn.primitive.name == "broadcast_in_dim" and shape and not isinstance(shape[0], int):
            assert not eqn.invars[0].aval.shape or 0 in eqn.params["broadcast_dimensions"]
