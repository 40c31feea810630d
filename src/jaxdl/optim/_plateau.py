"""A learning rate that shrinks when a measured value stops improving."""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from jaxdl._checks import one_of
from jaxdl._ranges import check
from jaxdl.optim._descent import like
from jaxdl.types import Array, Params


class PlateauState(NamedTuple):
    """What reduce_on_plateau carries."""

    scale: Array  # what the updates are multiplied by
    best: Array  # value so far
    bad: Array  # int32, measurements in a row without a better one
    cooldown: Array  # int32, measurements during which none counts as bad
    total: Array  # sum of the values since the last measurement
    count: Array  # type: ignore[assignment]  # int32, how many these are


def reduce_on_plateau(
    *,
    mode: Literal["min", "max"] = "min",
    factor: ArrayLike = 0.1,
    patience: int = 10,
    threshold: ArrayLike = 1e-4,
    threshold_mode: Literal["rel", "abs"] = "rel",
    cooldown: int = 0,
    min_scale: ArrayLike = 0.0,
    eps: ArrayLike = 1e-8,
    accumulation_size: int = 1,
) -> optax.GradientTransformationExtraArgs:
    """Scales updates by s, and s ← max(f·s, least) after more than ``patience`` bad measurements.

    A measurement v is bad unless it beats the best by the threshold ε: v < (1 − ε)·best, or
    v < best − ε for ``"abs"``; for ``"max"``, > and + replace < and −. Put it after the optimizer:
    ``optax.chain(adam(1e-3), reduce_on_plateau())``, and call ``update(…, value=v)``.
    ``optax.contrib.reduce_on_plateau`` reduces one measurement earlier.

    Args:
        mode: ``"min"`` if smaller values are better, ``"max"`` if larger ones are.
        factor: f in (0, 1).
        patience: number of consecutive bad measurements to tolerate.
        threshold: ε ≥ 0.
        threshold_mode: whether ε is relative or absolute.
        cooldown: number of measurements after a reduction that never count as bad.
        min_scale: the least s: PyTorch's ``min_lr`` divided by the learning rate.
        eps: ignore changes of s up to this size: PyTorch's ``eps`` divided by the learning rate.
        accumulation_size: number of updates whose values are averaged into one measurement. Use
            the steps of an epoch to measure once per epoch, as in PyTorch.

    Returns:
        A gradient transformation whose ``update`` needs ``value=``. The scale is in its state.

    Raises:
        ValueError: if ``update`` is called without ``value``.

    Example:
        >>> tx = reduce_on_plateau(factor=0.5, patience=0)
        >>> state = tx.init(jnp.ones(1))
        >>> for loss in (2.0, 1.0, 1.0):
        ...     updates, state = tx.update(jnp.ones(1), state, value=loss)
        >>> updates
        Array([0.5], dtype=float32)
    """
    name = "reduce_on_plateau"
    one_of(name, "mode", mode, ("min", "max"))
    one_of(name, "threshold_mode", threshold_mode, ("rel", "abs"))
    check(name, patience=patience, threshold=threshold, cooldown=cooldown, eps=eps, factor=factor)
    check(name, min_scale=min_scale, accumulation_size=accumulation_size)
    sign = 1 if mode == "min" else -1

    def beats(value: Array, best: Array) -> Array:
        margin = like(value, threshold)
        scaled = best - sign * (margin * best if threshold_mode == "rel" else margin)
        return sign * value < sign * jnp.where(jnp.isinf(best), best, scaled)

    def measure(state: PlateauState) -> PlateauState:
        value = state.total / state.count.astype(state.total.dtype)
        better = beats(value, state.best)
        cooling = state.cooldown > 0
        bad = jnp.where(better | cooling, 0, state.bad + 1)
        drop = bad > patience
        lower = jnp.maximum(state.scale * like(value, factor), like(value, min_scale))
        changed = drop & (state.scale - lower > like(value, eps))
        return PlateauState(
            scale=jnp.where(changed, lower, state.scale),
            best=jnp.where(better, value, state.best),
            bad=jnp.where(drop, 0, bad),
            cooldown=jnp.where(drop, cooldown, jnp.maximum(state.cooldown - 1, 0)),
            total=jnp.zeros_like(state.total),
            count=jnp.zeros_like(state.count),
        )

    def init(params: Params) -> PlateauState:
        zero = lambda: jnp.zeros((), jnp.int32)
        start, number = jnp.full((), sign * jnp.inf, float), jnp.zeros((), float)
        return PlateauState(jnp.ones((), float), start, zero(), zero(), number, zero())

    def update(
        updates: Params,
        state: PlateauState,
        params: Params | None = None,
        *,
        value: ArrayLike | None = None,
        **extra_args: object,  # for other links of a chain
    ) -> tuple[Params, PlateauState]:
        if value is None:
            raise ValueError(f"{name}: update(updates, state, params, value=…) needs value")
        state = state._replace(total=state.total + like(state.total, value), count=state.count + 1)
        full = state.count >= accumulation_size
        state = jax.tree.map(lambda a, b: jnp.where(full, a, b), measure(state), state)
        return jax.tree.map(lambda u: u * like(u, state.scale), updates), state

    return optax.GradientTransformationExtraArgs(init, update)
