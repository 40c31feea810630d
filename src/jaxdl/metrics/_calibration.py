"""Quality of predicted probabilities: likelihood, perplexity and calibration."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl._precision import widen
from jaxdl._ranges import constants
from jaxdl.metrics._labels import class_logits, labelled
from jaxdl.metrics._sums import Mean, mean, without_rows
from jaxdl.types import Array


class Calibration(NamedTuple):
    """Three sums per confidence bin that add up over batches."""

    weight: Array  # Σ w
    confidence: Array  # Σ w·p
    correct: Array  # Σ w where the prediction is the label


def negative_log_likelihood(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    ignore_index: int | None = -100,
    weight: ArrayLike | None = None,
) -> Mean:
    """Mean of -log p(label) in nats, where p is the softmax of the logits.

    Args:
        logits: shape (N, …, classes).
        labels: class indices, shape (N, …).
        ignore_index: a label to ignore, as in ``losses.cross_entropy``.
        weight: weight of each row or entry, shape (N,) or same shape as ``labels``.

    Returns:
        A Mean.

    Example:
        >>> from jaxdl.metrics import compute
        >>> round(compute(negative_log_likelihood(jnp.zeros((3, 10)), jnp.array([0, 1, 2]))), 4)
        2.3026
    """
    name = "negative_log_likelihood"
    log_p = jax.nn.log_softmax(widen(class_logits(name, logits)))
    index, weight = labelled(name, labels, log_p[..., 0], log_p.shape[-1], weight, ignore_index)
    index = jnp.where(index < 0, log_p.shape[-1], index)  # or -1 would be the last class
    picked = jnp.take_along_axis(log_p, index[..., None], -1, mode="fill", fill_value=jnp.nan)
    return mean(-picked[..., 0], weight=weight)


def perplexity(likelihood: Mean) -> Array:
    """Exponential of the mean of -log p: the number of equally likely choices it amounts to.

    Args:
        likelihood: sums of ``negative_log_likelihood``, or any Mean of losses in nats.

    Returns:
        A scalar.

    Example:
        >>> sums = negative_log_likelihood(jnp.zeros((3, 10)), jnp.array([0, 1, 2]))
        >>> round(float(perplexity(sums)), 3)
        10.0
    """
    return jnp.exp(jnp.asarray(likelihood.total) / likelihood.count)


def calibration(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    bins: int = 15,
    ignore_index: int | None = -100,
    weight: ArrayLike | None = None,
) -> Calibration:
    """Sorts rows into bins by confidence, the largest entry of the softmax of their logits.

    Args:
        logits: shape (N, …, classes).
        labels: class indices, shape (N, …).
        bins: number of bins of equal width over (0, 1], each including its upper end.
        ignore_index: a label to ignore, as in ``losses.cross_entropy``.
        weight: weight of each row or entry, shape (N,) or same shape as ``labels``.

    Returns:
        A Calibration of arrays of shape (bins,). Probabilities that are nan and not ignored make
        the first bin nan.

    Example:
        >>> calibration(jnp.array([[0.0, 9.0]]), jnp.array([1]), bins=2).correct
        Array([0., 1.], dtype=float32)
    """
    (bins,) = constants("calibration", bins=bins)
    p = jax.nn.softmax(widen(class_logits("calibration", logits)))
    index, weight = labelled("calibration", labels, p[..., 0], p.shape[-1], weight, ignore_index)
    sure = without_rows(p.max(axis=-1), weight)
    correct = p.argmax(axis=-1).astype(jnp.int32) == index
    place = jnp.where(jnp.isnan(sure), 0, jnp.ceil(sure * bins) - 1).clip(0, bins - 1)
    add = lambda x: jnp.zeros(bins, p.dtype).at[place.astype(jnp.int32).reshape(-1)].add(
        x.reshape(-1)
    )  # fmt: skip
    return Calibration(add(weight), add(weight * sure), add(weight * correct.astype(p.dtype)))


def expected_calibration_error(sums: Calibration) -> Array:
    """Mean gap between confidence and accuracy: Σ_b n_b/N · |accuracy_b - confidence_b|.

    Args:
        sums: a Calibration.

    Returns:
        A scalar between 0 and 1.

    Reference:
        Guo et al., "On calibration of modern neural networks", 2017,
        https://arxiv.org/abs/1706.04599.

    Example:
        >>> sums = calibration(jnp.zeros((4, 2)), jnp.array([0, 0, 0, 1]))
        >>> float(expected_calibration_error(sums))
        0.25
    """
    gap = abs(jnp.asarray(sums.correct) - sums.confidence)
    return gap.sum() / jnp.asarray(sums.weight).sum()
