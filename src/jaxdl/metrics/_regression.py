"""Sums that compare numbers: absolute and squared errors, and the share of variance explained."""

from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl.metrics._sums import Mean, mean, weight_of, widened, without_rows
from jaxdl.types import Array


class Variation(NamedTuple):
    """What R² needs of targets and predictions, in four sums that add up."""

    weight: Array  # Σ w
    total: Array  # Σ w·(t - shift)
    squares: Array  # Σ w·(t - shift)²
    residual: Array  # Σ w·(t - p)²


def _errors(function: str, predictions: ArrayLike, targets: ArrayLike) -> Array:
    _checks.same_shape(function, predictions=predictions, targets=targets)
    return widened(predictions) - widened(targets)


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

    Raises:
        ShapeError: if the shapes don't fit.

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

    Raises:
        ShapeError: if the shapes don't fit.

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
    shift: float = 0.0,
    weight: ArrayLike | None = None,
) -> Variation:
    """Sums squares of targets and of what predictions leave of them.

    Args:
        predictions: shape (N, …).
        targets: of the same shape.
        shift: a number near the mean of all targets, the same for all batches. The variance is a
            difference of sums, which loses digits where the mean is far from the shift: in float32
            about 1e-7 · (mean - shift)² / variance.
        weight: how much each row counts, shape (N,) or that of ``targets``.

    Returns:
        A Variation, which ``r_squared`` turns into a number.

    Raises:
        ShapeError: if the shapes don't fit.

    Example:
        >>> float(variation(jnp.array([1.0, 5.0]), jnp.array([2.0, 3.0])).residual)
        5.0
    """
    errors = _errors("variation", predictions, targets)
    weight = weight_of("variation", errors, weight)
    errors = without_rows(errors, weight)
    shifted = without_rows(widened(targets) - shift, weight)
    sums = weight, weight * shifted, weight * shifted**2, weight * errors**2
    return Variation(*(x.sum() for x in sums))


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
    variance = jnp.asarray(sums.squares) - jnp.asarray(sums.total) ** 2 / sums.weight
    return 1 - jnp.asarray(sums.residual) / variance
