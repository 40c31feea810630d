"""Laws of every optimizer: it runs wherever an optax transformation runs, in every dtype."""

from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import optim
from jaxdl.optim._rectified import average_length
from tables import optimizers as T

BY_LOSS = {optim.lbfgs}  # its update asks for the loss
MATRICES = {optim.muon}
FNS = [row.fn for row in T.PLAIN if row.fn not in BY_LOSS]
RATED = [fn for fn in FNS if fn is not optim.rprop]  # whose rate may be a schedule
DECAYED = [optim.adam, optim.sgd, optim.rmsprop, optim.adagrad, optim.adadelta, optim.adamax]
each = lambda fns: pytest.mark.parametrize("fn", fns, ids=lambda fn: fn.__name__)


def problem(dtype=jnp.float32):
    """Parameters and three gradients of them, the last with zeros."""
    params = {"a": {"kernel": jnp.array([[1.0, -2.0], [0.5, 3.0]], dtype)}}
    params["b"] = {"kernel": jnp.array([[0.1, 0.2, -0.3]], dtype)}
    factors = (1.0, -0.5, 0.0)
    return params, [jax.tree.map(lambda p, f=f: jnp.asarray(f, dtype) * p, params) for f in factors]


def run(tx, params, grads, update=None):
    state = tx.init(params)
    for g in grads:
        updates, state = (update or tx.update)(g, state, params)
        params = optax.apply_updates(params, updates)
    return params, state


def assert_close(a, b, rtol=1e-5):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol, rtol), a, b)


@each(FNS)
def test_numbers_of_numpy_keep_dtypes(fn):
    options: dict[str, Any] = {"weight_decay": np.float64(0.1)} if fn in DECAYED else {}
    if fn is optim.adam:
        options["betas"] = (np.float64(0.9), np.float64(0.99))
    with jax.enable_x64(True):
        params, grads = problem()
        tx = fn(np.float64(0.1), **options)
        types = lambda state: jax.tree.map(lambda x: x.dtype, state)
        after = jax.eval_shape(lambda *given: run(tx, *given)[1], params, grads)
        assert types(after) == types(tx.init(params))


def test_nesterov_takes_injected_options():
    params, grads = problem()
    tx = optax.inject_hyperparams(optim.sgd)(learning_rate=0.1, momentum=0.9, nesterov=True)
    plain = optim.sgd(0.1, momentum=0.9, nesterov=True)
    assert_close(run(tx, params, grads)[0], run(plain, params, grads)[0])


@each(FNS)
def test_jit_is_eager(fn):
    tx, (params, grads) = fn(0.1), problem()
    assert_close(run(tx, params, grads), run(tx, params, grads, jax.jit(tx.update)))


@each(FNS)
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.float32])
def test_dtypes_stay_and_memory_is_wide(fn, dtype):
    tx, (params, grads) = fn(0.1), problem(dtype)
    state = tx.init(params)
    updates, after = jax.eval_shape(tx.update, grads[0], state, params)
    shape = lambda tree: jax.tree.map(lambda x: (x.shape, x.dtype), tree)
    assert shape(state) == shape(after)
    assert shape(updates) == shape(params)
    floats = [x for x in jax.tree.leaves(after) if jnp.issubdtype(x.dtype, jnp.floating)]
    assert all(x.dtype == jnp.float32 for x in floats)


@each(FNS)
def test_bfloat16_is_float32_rounded(fn):
    narrow, narrow_grads = problem(jnp.bfloat16)
    wide = jax.tree.map(lambda x: x.astype(jnp.float32), (narrow, narrow_grads[0]))
    updates = fn(0.1).update(narrow_grads[0], fn(0.1).init(narrow), narrow)[0]
    expected = fn(0.1).update(wide[1], fn(0.1).init(wide[0]), wide[0])[0]
    if fn is not optim.adafactor:  # whose ε₁ is that of the dtype
        jax.tree.map(
            lambda u, e: np.testing.assert_array_equal(u, e.astype(jnp.bfloat16)), updates, expected
        )
    assert all(x.dtype == jnp.bfloat16 for x in jax.tree.leaves(updates))


def test_second_moment_is_not_stuck_in_bfloat16():
    tx, params = optim.adam(0.0), jnp.zeros(1, jnp.bfloat16)
    step = lambda state, _: (tx.update(jnp.ones_like(params), state, params)[1], None)
    state, _ = jax.lax.scan(step, tx.init(params), None, length=3000)
    np.testing.assert_allclose(state.memory.nu, 1 - 0.999**3000, rtol=1e-4)


@each(RATED)
def test_vmap_over_learning_rates(fn):
    params, grads = problem()
    rates = jnp.array([0.0, 0.03, 0.3])
    together = jax.jit(jax.vmap(lambda rate: run(fn(rate), params, grads)[0]))(rates)
    for i, rate in enumerate(rates):
        one = run(fn(float(rate)), params, grads)[0]
        assert_close(jax.tree.map(lambda x, i=i: x[i], together), one)


def test_vmap_over_every_number():
    params, grads = problem()
    cases: dict[Callable, dict] = {
        optim.adam: {"betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1},
        optim.sgd: {"momentum": 0.5, "dampening": 0.1, "weight_decay": 0.1},
        optim.rmsprop: {"alpha": 0.5, "eps": 1e-3, "momentum": 0.5, "weight_decay": 0.1},
        optim.nadam: {"betas": (0.5, 0.9), "eps": 1e-3, "momentum_decay": 0.1},
        optim.radam: {"betas": (0.5, 0.9), "eps": 1e-3},
        optim.adafactor: {"beta2_decay": -0.5, "eps": (1e-3, 0.1), "d": 2.0, "weight_decay": 0.1},
        optim.asgd: {"lambd": 0.1, "alpha": 0.5, "t0": 1.0},
        optim.rprop: {"etas": (0.4, 1.3), "step_sizes": (1e-3, 1.0)},
        optim.adagrad: {"lr_decay": 0.1, "eps": 1e-3, "initial_accumulator_value": 0.1},
        optim.adadelta: {"rho": 0.8, "eps": 1e-3},
        optim.muon: {"momentum": 0.5, "weight_decay": 0.1, "eps": 1e-3},
        optim.sparse_adam: {"betas": (0.5, 0.9), "eps": 1e-3},
        optim.adamax: {"betas": (0.5, 0.9), "eps": 1e-3},
    }
    for fn, options in cases.items():
        traced = jax.jit(lambda options, fn=fn: run(fn(0.1, **options), params, grads)[0])
        assert_close(traced(options), run(fn(0.1, **options), params, grads)[0])


@each(RATED)
def test_schedule_counts_from_zero(fn):
    params, grads = problem()
    rate = lambda count: jnp.where(count < 1, 0.1, 0.0)
    once = run(fn(0.1), params, grads[:1])[0]
    tx = fn(rate)
    first, state = run(tx, params, grads[:1])
    assert_close(first, once)
    assert int(state.count) == 1
    # asgd still averages, and all others rest.
    assert_close(tx.update(grads[1], state, first)[0], jax.tree.map(jnp.zeros_like, params))


@each(FNS)
def test_in_a_chain_and_in_parts(fn):
    params, grads = problem()
    chained = optax.chain(optax.scale(2.0), fn(0.1), optax.scale(0.5))
    twice = [jax.tree.map(lambda g: 2 * g, g) for g in grads]
    expected = fn(0.1).update(twice[0], fn(0.1).init(params), params)[0]
    got = chained.update(grads[0], chained.init(params), params)[0]
    assert_close(got, jax.tree.map(lambda u: u / 2, expected))
    parts = optax.partition({"a": fn(0.1), "b": optax.set_to_zero()}, {"a": "a", "b": "b"})
    moved, _ = run(parts, params, grads)
    assert_close(moved["a"], run(fn(0.1), params["a"], [g["a"] for g in grads])[0])
    assert jnp.array_equal(moved["b"]["kernel"], params["b"]["kernel"])


@each(FNS)
def test_injected_hyperparameters(fn):
    params, grads = problem()
    static = ("ns_steps",) if fn is optim.muon else ()
    tx = optax.inject_hyperparams(fn, static_args=static)(learning_rate=0.1)
    with jax.numpy_dtype_promotion("standard"):  # optax's own arithmetic
        got, state = run(tx, params, grads, jax.jit(tx.update))
    assert_close(got, run(fn(0.1), params, grads)[0])
    np.testing.assert_allclose(state.hyperparams["learning_rate"], 0.1)


def test_momentum_on_a_schedule():
    # PyTorch's OneCycleLR with cycle_momentum, by hand: b ← μ_t·b + g.
    rate, momentum = optim.one_cycle(0.1, 10), optim.one_cycle(0.85, 10, div_factor=0.85 / 0.95)
    tx = optax.inject_hyperparams(optim.sgd)(learning_rate=rate, momentum=momentum)
    params, state, theta, b = jnp.ones(1), tx.init(jnp.ones(1)), 1.0, 0.0
    with jax.numpy_dtype_promotion("standard"):
        for n in range(5):
            updates, state = tx.update(params, state, params)
            params = optax.apply_updates(params, updates)
            b = float(momentum(n)) * b + theta
            theta -= float(rate(n)) * b
    np.testing.assert_allclose(params, theta, rtol=1e-5)


@each(DECAYED)
def test_weight_decay_joins_the_gradient(fn):
    params, grads = problem()
    joined = optax.chain(optax.add_decayed_weights(0.1), fn(0.1))
    got = run(fn(0.1, weight_decay=0.1), params, grads)[0]
    assert_close(got, run(joined, params, grads)[0])


@each(FNS)
def test_odd_trees(fn):
    for params in ({}, (), {"a": None, "b": [jnp.ones((2, 2))]}, jnp.ones((2, 2))):
        updates, _ = fn(0.1).update(params, fn(0.1).init(params), params)
        chex.assert_trees_all_equal_structs(updates, params)
    if fn not in MATRICES:
        scalar, empty = jnp.ones(()), jnp.zeros((0, 3))
        updates, _ = fn(0.1).update((scalar, empty), fn(0.1).init((scalar, empty)), (scalar, empty))
        assert np.isfinite(updates[0]) and updates[1].shape == (0, 3)


@each(FNS)
def test_zero_gradients_give_no_nan(fn):
    params, _ = problem()
    zeros = jax.tree.map(jnp.zeros_like, params)
    moved, state = run(fn(0.1), params, [zeros] * 3)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves((moved, state)))


@each(FNS)
def test_state_may_be_donated(fn):
    tx, (params, grads) = fn(0.1), problem()
    step = jax.jit(lambda p, s, g: tx.update(g, s, p), donate_argnums=(0, 1))
    step(params, tx.init(params), grads[0])


def test_gradient_descent_is_the_lectures():
    params, grads = problem()
    moved, _ = run(optim.gradient_descent(0.3), params, grads[:1])
    by_hand = jax.tree.map(lambda p, g: p - 0.3 * g, params, grads[0])
    jax.tree.map(np.testing.assert_array_equal, moved, by_hand)


def test_optax_accumulation_is_the_large_batch():
    params, grads = problem()
    mean = jax.tree.map(lambda *g: sum(g) / 3, *grads)
    with jax.numpy_dtype_promotion("standard"):  # optax's own arithmetic
        small, _ = run(optax.MultiSteps(optim.adamw(0.1), 3), params, grads)
    assert_close(small, run(optim.adamw(0.1), params, [mean])[0])


def test_bias_correction_is_exact_in_float32():
    tx, params = optim.adam(0.1, betas=(0.9, 0.9999), eps=0.0), jnp.zeros(1)
    step = lambda state, _: tx.update(jnp.ones(1), state, params)[::-1]
    _, updates = jax.lax.scan(step, tx.init(params), None, length=200)
    # Of a constant gradient every step is η; optax's are off by 1.7e-4 of it.
    np.testing.assert_allclose(updates, -0.1, rtol=5e-6)


@pytest.mark.parametrize("b2", [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999])
def test_length_of_the_average_keeps_its_digits(b2):
    t = np.unique(np.logspace(0, 6, 200).astype(int))
    ages = np.arange(400_000)
    weights = b2 ** ages.astype(float)
    averages = np.cumsum(ages * weights) / np.cumsum(weights)
    exact = 1 + 2 * averages[np.minimum(t, len(ages)) - 1]
    got = average_length(b2, jnp.asarray(t, jnp.float32))
    np.testing.assert_allclose(got, exact, rtol=2e-6)


def test_centered_rmsprop_stays_finite():
    tx, params = optim.rmsprop(0.1, centered=True), jnp.zeros(1)
    step = lambda state, _: tx.update(jnp.full(1, 1e3), state, params)[::-1]
    _, updates = jax.lax.scan(step, tx.init(params), None, length=300)
    assert np.isfinite(updates).all()


@pytest.mark.parametrize("fn", [optim.adam, optim.adamax, optim.sparse_adam, optim.nadam])
def test_betas_of_0_leave_the_last_gradient_alone(fn):
    """A + w·(b − a) is not b at w = 1: after a gradient of 1e8, one of 1 was lost in float32."""
    tx, params = fn(0.1, betas=(0.0, 0.0)), jnp.zeros((1, 1))
    _, state = run(tx, params, [jnp.full((1, 1), 1e8), jnp.ones((1, 1))])
    assert state.memory.mu == 1.0


def test_weights_of_1_are_exact_elsewhere_too():
    grads = [jnp.full((1, 1), 1e4), jnp.ones((1, 1))]
    last = lambda tx: run(tx, jnp.zeros((1, 1)), grads)[1]
    assert last(optim.adafactor(beta2_decay=0.0)).memory.row == 1.0
    assert last(optim.rmsprop(alpha=0.0, centered=True)).memory.mu == 1.0
    tx = optim.rmsprop(0.1, alpha=0.0, centered=True, eps=1e-3)
    moved, _ = run(tx, jnp.zeros(2), [jnp.array([3.3, 0.0])] * 3)
    np.testing.assert_allclose(moved, [-0.1 * 3 * 3.3 / 1e-3, 0], rtol=1e-5)


def test_rprop_of_small_gradients():
    # The product of these is 0 in float32, which PyTorch takes for no sign.
    tx, params = optim.rprop(0.1), jnp.zeros(1)
    _, state = run(tx, params, [jnp.full(1, 1e-30)] * 2)
    np.testing.assert_allclose(state.memory.size, 0.12)
