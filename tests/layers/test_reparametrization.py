"""Weight and spectral normalisation of layers and networks; PyTorch's values are elsewhere."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import functional, layers, serial
from jaxdl.types import name_of


def close(a, b, bound=1e-5):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, bound, bound), a, b)


def test_weight_norm_starts_as_the_layer_itself(key):
    net = serial(layers.dense(5, 4), jnp.tanh, layers.layer_norm(4), layers.dense(4, 3))
    params, state = net.init(key)
    changed, _ = layers.weight_norm(net).init(key)
    x = jax.random.normal(key, (7, 5))
    close(layers.weight_norm(net).apply(changed, state, x)[0], net.apply(params, state, x)[0])
    assert jax.tree.map(jnp.shape, changed[3]) == {
        "kernel": {"direction": (4, 3), "scale": (3,)},
        "bias": (3,),
    }
    close(changed[2], params[2])  # the scale of layer_norm isn't touched


def test_weight_norm_has_outputs_of_the_lengths_learned_whatever_the_direction(key):
    net = layers.weight_norm(layers.dense(5, 4, bias=False))
    params, state = net.init(key)
    pair = {"direction": 7 * params["kernel"]["direction"], "scale": jnp.arange(1.0, 5)}
    kernel = net.apply({"kernel": pair}, state, jnp.eye(5))[0]
    close(jnp.linalg.norm(kernel, axis=0), jnp.arange(1.0, 5))


def test_weight_norm_is_that_of_flax(key):
    params, _ = layers.weight_norm(layers.dense(5, 4)).init(key)
    x, pair = jax.random.normal(key, (3, 5)), params["kernel"]
    theirs = {
        "layer_instance": {"kernel": pair["direction"], "bias": params["bias"]},
        "layer_instance/kernel/scale": pair["scale"],
    }
    ours = layers.weight_norm(layers.dense(5, 4)).apply(params, (), x)[0]
    close(ours, nn.WeightNorm(nn.Dense(4)).apply({"params": theirs}, x))


def test_spectral_norm_finds_the_largest_singular_value(key):
    net = layers.spectral_norm(layers.dense(20, 30, bias=False), n_iterations=100)
    params, state = net.init(key)
    _, state = net.apply(params, state, jnp.ones(20), train=True)
    kernel = net.apply(params, state, jnp.eye(20))[0]
    assert float(jnp.linalg.norm(kernel, ord=2)) == pytest.approx(1, abs=1e-4)
    largest = jnp.linalg.svd(params["kernel"])[1][0]
    close(kernel, params["kernel"] / largest, 1e-4)


def test_spectral_norm_starts_close_and_improves_in_training_only(key):
    net = layers.spectral_norm(layers.dense(20, 30))
    params, state = net.init(key)
    unbiased = params | {"bias": jnp.zeros(30)}
    norm = lambda state: float(jnp.linalg.norm(net.apply(unbiased, state, jnp.eye(20))[0], ord=2))
    _, same = net.apply(params, state, jnp.ones(20))
    assert same["vectors"] is state["vectors"]
    before = abs(norm(state) - 1)
    assert before < 0.1  # 15 iterations from random vectors
    _, trained = net.apply(params, state, jnp.ones(20), train=True)
    assert abs(norm(trained) - 1) < before
    steps = layers.spectral_norm(layers.dense(20, 30), n_iterations=3)
    for _ in range(2):
        _, trained = net.apply(params, trained, jnp.ones(20), train=True)
    close(steps.apply(params, state, jnp.ones(20), train=True)[1], trained)


def test_spectral_norm_keeps_the_state_of_what_it_wraps(key):
    net = layers.spectral_norm(serial(layers.dense(5, 4), layers.batch_norm(4), layers.dense(4, 2)))
    params, state = net.init(key)
    assert [v["u"].shape for v in state["vectors"]] == [(4,), (2,)]
    x = jax.random.normal(key, (8, 5))
    _, after = jax.jit(net.apply, static_argnames="train")(params, state, x, train=True)
    assert (after["layer"][1]["mean"] != 0).all()
    chex.assert_trees_all_equal_structs(after, state)


def test_reparametrisations_nest_and_learn(key):
    net = layers.weight_norm(serial(layers.dense(3, 3), layers.dense(3, 1)))
    params, state = net.init(key)
    x, y = jax.random.normal(key, (32, 3)), jnp.ones((32, 1))
    loss = lambda params: jnp.square(net.apply(params, state, x)[0] - y).mean()
    before = loss(params)
    step = jax.jit(lambda p: jax.tree.map(lambda p, g: p - 0.1 * g, p, jax.grad(loss)(p)))
    for _ in range(20):
        params = step(params)
    assert float(loss(params)) < 0.5 * float(before)


def test_names_tell_what_is_wrapped():
    assert name_of(layers.weight_norm(layers.dense(3, 2))) == "weight_norm(dense(3, 2))"
    assert name_of(layers.spectral_norm(layers.dense(3, 2))) == "spectral_norm(dense(3, 2))"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda key: layers.weight_norm(layers.layer_norm(3)).init(key),
            r"weight_norm\(layer_norm\(3\)\): the layer has no parameter named kernel",
        ),
        (lambda key: layers.spectral_norm(layers.dropout(0.5)).init(key), "no parameter named"),
        (lambda key: layers.spectral_norm(layers.dense(3, 2), n_iterations=0), "n_iterations is 0"),
        (
            lambda key: functional.weight_norm(jnp.ones((3, 2)), jnp.ones(3)),
            r"scale is float32\[3\] for float32\[3,2\]",
        ),
        (lambda key: functional.weight_norm(jnp.ones(3), jnp.ones(3)), "two axes or more"),
        (lambda key: functional.weight_norm(jnp.ones((3, 2), int), jnp.ones(2)), "floating point"),
        (
            lambda key: functional.spectral_norm(
                jnp.ones((3, 2)), {"u": jnp.ones(3), "v": jnp.ones(2)}
            ),
            r"u float32\[3\] and v float32\[2\] for W \(2, 3\)",
        ),
    ],
)
def test_wrong_calls_are_named(make, message, key):
    with pytest.raises((ValueError, TypeError), match=message):
        make(key)
