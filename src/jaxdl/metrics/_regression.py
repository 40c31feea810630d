"""Sums that compare numbers: absolute and squared errors, and the share of variance explained."""

from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._precision import widen
from jaxdl._ranges import numbers
from jaxdl.metrics._sums import Mean, mean, weight_of, without_rows
from jaxdl.types import Array


class Variation(NamedTuple):
    """What R² needs of targets and predictions, in sums that add up; c is a batch's mean target."""

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
        targets: of the same shape.
        weight: how much each row counts, shape (N,) or that of ``targets``.

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
        targets: of the same shape.
        weight: how much each row counts, shape (N,) or that of ``targets``.

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
        squared: sums of ``mean_squared_error``.

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
    """Sums squares of targets and of what predictions leave of them.

    Args:
        predictions: shape (N, …).
        targets: of the same shape.
        shift: a number near the mean of all targets, the same for all batches. Within a batch
            nothing cancels. The spread of the batches' means is a difference of sums, which in
            float32 is lost below 1e-7 · (mean - shift)²; it then counts as 0.
        weight: how much each row counts, shape (N,) or that of ``targets``.

    Returns:
        A Variation, which ``r_squared`` turns into a number.

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
    # A second pass, as the first mean has the rounding of a sum.
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
    """Share of the variance of the targets that predictions explain: 1 - Σ(t - p)² / Σ(t - t̄)².

    Args:
        sums: a Variation.

    Returns:
        A scalar: 1 for predictions without error, 0 for the mean of the targets as prediction.

    Example:
        >>> float(r_squared(variation(jnp.array([1.0, 2.0, 4.0]), jnp.array([1.0, 2.0, 3.0]))))
        0.5
    """
    weight, squares, residual, centers, center_squares = map(jnp.asarray, sums)
    between = center_squares - centers**2 / weight
    lost = 8 * float(jnp.finfo(squares.dtype).eps) * center_squares
    between = jnp.where(between <= lost, 0, between)
    return 1 - residual / (squares + between)
