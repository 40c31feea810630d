"""Every optimizer takes the steps of its twin in torch.optim."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from golden import make_optimizers
from jaxdl import optim
from tables import optimizers as T

# Each row is compiled once and run for a moment.
QUICK = {"xla_backend_optimization_level": 0}


@functools.cache
def golden():
    with np.load(make_optimizers.PATH) as stored:
        return dict(stored)


def trajectory(row, dtype, steps=None):
    """The parameters after each step, and the state after the last."""
    start = {name: jnp.asarray(x, dtype) for name, x in T.START.items()}
    params = {name: x for name, x in start.items() if row.only in (None, name)}
    loss = lambda params: T.loss(**(start | params), like=lambda x: jnp.asarray(x, dtype))
    tx = optax.with_extra_args_support(row.make())

    def step(carry, present):
        params, state = carry
        value, grads = jax.value_and_grad(loss)(params)
        if row.sparse:
            grads = jax.tree.map(lambda g: jnp.where(present, g, 0.0), grads)
        updates, state = tx.update(grads, state, params, value=value, value_fn=loss)
        params = optax.apply_updates(params, updates)
        return (params, state), params

    present = jnp.asarray(T.ROWS_PRESENT[: max(row.stored)])
    scan = jax.jit(jax.lax.scan, static_argnums=0, compiler_options=QUICK)
    (_, state), path = scan(step, (params, tx.init(params)), present)
    return path, state


def distance(path, row):
    """The largest difference from PyTorch, relative to the largest parameter of the step."""
    index = np.array(row.stored) - 1
    ratios = []
    for name, array in path.items():
        expected = golden()[f"{row.id}|{name}"]
        axes = tuple(range(1, expected.ndim))
        difference = np.abs(np.asarray(array)[index] - expected).max(axes)
        ratios.append(difference / np.abs(expected).max(axes))
    return np.max(ratios)


@pytest.mark.parametrize("row", T.ROWS, ids=lambda row: row.id)
def test_float64(row):
    with jax.enable_x64(True):
        path, _ = trajectory(row, "float64")
    assert all(array.dtype == "float64" for array in path.values())
    assert distance(path, row) <= row.bound


@pytest.mark.parametrize("row", T.PLAIN, ids=lambda row: row.id)
def test_float32(row):
    path, _ = trajectory(row, "float32")
    assert all(array.dtype == "float32" for array in path.values())
    assert distance(path, row) <= row.bound32


def test_asgd_averages_as_pytorch_does():
    for row in (row for row in T.ROWS if row.fn is optim.asgd):
        with jax.enable_x64(True):
            _, state = trajectory(row, "float64")
        state = state[-1] if "maximize" in row.options else state
        for name, mean in state.memory.items():
            np.testing.assert_allclose(mean, golden()[f"{row.id}|mean {name}"], rtol=1e-12)


def test_muon_is_near_pytorch_in_bfloat16():
    row = next(row for row in T.ROWS if row.fn is optim.muon)
    path, _ = trajectory(row, "float32")
    got = np.asarray(path["kernel"])[np.array(row.stored) - 1]
    # A step of PyTorch's is off by about 1.6 %, and the gradients after it are others.
    error = np.abs(got - golden()["muon in bfloat16"]).max((1, 2))
    assert (error <= 0.02 * row.learning_rate * np.array(row.stored)).all()
    assert error.max() > 1e-4  # where this is exact, the golden values are not PyTorch's own
