"""What dense layers and what belongs to them compute, against flax and by hand."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import activations, functional, initializers, layers, models, serial
from jaxdl.types import name_of


def equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def close(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-6), a, b)


def test_dense_is_flax_dense(key):
    params, state = layers.dense(5, 3).init(key)
    x = jax.random.normal(key, (7, 2, 5))
    ours = lambda params, x: layers.dense(5, 3).apply(params, state, x)[0]
    theirs = lambda params, x: nn.Dense(3).apply({"params": params}, x)
    close(ours(params, x), theirs(params, x))
    total = lambda f: jax.grad(lambda p, x: jnp.sin(f(p, x)).sum(), argnums=(0, 1))
    close(total(ours)(params, x), total(theirs)(params, x))


def test_mlp_is_its_formula(key):
    net = models.mlp((4, 6, 5, 2), activation=jnp.tanh)
    params, state = net.init(key)
    x = jax.random.normal(key, (3, 4))
    kernels = [(p["kernel"], p["bias"]) for p in params if p]
    (w1, b1), (w2, b2), (w3, b3) = ((np.asarray(w), np.asarray(b)) for w, b in kernels)
    expected = np.tanh(np.tanh(np.asarray(x) @ w1 + b1) @ w2 + b2) @ w3 + b3
    np.testing.assert_allclose(net.apply(params, state, x)[0], expected, rtol=1e-5, atol=1e-6)


def test_parameter_counts_of_the_lecture_networks(key):
    count = lambda net: sum(p.size for p in jax.tree.leaves(jax.eval_shape(net.init, key)[0]))
    assert count(models.mlp((784, 512, 512, 10))) == 669_706  # PyTorch's quickstart
    assert count(models.mlp((784, 64, 64, 10))) == 55_050  # Keras's guide


@pytest.mark.parametrize(("init", "bound"), [("torch_default", 1.0), ("keras_default", 6**0.5)])
def test_default_initialisations_have_the_bounds_of_their_names(key, init, bound):
    n_in, n_out = 300, 500
    params, _ = layers.dense(n_in, n_out, init=getattr(initializers, init)).init(key)
    fan = n_in if init == "torch_default" else n_in + n_out
    limit = bound / fan**0.5
    extreme = float(jnp.abs(params["kernel"]).max())
    assert 0.999 * limit < extreme <= limit * (1 + 1e-6)
    if init == "torch_default":
        assert 0.98 * limit < float(jnp.abs(params["bias"]).max()) <= limit
    else:
        assert not params["bias"].any()


def test_a_part_of_serial_does_not_depend_on_what_stands_behind_it(key):
    short = serial(layers.dense(5, 4), layers.dense(4, 3)).init(key)[0]
    long = serial(layers.dense(5, 4), layers.dense(4, 3), layers.dense(3, 2)).init(key)[0]
    equal(short, long[:2])


def test_dropout_keeps_the_mean_and_drops_its_share(key):
    y = np.asarray(functional.dropout(key, jnp.ones(200_000), rate=0.3))
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.005)
    assert y.mean() == pytest.approx(1, abs=0.005)
    np.testing.assert_allclose(y[y > 0], 1 / 0.7, rtol=1e-6)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_dropout_at_its_ends(key, rate):
    value = lambda x: functional.dropout(key, x, rate=rate).sum()
    x = jnp.array([1.0, -2.0])
    np.testing.assert_array_equal(functional.dropout(key, x, rate=rate), x * (1 - rate))
    np.testing.assert_array_equal(jax.grad(value)(x), np.full(2, 1 - rate))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.dense(0, 3), r"dense\(0, 3\): n_in is 0"),
        (lambda: layers.dense(3, 2.5), "n_out is 2.5"),
        (lambda: layers.dropout(1.5), "rate is 1.5"),
        (lambda: models.mlp((5,)), "at least two, in and out"),
        (lambda: serial(), "needs layers"),
        (lambda: serial(jnp.tanh, head=jnp.tanh), "by position or all by name"),
        (lambda: serial(3), "not of 3"),
        (lambda: functional.flatten(jnp.ones(3), axes=3), r"last 3 axes got float32\[3\]"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_a_layer_tells_its_name():
    assert name_of(layers.dense(784, 10)) == "dense(784, 10)"
    net = serial(layers.dense(5, 4), activations.relu)
    assert name_of(net) == "serial(dense(5, 4), relu)"
