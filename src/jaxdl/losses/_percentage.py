"""Regression losses that measure errors relative to the target."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._ranges import numbers
from jaxdl.losses._arguments import operands
from jaxdl.losses._reduction import Reduction, reduce
from jaxdl.losses._regression import absolute
from jaxdl.types import Array


def mean_absolute_percentage_error(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    eps: ArrayLike = 1e-7,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Error in percent of the target: l = 100·|x − t| / max(|t|, ε), with gradient 0 where x = t.

    Args:
        predictions: x, any shape.
        targets: t, same shape as the predictions.
        eps: ε, the smallest divisor.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        where: mask of entries to include; shape of the predictions or of their leading axes.

    Returns:
        A scalar in percent; for ``"none"``, the shape of the predictions.

    Example:
        >>> mean_absolute_percentage_error(jnp.array([1.5, 9.0]), jnp.array([1.0, 10.0]))
        Array(30., dtype=float32)
    """
    name = "mean_absolute_percentage_error"
    x, t, out = operands(name, where, predictions=predictions, targets=targets)
    (eps,) = numbers(name, x, eps=eps)
    return reduce(100 * absolute((x - t) / jnp.maximum(absolute(t), eps)), reduction, out)


def mean_squared_logarithmic_error(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    eps: ArrayLike = 1e-7,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Squared difference of logarithms: l = (log(1 + x) − log(1 + t))².

    x and t are first clipped from below at ε, so a negative prediction has gradient 0.

    Args:
        predictions: x, any shape.
        targets: t, same shape as the predictions.
        eps: ε, the lower bound of x and t.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which keeps the shape of the predictions.
        where: mask of entries to include; shape of the predictions or of their leading axes.

    Example:
        >>> error = mean_squared_logarithmic_error(jnp.array([1.0]), jnp.array([3.0]))
        >>> bool(jnp.isclose(error, jnp.log(2.0) ** 2))
        True
    """
    name = "mean_squared_logarithmic_error"
    x, t, out = operands(name, where, predictions=predictions, targets=targets)
    (eps,) = numbers(name, x, eps=eps)
    difference = jnp.log1p(jnp.maximum(x, eps)) - jnp.log1p(jnp.maximum(t, eps))
    return reduce(jnp.square(difference), reduction, out)
