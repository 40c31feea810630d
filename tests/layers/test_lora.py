"""Low-rank adaptation: only the narrow matrices learn, and they merge into the plain network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import data, layers, losses, models, optim, train

X = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
ROWS = {"inputs": X, "labels": X[:, :3].argmax(1).astype("int32")}
NET = models.mlp((6, 8, 3))


def test_it_starts_as_the_network_learns_and_merges():
    base, state = NET.init(jax.random.key(7))
    expected, _ = NET.apply(base, state, X)
    net = layers.lora(NET, 2, alpha=4.0, base=base)
    tx, loss_fn = optim.adam(0.05), train.supervised(net, losses.cross_entropy)
    start = train.init_state(net, tx, jax.random.key(0))
    np.testing.assert_array_equal(net.apply(start.params, start.state, X)[0], expected)
    end, history = train.fit(
        loss_fn, tx, start, data.Dataset(ROWS), epochs=15, batch_size=16, hooks=()
    )
    assert history[-1]["loss"] < 0.7 * history[0]["loss"]
    jax.tree.map(np.testing.assert_array_equal, end.state["base"], base)
    plain = layers.merge_lora(end.params, end.state)
    y, _ = net.apply(end.params, end.state, X)
    np.testing.assert_allclose(NET.apply(plain, state, X)[0], y, 1e-6, 1e-6)
    down, up = end.params["0/kernel"]["down"], end.params["0/kernel"]["up"]
    np.testing.assert_allclose(plain[0]["kernel"], base[0]["kernel"] + 2 * down @ up, 1e-5, 1e-6)
    np.testing.assert_array_equal(plain[0]["bias"], base[0]["bias"])


def test_where_chooses_stacked_kernels_too():
    net = models.transformer_encoder(8, 3, n_heads=2, n_layers=2)
    attention = lambda path, w: path.endswith("attention/qkv/kernel")
    adapted = layers.lora(net, 1, where=attention)
    params, state = adapted.init(jax.random.key(0))
    shapes = jax.tree.map(jnp.shape, params)
    assert shapes == {"blocks/attention/qkv/kernel": {"down": (2, 8, 1), "up": (2, 1, 24)}}
    x = jnp.ones((3, 5, 8))
    plain, _ = net.apply(state["base"], state["layer"], x)
    np.testing.assert_array_equal(adapted.apply(params, state, x)[0], plain)


def test_wrong_calls_are_named(key):
    with pytest.raises(ValueError, match="rank is 0"):
        layers.lora(NET, 0)
    with pytest.raises(ValueError, match="where selects nothing"):
        layers.lora(NET, 2, where=lambda path, w: False).init(key)
    with pytest.raises(ValueError, match="0/bias"):
        layers.lora(NET, 2, where=lambda path, w: "bias" in path).init(key)
    with pytest.raises(ValueError, match="base isn't the network's; they differ in 0/bias"):
        layers.lora(NET, 2, base=models.mlp((6, 9, 3)).init(key)[0]).init(key)
