"""Areas under ROC and precision-recall curves, from binned sums or exactly from scores."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._precision import widen
from jaxdl._ranges import constants, ordered
from jaxdl.metrics._labels import positive
from jaxdl.metrics._sums import weight_of, without_rows
from jaxdl.types import Array


def score_histogram(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    bins: int = 1000,
    low: float = 0.0,
    high: float = 1.0,
    weight: ArrayLike | None = None,
) -> Array:
    """Counts the scores of negatives and positives in bins of equal width.

    ``roc_auc`` and ``pr_auc`` take these sums and treat all scores in a bin as equal.

    Args:
        scores: higher for likelier positives, shape (N, …). Scores below ``low`` or above ``high``
            go to the first or the last bin.
        labels: 0 or 1, same shape.
        bins: number of bins.
        low: lower end of the first bin.
        high: upper end of the last bin.
        weight: weight of each row or entry, shape (N,) or same shape as ``labels``.

    Returns:
        Sums of shape (2, bins): negatives, then positives. A nan score that isn't ignored makes
        them nan.

    Raises:
        ValueError: if ``low`` isn't below ``high``.

    Example:
        >>> score_histogram(jnp.array([0.1, 0.6, 0.9]), jnp.array([0, 0, 1]), bins=2)
        Array([[1., 1.],
               [0., 1.]], dtype=float32)
    """
    (bins,) = constants("score_histogram", bins=bins)
    ordered("score_histogram", low=low, high=high, strict=True)
    scores, wanted, weight = _rows("score_histogram", scores, labels, weight)
    place = jnp.floor((scores - low) / (high - low) * bins)
    place = jnp.where(jnp.isnan(place), 0, place).clip(0, bins - 1).astype(jnp.int32)
    cell = place + bins * wanted.astype(jnp.int32)
    weight = jnp.where(jnp.isnan(scores), jnp.nan, weight)
    return jnp.zeros(2 * bins, weight.dtype).at[cell].add(weight).reshape(2, bins)


def roc_auc(histogram: ArrayLike) -> Array:
    """Area under the ROC curve: P(a positive scores above a negative), ties counting half.

    It differs from the area of the unbinned scores by at most Σ_b n_b·p_b / (2·N·P), half the share
    of positive-negative pairs that fall in the same bin. It is exact if no bin holds two different
    scores.

    Args:
        histogram: sums of ``score_histogram``, shape (2, bins).

    Returns:
        A scalar; nan without positives or without negatives.

    Example:
        >>> float(roc_auc(score_histogram(jnp.array([0.1, 0.6, 0.9]), jnp.array([0, 1, 1]))))
        1.0
    """
    negatives, positives = _halves("roc_auc", histogram)
    below = negatives.cumsum() - negatives / 2
    return (positives * below).sum() / (positives.sum() * negatives.sum())


def pr_auc(histogram: ArrayLike) -> Array:
    """Area under the precision-recall curve, as average precision: Σ (Rᵢ - Rᵢ₋₁) · Pᵢ.

    Each positive counts with the precision at its bin as threshold, without interpolation. That
    precision is off by at most what the other scores of the bin contribute; it is exact if no bin
    holds two different scores.

    Args:
        histogram: sums of ``score_histogram``, shape (2, bins).

    Returns:
        A scalar; nan without positives.

    Example:
        >>> float(pr_auc(score_histogram(jnp.array([0.1, 0.6, 0.9]), jnp.array([0, 1, 1]))))
        1.0
    """
    negatives, positives = _halves("pr_auc", histogram)
    above, all_above = positives[::-1].cumsum(), (positives + negatives)[::-1].cumsum()
    # Above the highest score nothing is predicted, and no positive needs a precision.
    share = jnp.where(all_above == 0, 0, above / jnp.where(all_above == 0, 1, all_above))
    return (positives[::-1] * share).sum() / positives.sum()


def exact_roc_auc(
    scores: ArrayLike, labels: ArrayLike, *, weight: ArrayLike | None = None
) -> Array:
    """Exact area under the ROC curve, from all scores at once; it can't be summed over batches.

    Args:
        scores: scores of all rows of all batches, shape (N, …).
        labels: 0 or 1, same shape.
        weight: weight of each row or entry, shape (N,) or same shape as ``labels``.

    Returns:
        A scalar; nan without positives or without negatives.

    Example:
        >>> float(exact_roc_auc(jnp.array([0.1, 0.2, 0.2, 0.3]), jnp.array([0, 0, 1, 1])))
        0.875
    """
    scores, wanted, weight = _rows("exact_roc_auc", scores, labels, weight)
    first, last, up_to = _ranked(scores, jnp.where(wanted, 0, weight))
    positives = jnp.where(wanted, weight, 0)
    below = (up_to[first] + up_to[last]) / 2
    return (positives * below).sum() / (positives.sum() * up_to[-1])


def exact_pr_auc(scores: ArrayLike, labels: ArrayLike, *, weight: ArrayLike | None = None) -> Array:
    """Exact average precision, from all scores at once; it can't be summed over batches.

    Args:
        scores: scores of all rows of all batches, shape (N, …).
        labels: 0 or 1, same shape.
        weight: weight of each row or entry, shape (N,) or same shape as ``labels``.

    Returns:
        A scalar; nan without positives.

    Example:
        >>> area = exact_pr_auc(jnp.array([0.1, 0.2, 0.3, 0.4]), jnp.array([0, 1, 1, 0]))
        >>> round(float(area), 4)
        0.5833
    """
    scores, wanted, weight = _rows("exact_pr_auc", scores, labels, weight)
    positives = jnp.where(wanted, weight, 0)
    first, _, hits = _ranked(scores, positives)
    _, _, everything = _ranked(scores, weight)
    above, all_above = hits[-1] - hits[first], everything[-1] - everything[first]
    share = jnp.where(all_above == 0, 0, above / jnp.where(all_above == 0, 1, all_above))
    return (positives * share).sum() / positives.sum()


def _rows(
    function: str, scores: ArrayLike, labels: ArrayLike, weight: ArrayLike | None
) -> tuple[Array, Array, Array]:
    """Returns flat scores (0 for rows left out), which of them are positives, and weights."""
    _checks.same_shape(function, scores=scores, labels=labels)
    scores = widen(_checks.array(function, "scores", scores))
    weight = weight_of(function, scores, weight)
    wanted = positive(function, labels).reshape(-1)
    return without_rows(scores, weight).reshape(-1), wanted, weight.reshape(-1)


def _ranked(scores: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Returns the numbers of scores below, and not above, each score, and running weights.

    The first two index the third, the cumulative sum of weights in sorted order.
    """
    order = jnp.argsort(scores)
    ascending = scores[order]
    first = jnp.searchsorted(ascending, scores, side="left")
    last = jnp.searchsorted(ascending, scores, side="right")
    weight = jnp.where(jnp.isnan(scores), jnp.nan, weight)
    up_to = jnp.concatenate([jnp.zeros(1, weight.dtype), weight[order].cumsum()])
    return first, last, up_to


def _halves(function: str, histogram: ArrayLike) -> tuple[Array, Array]:
    histogram = jnp.asarray(histogram)
    if histogram.ndim != 2 or histogram.shape[0] != 2:
        got = _checks.describe(histogram)
        raise _checks.ShapeError(f"{function}: histogram is {got}; it must have shape (2, bins)")
    return histogram[0], histogram[1]
