"""Schedules give the rates of torch.optim.lr_scheduler, and plateaus are seen when it sees them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from golden import make_optimizers
from jaxdl import optim
from tables import optimizers as T

OURS = [case for case in T.SCHEDULES if not case.shown]


@functools.cache
def golden():
    with np.load(make_optimizers.PATH) as stored:
        return dict(stored)


@pytest.mark.parametrize("case", T.SCHEDULES, ids=lambda case: case.id)
def test_is_pytorch(case):
    counts = jnp.arange(T.COUNTS, dtype=jnp.int32)
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):  # for optax's own
        rates = jax.jit(jax.vmap(case.ours))(counts)
    np.testing.assert_allclose(rates, golden()[f"schedule {case.id}"], rtol=case.bound, atol=1e-15)


@pytest.mark.parametrize("case", OURS, ids=lambda case: case.id)
def test_counts_of_any_kind(case):
    for n in (0, 1, 7, 59):
        rates = [case.ours(kind(n)) for kind in (int, np.int64, jnp.int32, jnp.uint8)]
        np.testing.assert_allclose(rates, golden()[f"schedule {case.id}"][n], rtol=3e-6, atol=1e-7)
        assert all(rate.dtype == jnp.float32 and rate.shape == () for rate in rates)


@pytest.mark.parametrize(
    ("schedule", "period"),
    [
        (optim.cyclic(0.1, 0.5, step_size_up=700, step_size_down=300), 1000),
        (optim.cosine_annealing(0.5, T_max=500), 1000),
        (optim.cosine_warm_restarts(0.5, T_0=1000), 1000),
    ],
)
def test_late_counts_lose_no_digits(schedule, period):
    for n in (1, 333, 999):
        assert schedule(jnp.int32(2_000_000 * period + n)) == schedule(n)


def test_small_rates_near_the_end_keep_their_digits():
    """In float32, against the same in float64: first + (then − first)·share ends in noise."""
    schedules = (
        lambda: optim.one_cycle(1.0, 1000),
        lambda: optim.one_cycle(1.0, 1000, anneal_strategy="linear"),
        lambda: optim.cosine_annealing(1.0, T_max=1000, eta_min=1e-7),
        lambda: optim.cosine_warm_restarts(1.0, T_0=1000, eta_min=1e-7),
    )
    counts = jnp.array([700, 990, 997, 998, 999])
    for make in schedules:
        narrow = jax.vmap(make())(counts)
        with jax.enable_x64(True):
            wide = jax.vmap(make())(counts)
        np.testing.assert_allclose(narrow, wide, rtol=2e-5)
    assert optim.cosine_annealing(0.3, T_max=1000, eta_min=1e-7)(1000) == np.float32(1e-7)


def test_restarts_reach_the_last_count():
    schedule = optim.cosine_warm_restarts(1.0, T_0=1, T_mult=2)
    for k in (1, 10, 29, 30):
        assert schedule(2**k - 1) == 1.0
        np.testing.assert_allclose(schedule(jnp.int32(2**k - 1 + 2 ** (k - 1))), 0.5, atol=1e-6)
    assert 0 <= float(schedule(jnp.int32(2**31 - 1))) <= 1


def test_one_cycle_stays_after_its_end():
    schedule = optim.one_cycle(0.5, 20)
    assert schedule(19) == schedule(20) == schedule(10_000)


def test_traced_rates():
    rates = jnp.array([0.1, 0.5])
    for make in (
        lambda rate: optim.cosine_annealing(rate, T_max=5),
        lambda rate: optim.cosine_warm_restarts(rate, T_0=5, T_mult=2),
        lambda rate: optim.one_cycle(rate, 9),
        lambda rate: optim.cyclic(0.0, rate, step_size_up=3),
    ):
        got = jax.vmap(lambda rate, make=make: make(rate)(2))(rates)
        np.testing.assert_allclose(got, [make(0.1)(2), make(0.5)(2)], rtol=1e-6)


@pytest.mark.parametrize("name", T.PLATEAUS)
def test_plateaus_are_those_of_pytorch(name):
    options = dict(T.PLATEAUS[name])
    options |= {"min_scale": options.pop("min_lr", 0.0)}
    with jax.enable_x64(True):
        tx = optim.reduce_on_plateau(**options)
        state, g = tx.init(jnp.ones(2)), jnp.ones(2)
        step = lambda state, value: tx.update(g, state, value=value)[::-1]
        _, updates = jax.lax.scan(step, state, jnp.asarray(T.VALUES))
        expected = golden()[f"plateau {name}"]
    np.testing.assert_allclose(updates, np.stack([expected] * 2, axis=1), rtol=1e-12)
    assert len(set(expected)) > 1


def test_plateau_of_epochs():
    # Three updates make a measurement: their mean, and no drop before the third.
    tx = optim.reduce_on_plateau(patience=0, factor=0.5, accumulation_size=3)
    state, scales = tx.init(()), []
    for value in (1.0, 2.0, 3.0, 0.0, 5.0, 1.1, 0.0, 0.0, 0.0):
        _, state = tx.update((), state, value=jnp.float32(value))
        scales.append(float(state.scale))
    assert scales == [1.0] * 5 + [0.5] * 4
    assert float(state.best) == 0.0


def test_plateau_takes_nan_for_bad_and_runs_in_a_chain():
    tx = optax.chain(optim.adam(0.1), optim.reduce_on_plateau(patience=1, factor=0.5))
    params = {"a": jnp.ones(2, jnp.bfloat16), "b": jnp.ones(2)}
    state = tx.init(params)
    for value in (1.0, jnp.nan, jnp.nan):
        updates, state = jax.jit(tx.update)(params, state, params, value=value)
    assert float(state[1].scale) == 0.5 and float(state[1].best) == 1.0
    assert updates["a"].dtype == jnp.bfloat16 and updates["b"].dtype == jnp.float32


def test_table_of_equals_is_up_to_date():
    with open(optim.__file__) as file:
        assert file.read() == T.written(), "run tests/tables/optimizers.py"
