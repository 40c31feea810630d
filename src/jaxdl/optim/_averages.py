"""Averages of the parameters over training steps, for use in evaluation."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jaxdl._precision import widen
from jaxdl._ranges import check
from jaxdl.optim._descent import lerp, like
from jaxdl.types import Array, Params, PyTree


class AverageState(NamedTuple):
    """What ema and swa carry."""

    count: Array  # type: ignore[assignment]  # int32, how many updates have been seen
    averaged: Array  # int32, how many of them are in the mean
    mean: Params  # at least float32


def ema(
    decay: ArrayLike = 0.999, *, start: int = 0, every: int = 1
) -> optax.GradientTransformation:
    """Keeps an exponential moving average of the parameters: a ← d·a + (1 − d)·θ, from a = θ.

    Updates pass through unchanged. Put it last, as in ``optax.chain(adam(1e-3), ema(0.999))``, and
    read the average with ``averaged_params``. The average starts as a copy of θ, so it needs no
    bias correction. (``optax.ema`` averages the updates.)

    Args:
        decay: d in [0, 1].
        start: number of updates before averaging starts.
        every: average once every this many updates.

    Returns:
        A gradient transformation whose ``update`` needs ``params``.

    Example:
        >>> tx = optax.chain(optax.sgd(1.0), ema(0.5))
        >>> params = jnp.zeros(1)
        >>> state = tx.init(params)
        >>> for _ in range(2):
        ...     updates, state = tx.update(jnp.full(1, -1.0), state, params)
        ...     params = optax.apply_updates(params, updates)
        >>> params, averaged_params(state, params)
        (Array([2.], dtype=float32), Array([1.5], dtype=float32))

    Reference:
        Polyak and Juditsky, Acceleration of stochastic approximation by averaging, 1992.
    """
    check("ema", decay=decay)
    blend = lambda a, p, n: lerp(a, p, 1 - like(p, decay))
    return average("ema", blend, start, every)


def swa(*, start: int = 0, every: int = 1) -> optax.GradientTransformation:
    """Keeps the mean of the parameters: a ← a + (θ − a)/(n + 1), equally weighted.

    Stochastic weight averaging takes one θ per epoch, late in training: set ``start`` to the steps
    before that, and ``every`` to the steps of an epoch. Put it last in a chain, and read the mean
    with ``averaged_params``. The running statistics of a network don't match the averaged
    parameters: make one pass in training mode to update them.

    Args:
        start: number of updates before averaging starts.
        every: average once every this many updates.

    Returns:
        A gradient transformation whose ``update`` needs ``params``.

    Example:
        >>> tx = optax.chain(optax.sgd(1.0), swa())
        >>> params = jnp.zeros(1)
        >>> state = tx.init(params)
        >>> for _ in range(3):
        ...     updates, state = tx.update(jnp.full(1, -1.0), state, params)
        ...     params = optax.apply_updates(params, updates)
        >>> averaged_params(state, params)
        Array([2.], dtype=float32)

    Reference:
        Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization, 2018.
    """
    return average("swa", lambda a, p, n: lerp(a, p, 1 / (n + 1)), start, every)


def average(
    name: str, blend: Callable[[Array, Array, Array], Array], start: int, every: int
) -> optax.GradientTransformation:
    """Returns the transformation that blends parameters into a mean of n of them."""
    check(name, start=start, every=every)

    def init(params: Params) -> AverageState:
        zero = lambda: jnp.zeros((), jnp.int32)
        mean = jax.tree.map(lambda p: jnp.zeros_like(widen(p)), params)
        return AverageState(zero(), zero(), mean)

    def update(updates: Params, state: AverageState, params: Params | None = None) -> PyTree:
        if params is None:
            raise ValueError(f"{name}: update(updates, state, params) needs params, got None")
        count, n = optax.safe_increment(state.count), state.averaged
        taken = (count > start) & ((count - start) % every == 0)

        def one(a: Array, p: Array) -> Array:
            p = widen(p)
            return jnp.where(taken, jnp.where(n == 0, p, blend(a, p, n.astype(p.dtype))), a)

        mean = jax.tree.map(one, state.mean, optax.apply_updates(params, updates))
        return updates, AverageState(count, n + taken.astype(n.dtype), mean)

    return optax.GradientTransformation(init, update)


def averaged_params(opt_state: PyTree, params: Params) -> Params:
    """Returns the average that ``ema`` or ``swa`` keeps, in the dtypes of the parameters.

    Args:
        opt_state: the state of a transformation that contains ``ema`` or ``swa`` at any depth.
        params: the parameters, returned as they are if nothing has been averaged yet.

    Returns:
        A tree like ``params``.

    Raises:
        ValueError: if ``opt_state`` doesn't hold exactly one average.

    Example:
        >>> params = {"kernel": jnp.ones(2)}
        >>> averaged_params(ema().init(params), params)
        {'kernel': Array([1., 1.], dtype=float32)}
    """
    is_average = lambda x: isinstance(x, AverageState)
    found = [x for x in jax.tree.leaves(opt_state, is_leaf=is_average) if is_average(x)]
    if len(found) != 1:
        raise ValueError(
            f"averaged_params: opt_state holds {len(found)} averages; it must hold one, as"
            " that of optax.chain(optimizer, ema()) does"
        )
    choose = lambda a, p: jnp.where(found[0].averaged > 0, a.astype(p.dtype), p)
    return jax.tree.map(choose, found[0].mean, params)
