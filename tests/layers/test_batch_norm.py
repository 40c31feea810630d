"""Batch normalisation over devices, with padding, and what becomes of its state."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from golden.compare import quick_jit
from jaxdl import functional, layers

random = np.random.default_rng(0)
PARAMS = {"scale": jnp.linspace(0.5, 2, 6), "bias": jnp.linspace(-1, 1, 6)}
STATE = {"mean": jnp.zeros(6), "variance": jnp.ones(6)}
X = jnp.asarray(random.normal(size=(4, 3, 3, 6)), "float32")


def close(a, b, bound=1e-5):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, bound, bound / 10), a, b)


@quick_jit
def whole(x, where=None):
    """A whole batch's result, statistics, and gradients of x and params."""

    def f(params, x):
        y, state = functional.batch_norm(params, STATE, x, train=True, where=where)
        return jnp.sin(y).sum(), (y, state)

    grads, (y, state) = jax.grad(f, argnums=(0, 1), has_aux=True)(PARAMS, x)
    return y, state, *grads


def split(params, x):
    """The same of a part of a batch that lies along the axis ``data``."""

    def f(params, x):
        y, state = functional.batch_norm(params, STATE, x, train=True, axis_name="data")
        return jnp.sin(y).sum(), (y, state)

    grads, (y, state) = jax.grad(f, argnums=(0, 1), has_aux=True)(params, x)
    return y, state, jax.lax.psum(grads[0], "data"), grads[1]


@pytest.mark.parametrize("runner", ["vmap", "pmap", "shard_map"])
def test_a_batch_over_devices_is_one_batch(runner):
    x = jnp.asarray(random.normal(size=(16, 3, 6)), "float32")
    expected = whole(x)
    if runner == "shard_map":
        mesh = jax.sharding.Mesh(jax.devices(), ("data",))
        rows, same = PartitionSpec("data"), PartitionSpec()
        run = jax.shard_map(
            split,
            mesh=mesh,
            in_specs=(same, rows),
            out_specs=(rows, same, same, rows),
            check_vma=False,
        )
        y, state, of_params, of_x = jax.jit(run)(PARAMS, x)
    else:
        mapped = jax.vmap if runner == "vmap" else jax.pmap
        run = jax.jit(mapped(split, in_axes=(None, 0), axis_name="data"))
        y, state, of_params, of_x = run(PARAMS, x.reshape(8, 2, 3, 6))
        state, of_params = jax.tree.map(lambda a: a[0], (state, of_params))
        y, of_x = y.reshape(x.shape), of_x.reshape(x.shape)
    # Sums over devices are in another order, and the gradients of the scale are near 30.
    close((y, state, of_params, of_x), expected, bound=1e-4)


def test_rows_that_do_not_count_change_nothing():
    x, real = np.asarray(X), np.array([True, True, False, True])
    padded = x[[0, 1, 0, 3]]
    y, state, _, of_x = whole(padded, where=real)
    expected_y, expected_state, _, _ = whole(x[real])
    close((np.asarray(y)[real], state), (expected_y, expected_state))

    def loss(x, where=None):
        y, _ = functional.batch_norm({}, STATE, x, train=True, where=where)
        return jnp.sin(y).sum((1, 2, 3)).sum(where=where)

    grad = quick_jit(jax.grad(loss))
    of_x = np.asarray(grad(padded, real))
    close(of_x[real], grad(x[real]))
    assert not of_x[2].any()


def test_positions_of_a_sequence_can_be_left_out():
    x = jnp.asarray(random.normal(size=(3, 5, 6)), "float32")
    where = jnp.asarray(np.arange(5) < np.array([[5], [2], [3]]))
    _, state = functional.batch_norm({}, STATE, x, train=True, where=where)
    _, expected = functional.batch_norm({}, STATE, x[np.asarray(where)], train=True)
    close(state, expected)


def test_a_batch_of_padding_leaves_the_statistics_alone():
    state = STATE | {"count": jnp.float32(3)}
    options = {"train": True, "where": jnp.zeros(4, bool)}
    y, after = functional.batch_norm({}, state, X, momentum=None, **options)
    jax.tree.map(np.testing.assert_array_equal, after, state)
    assert jnp.isfinite(y).all()


def test_unequal_counts_on_devices_are_one_batch():
    real = jnp.array([True, True, True, False])
    f = functools.partial(functional.batch_norm, {}, STATE, train=True, axis_name="data")
    run = jax.vmap(lambda x, where: f(x, where=where), axis_name="data")
    y, state = run(X.reshape(2, 2, 3, 3, 6), real.reshape(2, 2))
    expected, expected_state = functional.batch_norm({}, STATE, X[:3], train=True)
    close(y.reshape(X.shape)[:3], expected)
    close(jax.tree.map(lambda a: a[0], state), expected_state)


def test_running_statistics_carry_no_gradient():
    def loss(x):
        _, state = functional.batch_norm({}, STATE, x, train=True)
        return functional.batch_norm({}, state, jax.lax.stop_gradient(x))[0].sum()

    assert not jax.grad(loss)(X).any()


def test_state_stays_float32_and_evaluation_takes_one_row(key):
    net = layers.batch_norm(6, momentum=None)
    params, state = net.init(key)
    for batch in (X, 2 * X):
        _, state = net.apply(params, state, batch, train=True)
    assert float(state["count"]) == 2 and state["count"].dtype == jnp.float32
    close(state["mean"], 1.5 * X.mean((0, 1, 2)))
    y, same = net.apply(params, state, X[0, 0, 0])
    expected = (X[0, 0, 0] - state["mean"]) / jnp.sqrt(state["variance"] + 1e-5)
    close(y, expected)
    assert same is state


def test_one_value_a_channel_is_enough_where_devices_share():
    run = jax.vmap(
        lambda x: functional.batch_norm({}, STATE, x, train=True, axis_name="data"),
        axis_name="data",
    )
    close(run(X[:, :1, 0])[0][:, 0], functional.batch_norm({}, STATE, X[:, 0, 0], train=True)[0])


def test_the_error_of_a_single_row_comes_while_tracing(key):
    params, state = layers.batch_norm(6).init(key)
    apply = functools.partial(layers.batch_norm(6).apply, train=True)
    with pytest.raises(ValueError, match="it needs two"):
        jax.eval_shape(apply, params, state, jnp.ones((1, 6)))
