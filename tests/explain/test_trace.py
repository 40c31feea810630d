"""What is seen of a forward pass, against the layers computed one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from explain.networks import NAMES, case
from jaxdl import activations, explain, layers, models, serial
from jaxdl.types import Layer


@pytest.mark.parametrize("name", NAMES)
def test_output_is_the_networks(name):
    net, params, state, x, _, _ = case(name)
    seen = explain.trace(net, params, state, x)
    np.testing.assert_allclose(seen.output, net.apply(params, state, x)[0], rtol=1e-6, atol=1e-6)
    assert len({row.label for row in seen.layers}) == len(seen.layers) > 0


def test_pre_activations_and_activations_of_a_chain():
    dense, relu, last = layers.dense(3, 4), activations.relu, layers.dense(4, 2)
    net = serial(dense, relu, last)
    params, state = net.init(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (5, 3))
    first, second = explain.trace(net, params, state, x).layers
    z, _ = dense.apply(params[0], (), x)
    np.testing.assert_array_equal(first.inputs, x)
    np.testing.assert_allclose(first.z, z, rtol=1e-6)
    np.testing.assert_allclose(first.a, relu(z), rtol=1e-6)
    np.testing.assert_allclose(second.z, last.apply(params[2], (), relu(z))[0], rtol=1e-5)
    np.testing.assert_array_equal(second.a, second.z)
    assert (first.activation, second.activation) == ("relu", "")


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("two of one name", ["1 dense(4, 4)", "2 dense(4, 4)"]),
        ("repeat", ["1 dense(4, 4)", "2 dense(4, 4)", "3 dense(4, 4)"]),
        ("frozen", ["1 dense(4, 4)", "2 dense(4, 4)"]),
        ("remat", ["1 dense(4, 4)", "2 dense(4, 4)"]),
        ("a function", ["0′ tanh"]),
    ],
)  # fmt: skip
def test_every_layer_is_listed_once(name, labels):
    net, params, state, x, _, _ = case(name)
    assert [row.label for row in explain.trace(net, params, state, x).layers] == labels


def test_what_a_combinator_does_stands_behind_its_layers():
    net, params, state, x, _, _ = case("branch")
    labels = [row.label for row in explain.trace(net, params, state, x).layers]
    assert labels[:2] == ["1 dense(4, 3)", "2 dense(4, 3)"] and labels[2].startswith("2′ branch(")


def test_what_mixes_numbers_is_no_activation():
    mixing = (activations.softmax, lambda x: x[..., ::-1], lambda x: jnp.cumsum(x, axis=-1))
    for f in (*mixing, lambda x: x - x.mean(axis=-1, keepdims=True)):
        net = serial(layers.dense(3, 3), f)
        params, state = net.init(jax.random.key(0))
        assert len(explain.trace(net, params, state, jnp.ones((3, 3))).layers) == 2


NAMED = ["relu", "gelu", "selu", "sigmoid", "hardtanh", "softsign", "mish", "rrelu"]


@pytest.mark.parametrize("name", NAMED)
def test_activations_belong_to_the_layer_before(name):
    net = serial(layers.dense(3, 3), getattr(activations, name))
    params, state = net.init(jax.random.key(0))
    (row,) = explain.trace(net, params, state, jnp.ones((3, 3))).layers
    assert row.activation == name


def test_dead_units():
    net = serial(layers.dense(1, 4), activations.relu, layers.dense(4, 1))
    kernel, bias = jnp.array([[1.0, -1.0, 0.0, 0.0]]), jnp.array([0.0, 0.0, 1.0, -1.0])
    params = (
        {"kernel": kernel, "bias": bias},
        (),
        {"kernel": jnp.ones((4, 1)), "bias": jnp.ones(1)},
    )
    x = jnp.array([[1.0], [3.0]])
    dead = explain.dead_units(net, params, ((), (), ()), x)
    assert {name: mask.tolist() for name, mask in dead.items()} == {
        "1 dense(1, 4)": [False, True, False, True]
    }
    alive = explain.dead_units(net, params, ((), (), ()), jnp.array([[1.0], [-3.0]]))
    assert alive["1 dense(1, 4)"].tolist() == [False, False, False, True]


def test_channels_of_an_image_are_units():
    net = serial(layers.conv(1, 2, (3, 3)), activations.relu)
    params, state = net.init(jax.random.key(0))
    params[0]["bias"] = jnp.array([-100.0, 100.0])
    (row,) = explain.trace(net, params, state, jnp.ones((2, 5, 5, 1))).layers
    assert row.dead.tolist() == [True, False]


def test_a_step_function_lets_no_gradient_through():
    net = models.perceptron(2)
    params, state = net.init(jax.random.key(0))
    row = explain.trace(net, params, state, jnp.ones((5, 2))).layers[-1]
    assert row.activation == "step" and row.dead.shape == () and bool(row.dead)


def test_a_layer_without_a_name():
    own = Layer(lambda key: ({"w": jnp.ones(3)}, ()), lambda p, s, x, **_: (x * p["w"][None], s))
    params, state = own.init(jax.random.key(0))
    (row,) = explain.trace(own, params, state, jnp.ones((2, 3))).layers
    assert row.label == "1 layer"


def test_tokens_and_half_precision():
    net = serial(layers.embedding(7, 4), layers.dense(4, 3), activations.gelu)
    params, state = net.init(jax.random.key(0))
    tokens = jnp.array([[1, 2], [3, 4]])
    first, second = explain.trace(net, params, state, tokens).layers
    np.testing.assert_array_equal(first.inputs, tokens)
    assert second.a.shape == (2, 2, 3)
    half = jax.tree.map(lambda p: p.astype(jnp.bfloat16), params)
    assert explain.trace(net, half, state, tokens).layers[1].z.dtype == jnp.bfloat16


def test_table():
    net, params, state, x, _, _ = case("mlp")
    lines = str(explain.trace(net, params, state, x)).splitlines()
    assert lines[0].split()[:3] == ["layer", "activation", "shape"]
    assert len(lines) == 3 and len({len(line) for line in lines}) == 1
