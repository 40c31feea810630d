"""How good probabilities are: likelihood, perplexity, and calibration."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl.metrics._sums import Mean, class_labels, mean, weight_of, widened, without_rows
from jaxdl.types import Array


class Calibration(NamedTuple):
    """Rows by how confident their prediction is, in three sums a bin that add up."""

    weight: Array  # Σ w
    confidence: Array  # Σ w·p
    correct: Array  # Σ w where the prediction is the label


def negative_log_likelihood(
    logits: ArrayLike, labels: ArrayLike, *, weight: ArrayLike | None = None
) -> Mean:
    """Mean of -log p(label), in nats, with p the softmax of the logits.

    Args:
        logits: shape (N, …, classes).
        labels: class indices, shape (N, …). One that is no class makes the sum nan unless its
            weight is 0.
        weight: how much each row counts, shape (N,) or that of ``labels``.

    Returns:
        A Mean.

    Raises:
        ShapeError: if the shapes don't fit.
        TypeError: if the labels aren't integers.

    Example:
        >>> from jaxdl.metrics import compute
        >>> round(compute(negative_log_likelihood(jnp.zeros((3, 10)), jnp.array([0, 1, 2]))), 4)
        2.3026
    """
    log_p = jax.nn.log_softmax(widened(logits))
    _checks.same_shape("negative_log_likelihood", logits=log_p[..., 0], labels=labels)
    index = class_labels("negative_log_likelihood", labels)[..., None]
    index = jnp.where(index < 0, log_p.shape[-1], index)  # else -1 would be the last class
    picked = jnp.take_along_axis(log_p, index, axis=-1, mode="fill", fill_value=jnp.nan)
    return mean(-picked[..., 0], weight=weight)


def perplexity(likelihood: Mean) -> Array:
    """Exponential of the mean of -log p: among how many equal choices a model is at a loss.

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
    logits: ArrayLike, labels: ArrayLike, *, bins: int = 15, weight: ArrayLike | None = None
) -> Calibration:
    """Sorts rows into bins by the largest probability that the softmax of their logits gives.

    Args:
        logits: shape (N, …, classes).
        labels: class indices, shape (N, …).
        bins: number of bins of equal width over (0, 1], each closed above.
        weight: how much each row counts, shape (N,) or that of ``labels``.

    Returns:
        A Calibration of arrays of shape (bins,). Probabilities that are nan and count make the
        first bin nan.

    Raises:
        ShapeError: if the shapes don't fit.
        TypeError: if the labels aren't integers.

    Example:
        >>> calibration(jnp.array([[0.0, 9.0]]), jnp.array([1]), bins=2).correct
        Array([0., 1.], dtype=float32)
    """
    _checks.positive_ints("calibration", bins=bins)
    p = jax.nn.softmax(widened(logits))
    _checks.same_shape("calibration", logits=p[..., 0], labels=labels)
    weight = weight_of("calibration", p[..., 0], weight)
    sure = without_rows(p.max(axis=-1), weight)
    correct = p.argmax(axis=-1).astype(jnp.int32) == class_labels("calibration", labels)
    place = jnp.where(jnp.isnan(sure), 0, jnp.ceil(sure * bins) - 1).clip(0, bins - 1)
    add = lambda x: jnp.zeros(bins, p.dtype).at[place.astype(jnp.int32).reshape(-1)].add(
        x.reshape(-1)
    )  # fmt: skip
    return Calibration(add(weight), add(weight * sure), add(weight * correct.astype(p.dtype)))


def expected_calibration_error(sums: Calibration) -> Array:
    """Mean distance between confidence and accuracy: Σ_b n_b/N · |accuracy_b - confidence_b|.

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
