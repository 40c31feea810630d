"""What holds for every Layer, and what each one computes, against flax and by hand."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest

from jaxdl import activations, functional, initializers, layers, models, serial
from jaxdl.types import name_of
from zoo import ZOO, example

EVERY = pytest.mark.parametrize("row", ZOO, ids=lambda row: row.name)


def equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def close(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-6), a, b)


@EVERY
def test_init_is_deterministic_and_the_same_under_jit(row, key):
    equal(row.layer.init(key), row.layer.init(key))
    equal(row.layer.init(key), jax.jit(row.layer.init)(key))
    other = row.layer.init(jax.random.key(1))
    leaves = zip(jax.tree.leaves(row.layer.init(key)), jax.tree.leaves(other), strict=True)
    assert not jax.tree.leaves(other) or any(bool((a != b).any()) for a, b in leaves)


@EVERY
def test_eager_is_jit_is_vmap_and_leading_axes_are_batch_axes(row, key):
    params, state = row.layer.init(key)
    x = example(row, 3, 2)
    y, same = row.layer.apply(params, state, x)
    equal(state, same)
    close(jax.jit(row.layer.apply)(params, state, x)[0], y)
    close(jax.vmap(lambda x: row.layer.apply(params, state, x)[0])(x), y)
    one = jnp.stack([row.layer.apply(params, state, x[i, 0])[0] for i in range(3)])
    close(one, y[:, 0])


@EVERY
def test_an_ensemble_is_vmap_over_keys(row):
    keys = jax.random.split(jax.random.key(0), 4)
    params, _ = jax.vmap(row.layer.init)(keys)
    alone, _ = row.layer.init(keys[2])
    close(jax.tree.map(lambda p: p[2], params), alone)


@EVERY
def test_evaluation_needs_no_key_and_training_has_the_same_shapes(row, key):
    params, state = row.layer.init(key)
    x = example(row, 4)
    y, _ = row.layer.apply(params, state, x)
    trained, after = row.layer.apply(params, state, x, key=key, train=True)
    assert trained.shape == y.shape and trained.dtype == y.dtype
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert (row.stochastic or row.across_rows) == bool((trained != y).any())
    if row.stochastic:
        again, _ = row.layer.apply(params, state, x, key=key, train=True)
        equal(trained, again)
        with pytest.raises(ValueError, match=r"\w+\(.*\) needs a key"):
            row.layer.apply(params, state, x, train=True)


@EVERY
def test_gradients_against_finite_differences(row):
    with jax.enable_x64(True):
        params, state = row.layer.init(jax.random.key(0))
        params = jax.tree.map(lambda p: p.astype("float64"), params)
        if row.gives:
            return  # in float32 whatever comes in, and too coarse for differences
        x = example(row, 3, dtype="float64")
        f = lambda params, x=x: row.layer.apply(params, state, x)[0]
        active = (params, x) if row.classes is None else (params,)
        jax.test_util.check_grads(f, active, order=1, eps=1e-6, rtol=1e-6, atol=1e-6)


@EVERY
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_in_half_precision_out(row, key, dtype):
    params, state = row.layer.init(key)
    params = jax.tree.map(lambda p: p.astype(dtype), params)
    y, after = row.layer.apply(params, state, example(row, 4, dtype=dtype), key=key, train=True)
    assert y.dtype == (row.gives or dtype)
    assert jnp.isfinite(y).all()
    types = lambda tree: [leaf.dtype for leaf in jax.tree.leaves(tree)]
    assert types(after) == types(state)  # statistics stay float32


@EVERY
def test_repeated_calls_trace_once(row, key):
    traces = []

    def count(params, state, x):
        traces.append(1)
        return row.layer.apply(params, state, x)

    run = jax.jit(count)
    for seed in range(3):
        params, state = row.layer.init(jax.random.key(seed))
        run(params, state, example(row, 4))
    assert len(traces) == 1


@EVERY
def test_no_tracer_leaks(row, key):
    params, state = row.layer.init(key)
    with jax.checking_leaks():
        jax.jit(row.layer.apply)(params, state, example(row, 4))


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
    count = lambda net: sum(p.size for p in jax.tree.leaves(net.init(key)[0]))
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
        (lambda: models.mlp((5,)), "at least two sizes"),
        (lambda: serial(), "needs layers"),
        (lambda: serial(jnp.tanh, head=jnp.tanh), "by position or all by name"),
        (lambda: serial(3), "not of 3"),
        (lambda: functional.flatten(jnp.ones(3)), r"last 3 axes got float32\[3\]"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_a_layer_tells_its_name():
    assert name_of(layers.dense(784, 10)) == "dense(784, 10)"
    net = serial(layers.dense(5, 4), activations.relu)
    assert name_of(net) == "serial(dense(5, 4), relu)"
