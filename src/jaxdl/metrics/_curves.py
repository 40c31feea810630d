"""Areas under the ROC and the precision-recall curve: from sums of scores, or exact from scores."""

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
    """Counts the scores of negatives and of positives in bins of equal width.

    These are sums that ``roc_auc`` and ``pr_auc`` need; they treat all scores of a bin as equal.

    Args:
        scores: the higher, the more likely positive, shape (N, …). What is below ``low`` or above
            ``high`` falls into the first or the last bin.
        labels: 0 or 1, of the same shape.
        bins: number of bins.
        low: lower end of the first bin.
        high: upper end of the last bin.
        weight: how much each row counts, shape (N,) or that of ``labels``.

    Returns:
        Sums of shape (2, bins): negatives, then positives. A score that is nan and counts makes
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
    """Area under the ROC curve: how likely a positive scores above a negative, ties counting half.

    Off from the area of the scores themselves by at most half the share of pairs of a positive and
    a negative that lie in one bin, Σ_b n_b·p_b / (2·N·P): the straight line that joins the points
    of the curve can't be further off. It is exact where no bin holds two different scores.

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

    Every positive counts with the precision at its own bin as threshold, so that the curve isn't
    interpolated. A positive's precision is off by no more than what the others of its bin make
    out; it is exact where no bin holds two different scores.

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
    # Above the highest score nothing is predicted, and no positive asks for a precision.
    share = jnp.where(all_above == 0, 0, above / jnp.where(all_above == 0, 1, all_above))
    return (positives[::-1] * share).sum() / positives.sum()


def exact_roc_auc(
    scores: ArrayLike, labels: ArrayLike, *, weight: ArrayLike | None = None
) -> Array:
    """Area under the ROC curve of all scores at once, without bins; it doesn't add up.

    Args:
        scores: of all rows, gathered from all batches, shape (N, …).
        labels: 0 or 1, of the same shape.
        weight: how much each row counts, shape (N,) or that of ``labels``.

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
    """Average precision of all scores at once, without bins; it doesn't add up.

    Args:
        scores: of all rows, gathered from all batches, shape (N, …).
        labels: 0 or 1, of the same shape.
        weight: how much each row counts, shape (N,) or that of ``labels``.

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
    """Returns scores, whether they are of positives, and weights, flat; 0 for rows left out."""
    _checks.same_shape(function, scores=scores, labels=labels)
    scores = widen(_checks.array(function, "scores", scores))
    weight = weight_of(function, scores, weight)
    wanted = positive(function, labels).reshape(-1)
    return without_rows(scores, weight).reshape(-1), wanted, weight.reshape(-1)


def _ranked(scores: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Returns, for each score, how many sorted ones are below it, and how many not above it.

    With these numbers the third result, the running sum of weights in sorted order, is read.
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
