"""Sums for regression: absolute and squared errors, and R²."""

from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._precision import widen
from jaxdl._ranges import numbers
from jaxdl.metrics._sums import Mean, mean, weight_of, without_rows
from jaxdl.types import Array


class Variation(NamedTuple):
    """Sums for R² that add up over batches; c is the mean target of a batch."""

    weight: Array  # Σ w
    squares: Array  # Σ w·(t - c)²
    residual: Array  # Σ w·(t - p)²
    centers: Array  # Σ w·(c - shift)
    center_squares: Array  # Σ w·(c - shift)²


def _errors(function: str, predictions: ArrayLike, targets: ArrayLike) -> Array:
    _checks.same_shape(function, predictions=predictions, targets=targets)
    predictions = widen(_checks.array(function, "predictions", predictions))
    targets = widen(_checks.array(function, "targets", targets))
    dtype = jnp.promote_types(predictions.dtype, targets.dtype)
    return predictions.astype(dtype) - targets.astype(dtype)


def mean_absolute_error(
    predictions: ArrayLike, targets: ArrayLike, *, weight: ArrayLike | None = None
) -> Mean:
    """Mean of |p - t|.

    Args:
        predictions: shape (N, …).
        targets: same shape.
        weight: weight of each row or entry, shape (N,) or same shape as ``targets``.

    Returns:
        A Mean.

    Example:
        >>> from jaxdl.metrics import compute
        >>> compute(mean_absolute_error(jnp.array([1.0, 5.0]), jnp.array([2.0, 3.0])))
        1.5
    """
    return mean(abs(_errors("mean_absolute_error", predictions, targets)), weight=weight)


def mean_squared_error(
    predictions: ArrayLike, targets: ArrayLike, *, weight: ArrayLike | None = None
) -> Mean:
    """Mean of (p - t)².

    Args:
        predictions: shape (N, …).
        targets: same shape.
        weight: weight of each row or entry, shape (N,) or same shape as ``targets``.

    Returns:
        A Mean.

    Example:
        >>> from jaxdl.metrics import compute
        >>> compute(mean_squared_error(jnp.array([1.0, 5.0]), jnp.array([2.0, 3.0])))
        2.5
    """
    return mean(jnp.square(_errors("mean_squared_error", predictions, targets)), weight=weight)


def root_mean_squared_error(squared: Mean) -> Array:
    """Root of the mean of (p - t)², in the unit of the targets.

    Args:
        squared: the sums of ``mean_squared_error``.

    Returns:
        A scalar.

    Example:
        >>> root_mean_squared_error(mean_squared_error(jnp.array([1.0, 5.0]), jnp.zeros(2))) ** 2
        Array(13., dtype=float32)
    """
    return jnp.sqrt(jnp.asarray(squared.total) / squared.count)


def variation(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    shift: ArrayLike = 0.0,
    weight: ArrayLike | None = None,
) -> Variation:
    """Sums the squares of targets and residuals, for ``r_squared``.

    Args:
        predictions: shape (N, …).
        targets: same shape.
        shift: a number near the mean of all targets, the same for all batches. Nothing cancels
            within a batch, but the variance between batch means is a difference of sums: below
            1e-7 · (mean - shift)² it is lost in float32 and counts as 0.
        weight: weight of each row or entry, shape (N,) or same shape as ``targets``.

    Returns:
        A Variation.

    Example:
        >>> float(variation(jnp.array([1.0, 5.0]), jnp.array([2.0, 3.0])).residual)
        5.0
    """
    errors = _errors("variation", predictions, targets)
    weight = weight_of("variation", errors, weight)
    errors = without_rows(errors, weight)
    targets = without_rows(widen(targets).astype(errors.dtype), weight)
    (shift,) = numbers("variation", errors, shift=shift)
    heavy = weight.sum()
    first = (targets * weight).sum() / jnp.where(heavy == 0, 1, heavy)
    # A second pass removes the rounding error of the first mean.
    center = first + ((targets - first) * weight).sum() / jnp.where(heavy == 0, 1, heavy)
    apart = without_rows(targets - center, weight)
    off = center - shift
    return Variation(
        weight=heavy,
        squares=(weight * apart**2).sum(),
        residual=(weight * errors**2).sum(),
        centers=heavy * off,
        center_squares=heavy * off**2,
    )


def r_squared(sums: Variation) -> Array:
    """Share of the targets' variance that predictions explain, R²: 1 - Σ(t - p)² / Σ(t - t̄)².

    Args:
        sums: a Variation.

    Returns:
        A scalar: 1 for perfect predictions, 0 if the mean of the targets is predicted throughout.

    Example:
        >>> float(r_squared(variation(jnp.array([1.0, 2.0, 4.0]), jnp.array([1.0, 2.0, 3.0]))))
        0.5
    """
    weight, squares, residual, centers, center_squares = map(jnp.asarray, sums)
    between = center_squares - centers**2 / weight
    lost = 8 * float(jnp.finfo(squares.dtype).eps) * center_squares
    between = jnp.where(between <= lost, 0, between)
    return 1 - residual / (squares + between)
