"""Weights of one byte give nearly the numbers, and go where other weights go."""

import chex
import jax
import numpy as np
import pytest

from interop.known import KNOWN, drawn
from interop.torch_networks import difference
from jaxdl import interop, layers, models

pytest.importorskip("qwix")


def size(tree):
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


NETS = {
    "mlp": (models.mlp((64, 128, 10)), np.random.default_rng(0).normal(size=(3, 64))),
    "encoder": (
        models.transformer_encoder(32, 3, n_heads=2, n_layers=2),
        np.random.default_rng(0).normal(size=(2, 5, 32)),
    ),
    "crepe": KNOWN["crepe"],
}


@pytest.mark.parametrize("name", NETS)
def test_a_quarter_of_the_size_gives_nearly_the_numbers(name, tmp_path):
    net, x = NETS[name]
    x = np.asarray(x, "float32")
    params, state = drawn(net)
    small, rounded = interop.int8(net, params)
    assert size(rounded) < 0.4 * size(params)
    expected, _ = jax.jit(net.apply)(params, state, x)
    found, _ = jax.jit(small.apply)(rounded, state, x)
    assert 0 < difference(found, expected) < 0.03
    interop.save_weights(tmp_path / "small.safetensors", rounded)
    again = interop.load_weights(tmp_path / "small.safetensors", rounded)
    jax.tree.map(np.testing.assert_array_equal, again, rounded)
    program = interop.export(small, rounded, state, x)
    assert difference(program.call(x), found) < 1e-5


def test_every_column_is_within_half_a_step():
    net = layers.dense(64, 8)
    params, _ = net.init(jax.random.key(0))
    params["kernel"] *= np.logspace(-3, 3, 8)[None]  # columns of all sizes
    small, rounded = interop.int8(net, params)
    step = rounded["kernel"]["scale"]
    np.testing.assert_allclose(step[0], abs(params["kernel"]).max(0) / 127.5, 1e-6)
    off = abs(rounded["kernel"]["int8"] * step - params["kernel"]) / step
    assert off.max() <= 0.5001
    like = jax.eval_shape(small.init, jax.random.key(0))[0]
    chex.assert_trees_all_equal_structs(like, rounded)


def test_what_cannot_be_is_named():
    net = layers.dense(64, 8)
    params, state = net.init(jax.random.key(0))
    with pytest.raises(ValueError, match="bias is neither a kernel nor an embedding"):
        interop.int8(net, params, where=lambda path, leaf: True)
    with pytest.raises(ValueError, match="where chooses no kernel"):
        interop.int8(net, params, where=lambda path, leaf: False)
    small, rounded = interop.int8(net, params)
    with pytest.raises(ValueError, match="is for inference"):
        small.apply(rounded, state, np.ones((1, 64)), train=True)
