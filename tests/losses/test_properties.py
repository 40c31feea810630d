"""What holds for every loss on every batch: masks, reductions, and the order of the rows."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.compare import quick_jit
from jaxdl import losses as L
from tables.batches import BATCHES, call, name

WHOLE, KEPT = 6, 4
WITHOUT_REDUCTION = {"cosine_similarity", "pairwise_distance"}


class Results(NamedTuple):
    values: Any
    mean: Any
    sum: Any
    gradients: Any
    gradients_of_mean: Any


few = settings(max_examples=8, deadline=None, derandomize=True)
seeds = st.integers(0, 2**31)
orders = st.permutations(range(WHOLE))
every_loss = pytest.mark.parametrize("row", BATCHES, ids=lambda row: row.id)


@functools.cache
def evaluator(index):
    """Compiled: the values of each reduction, and the gradients by all floating arrays of two."""
    row = BATCHES[index]

    def evaluate(arrays, where):
        floating = [i for i, x in enumerate(arrays) if jnp.issubdtype(x.dtype, jnp.floating)]

        def loss(reduction, *active):
            full = dict(enumerate(arrays)) | dict(zip(floating, active, strict=True))
            full = [full[i] for i in range(len(arrays))]
            return call(row, full, reduction=reduction, where=where)

        def value_and_gradients(reduction):
            of = functools.partial(loss, reduction)
            value, pullback = jax.vjp(of, *(arrays[i] for i in floating))
            return value, pullback(jnp.ones_like(value))

        values, gradients = value_and_gradients("none")
        mean, gradients_of_mean = value_and_gradients("mean")
        return Results(
            values, mean, loss("sum", *(arrays[i] for i in floating)), gradients, gradients_of_mean
        )

    return quick_jit(evaluate)


def evaluate(row, arrays, where=None):
    return jax.device_get(evaluator(BATCHES.index(row))(arrays, where))


def batch(row, seed):
    """Six rows in float32 and int32."""
    single = lambda x: x.astype(np.float32 if x.dtype.kind == "f" else np.int32)
    return tuple(map(single, row.draw(np.random.RandomState(seed % 2**32), WHOLE)))


def spoilt(arrays, rows, filling):
    """The arrays with these rows replaced: numbers by ``filling``, labels by no class at all."""

    def spoil(x):
        x = x.copy()
        x[rows] = filling if x.dtype.kind == "f" else -7
        return x

    return tuple(map(spoil, arrays))


def assert_close(got, expected):
    close = lambda a, b: np.testing.assert_allclose(a, b, 2e-5, 2e-6, equal_nan=False)
    jax.tree.map(close, got, expected)


def test_every_loss_has_a_row():
    public = {each for each, loss in vars(L).items() if callable(loss)}
    assert {name(row) for row in BATCHES} == public - WITHOUT_REDUCTION


@every_loss
@given(seed=seeds, order=orders, filling=st.sampled_from([np.nan, np.inf, -np.inf, 1e30]))
@few
def test_masked_rows_are_left_out_of_value_and_gradient(row, seed, order, filling):
    kept, masked = sorted(order[:KEPT]), order[KEPT:]
    arrays = batch(row, seed)
    where = np.isin(np.arange(WHOLE), kept)
    got = evaluate(row, spoilt(arrays, masked, filling), where)
    expected = evaluate(row, tuple(x[kept] for x in arrays))
    assert (got.values[masked] == 0).all()
    assert_close(got._replace(values=got.values[kept])[:3], expected[:3])
    for gradient, left in zip(jax.tree.leaves(got[3:]), jax.tree.leaves(expected[3:]), strict=True):
        assert (gradient[masked] == 0).all()
        assert_close(gradient[kept], left)


@every_loss
@given(seed=seeds)
@few
def test_mean_and_sum_are_those_of_the_values(row, seed):
    arrays = tuple(x[:KEPT] for x in batch(row, seed))
    got = evaluate(row, arrays)
    assert_close(got.sum, got.values.sum())
    assert_close(got.mean, row.mean(got.values, *arrays))


@every_loss
@given(seed=seeds, order=orders, kept=st.lists(st.booleans(), min_size=WHOLE, max_size=WHOLE))
@few
def test_the_order_of_the_rows_does_not_count(row, seed, order, kept):
    arrays, where = batch(row, seed), np.array([*kept[1:], True])  # not nothing
    plain = evaluate(row, arrays, where)
    moved = evaluate(row, tuple(x[order] for x in arrays), where[order])
    by_row = lambda results: (results.values, results[3:])
    assert_close(by_row(moved), jax.tree.map(lambda x: x[order], by_row(plain)))
    assert_close((moved.mean, moved.sum), (plain.mean, plain.sum))


@pytest.mark.parametrize("log_target", [False, True])
def test_what_neither_distribution_has_adds_nothing_to_their_divergence(log_target):
    x = jnp.array([[0.0, -jnp.inf], [jnp.log(0.5), jnp.log(0.5)]])
    t = jnp.array([[1.0, 0.0], [0.5, 0.5]])
    t = jnp.log(t) if log_target else t
    values, pullback = jax.vjp(
        lambda x, t: L.kl_div(x, t, log_target=log_target, reduction="none"), x, t
    )
    np.testing.assert_allclose(values, 0, atol=1e-7)
    assert all(jnp.isfinite(grad).all() for grad in pullback(jnp.ones_like(x)))
