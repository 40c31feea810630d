"""Dynamic loss scaling: keeps small float16 gradients and skips overflowing ones."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxdl import _checks
from jaxdl._checked import checked
from jaxdl.types import Array, Params, PyTree


class LossScale(NamedTuple):
    """The state of ``dynamic_loss_scale``."""

    scale: Array  # float32, what the loss is multiplied by
    steps: Array  # int32, consecutive steps with a finite gradient at this scale
    skipped: Array  # int32, total number of steps without one
    inner: PyTree  # the state of the wrapped optimizer


@checked
def dynamic_loss_scale(
    tx: optax.GradientTransformation, *, scale: float = 2.0**15, period: int = 2000
) -> optax.GradientTransformationExtraArgs:
    """Lets an optimizer learn from float16 gradients, whose smallest positive number is 6e-8.

    The step multiplies the loss by a scale before the backward pass and divides the gradient by it
    afterwards, so that small values don't underflow. If a gradient isn't finite, the step leaves
    parameters and optimizer state as they were and halves the scale; after ``period`` consecutive
    finite gradients the scale is doubled.

    Args:
        tx: the optimizer.
        scale: the initial scale.
        period: number of consecutive finite gradients that double the scale.

    Returns:
        A gradient transformation for ``make_step`` and ``fit``, for a loss with
        ``compute_dtype=jnp.float16``. Its state is a ``LossScale``.

    Raises:
        ValueError: if ``period`` isn't a positive integer or ``scale`` isn't a positive number.

    Example:
        >>> tx = dynamic_loss_scale(optax.sgd(1.0))
        >>> params = {"bias": jnp.zeros(1)}
        >>> updates, after = tx.update({"bias": jnp.array([jnp.inf])}, tx.init(params), params)
        >>> float(updates["bias"][0]), float(after.scale), int(after.skipped)
        (0.0, 16384.0, 1)

    Reference:
        Micikevicius et al., "Mixed precision training", 2018.
    """
    _checks.positive_ints("dynamic_loss_scale", period=period)
    if not 0 < scale < float("inf"):
        raise ValueError(f"dynamic_loss_scale: scale is {scale}; it must be a positive number")
    tx = optax.with_extra_args_support(tx)

    def init(params: Params) -> LossScale:
        return LossScale(jnp.float32(scale), jnp.int32(0), jnp.int32(0), tx.init(params))

    def update(
        grads: PyTree, state: LossScale, params: Params = None, **extra: object
    ) -> tuple[PyTree, LossScale]:
        finite = jnp.all(jnp.array([jnp.isfinite(g).all() for g in jax.tree.leaves(grads)]))
        updates, inner = tx.update(grads, state.inner, params, **extra)
        updates = jax.tree.map(lambda u: jnp.where(finite, u, 0), updates)
        inner = jax.tree.map(lambda new, old: jnp.where(finite, new, old), inner, state.inner)
        steps = jnp.where(finite, state.steps + 1, 0)
        grown = jnp.where(steps == period, 2.0 * state.scale, state.scale)
        after = jnp.where(finite, grown, jnp.maximum(state.scale / 2, 1.0))
        skipped = state.skipped + (~finite).astype(jnp.int32)
        return updates, LossScale(after, steps % period, skipped, inner)

    return optax.GradientTransformationExtraArgs(init, update)


def scale_of(opt_state: PyTree) -> Array | None:
    """The scale in an optimizer's state; None if it has none.

    Example:
        >>> scale_of(dynamic_loss_scale(optax.sgd(1.0), scale=8.0).init(()))
        Array(8., dtype=float32)
    """
    is_scale = lambda x: isinstance(x, LossScale)
    found = [x for x in jax.tree.leaves(opt_state, is_leaf=is_scale) if is_scale(x)]
    return found[0].scale if found else None
