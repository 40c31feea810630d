"""The line search of lbfgs, and what its update asks for."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from golden import make_optimizers
from jaxdl import optim
from jaxdl.optim._wolfe import Point, strong_wolfe
from tables import optimizers as T


def rosenbrock(params):
    x = params["x"]
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


# Compiled once and run for a moment.
quick = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def run(tx, params, steps, loss=rosenbrock):
    def step(carry, _):
        params, state = carry
        value, grads = jax.value_and_grad(loss)(params)
        updates, state = tx.update(grads, state, params, value=value, value_fn=loss)
        return (optax.apply_updates(params, updates), state), None

    return jax.lax.scan(step, (params, tx.init(params)), None, length=steps)[0]


def test_searches_are_those_of_pytorch():
    with np.load(make_optimizers.PATH) as stored, jax.enable_x64(True):
        golden = stored["searches"]

        @quick
        def found(case, first, most):
            def objective(t):
                value, slope = jax.value_and_grad(lambda t: T.line(case, t, jnp.sin))(t)
                return Point(t, value, slope[None], slope)

            one, tolerance = jnp.ones(()), 1e-9
            point, tries = strong_wolfe(
                objective, objective(jnp.zeros(())), first, one, most, tolerance
            )
            return point.t, point.value, tries

        for case, (length, value, tries) in zip(T.LINES, golden, strict=True):
            if np.isnan(length):
                continue
            first, most = T.search(case)
            got = found(jnp.asarray(case), jnp.asarray(first), jnp.int32(most))
            assert int(got[2]) == tries
            np.testing.assert_allclose(got[:2], (length, value), rtol=1e-9)
    assert len(set(golden[np.isfinite(golden[:, 2]), 2])) >= 7


def test_reaches_the_end_of_the_valley():
    tx = optim.lbfgs(line_search_fn="strong_wolfe")
    start = {"x": jnp.array([-1.2, 1.0, -0.5, 0.8])}
    params, state = quick(lambda x: run(tx, x, 5))(start)
    np.testing.assert_allclose(params["x"], 1.0, rtol=1e-3)
    assert 20 < int(state.iterations) <= 100 and int(state.count) == 5


def test_at_the_minimum_nothing_moves():
    params = {"x": jnp.ones(4)}
    tx = optim.lbfgs(line_search_fn="strong_wolfe")
    end, state = run(tx, params, 1)
    assert jnp.array_equal(end["x"], params["x"])
    assert int(state.iterations) == 0


def test_history_keeps_the_last():
    _, state = run(optim.lbfgs(1e-3, history_size=3, max_iter=8), {"x": jnp.zeros(4)}, 2)
    assert int(state.filled) == 3
    np.testing.assert_allclose(
        state.curvatures, 1 / jnp.sum(state.steps * state.changes, axis=1), rtol=1e-5
    )


def test_under_vmap_and_jit():
    tx = optim.lbfgs(line_search_fn="strong_wolfe", max_iter=5)
    starts = jnp.array([[-1.2, 1.0], [3.0, -2.0], [1.0, 1.0]])
    end = lambda x: run(tx, {"x": x}, 2)[0]["x"]
    together, alone = quick(jax.vmap(end))(starts), quick(end)
    for x, got in zip(starts, together, strict=True):
        np.testing.assert_allclose(got, alone(x), rtol=1e-3)


def test_dtypes_side_by_side():
    params = {"a": jnp.ones(2, jnp.bfloat16), "b": jnp.ones((2, 1), jnp.float32)}
    loss = lambda params: sum(jnp.sum(x.astype(jnp.float32) ** 2) for x in params.values())
    end, state = run(optim.lbfgs(0.5, max_iter=4), params, 1, loss)
    assert {name: x.dtype for name, x in end.items()} == {"a": "bfloat16", "b": "float32"}
    assert state.direction.dtype == "float32" and loss(end) < 0.1 * loss(params)


def test_without_value_it_evaluates():
    params, tx = {"x": jnp.zeros(3)}, optim.lbfgs(line_search_fn="strong_wolfe", max_iter=3)
    value, grads = jax.value_and_grad(rosenbrock)(params)
    update = quick(functools.partial(tx.update, value_fn=rosenbrock))
    given = update(grads, tx.init(params), params, value=value)[0]
    found = update(grads, tx.init(params), params)[0]
    assert jnp.array_equal(given["x"], found["x"])


def test_update_needs_the_loss():
    params, tx = jnp.ones(2), optim.lbfgs()
    with pytest.raises(ValueError, match="value_fn"):
        tx.update(params, tx.init(params), params)
