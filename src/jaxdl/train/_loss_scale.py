"""Dynamic loss scaling: small gradients in float16 come through, and what overflows is skipped."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxdl import _checks
from jaxdl.types import Array


class LossScale(NamedTuple):
    """The state of ``dynamic_loss_scale``."""

    scale: Array  # float32, what the loss is multiplied by
    steps: Array  # int32, how many in turn had a finite gradient at this scale
    skipped: Array  # int32, how many hadn't, from the start on
    inner: Any  # the state of the optimizer within


def dynamic_loss_scale(
    tx: optax.GradientTransformation, *, scale: float = 2.0**15, period: int = 2000
) -> optax.GradientTransformationExtraArgs:
    """Lets an optimizer learn from gradients in float16, whose smallest number is 6e-8.

    The step multiplies the loss by a scale on the way back and divides the gradient by it, which
    changes nothing but what is lost below the smallest number. A gradient that isn't finite is
    skipped, parameters and the optimizer's state stay as they were, and the scale is halved; after
    ``period`` finite ones in turn it is doubled.

    Args:
        tx: the optimizer.
        scale: what to begin with.
        period: how many finite gradients it takes to double the scale.

    Returns:
        A gradient transformation for ``make_step`` and ``fit``, for a loss with
        ``compute_dtype=jnp.float16``. Its state is a ``LossScale``.

    Raises:
        ValueError: if ``period`` isn't a positive integer, or ``scale`` not a positive number.

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

    def init(params: Any) -> LossScale:
        return LossScale(jnp.float32(scale), jnp.int32(0), jnp.int32(0), tx.init(params))

    def update(
        grads: Any, state: LossScale, params: Any = None, **extra: Any
    ) -> tuple[Any, LossScale]:
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


def scale_of(opt_state: Any) -> Array | None:
    """The scale in an optimizer's state, None where it has none.

    Example:
        >>> scale_of(dynamic_loss_scale(optax.sgd(1.0), scale=8.0).init(()))
        Array(8., dtype=float32)
    """
    is_scale = lambda x: isinstance(x, LossScale)
    found = [x for x in jax.tree.leaves(opt_state, is_leaf=is_scale) if is_scale(x)]
    return found[0].scale if found else None
