"""Sums that compare classes: accuracies and the confusion matrix."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl.metrics._sums import Mean, class_labels, mean, weight_of
from jaxdl.types import Array


def accuracy(logits: ArrayLike, labels: ArrayLike, *, weight: ArrayLike | None = None) -> Mean:
    """Share of rows whose largest logit is that of their label.

    Args:
        logits: shape (N, …, classes).
        labels: class indices, shape (N, …).
        weight: how much each row counts, shape (N,) or that of ``labels``.

    Returns:
        A Mean.

    Raises:
        ShapeError: if the shapes don't fit.
        TypeError: if the labels aren't integers.

    Example:
        >>> from jaxdl.metrics import compute
        >>> compute(accuracy(jnp.array([[0.1, 0.9], [0.8, 0.2]]), jnp.array([1, 1])))
        0.5
    """
    predicted = jnp.argmax(jnp.asarray(logits), axis=-1)
    _checks.same_shape("accuracy", predictions=predicted, labels=labels)
    return mean(predicted.astype(jnp.int32) == class_labels("accuracy", labels), weight=weight)


def binary_accuracy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    threshold: float = 0.0,
    weight: ArrayLike | None = None,
) -> Mean:
    """Share of entries whose logit is above the threshold if, and only if, their label is 1.

    Args:
        logits: one for each entry, shape (N, …); or probabilities, with ``threshold=0.5``.
        labels: 0 or 1, of the same shape.
        threshold: above what an entry counts as predicted.
        weight: how much each row counts, shape (N,) or that of ``labels``.

    Returns:
        A Mean.

    Raises:
        ShapeError: if the shapes don't fit.

    Example:
        >>> from jaxdl.metrics import compute
        >>> compute(binary_accuracy(jnp.array([-1.0, 2.0]), jnp.array([0, 0])))
        0.5
    """
    _checks.same_shape("binary_accuracy", logits=logits, labels=labels)
    predicted = jnp.asarray(logits) > threshold
    return mean(predicted == (jnp.asarray(labels, jnp.int32) == 1), weight=weight)


def top_k_accuracy(
    logits: ArrayLike, labels: ArrayLike, *, k: int = 5, weight: ArrayLike | None = None
) -> Mean:
    """Share of rows whose label is among the ``k`` largest logits; of equal ones the first count.

    Args:
        logits: shape (N, …, classes).
        labels: class indices, shape (N, …).
        k: how many guesses count, at most the number of classes.
        weight: how much each row counts, shape (N,) or that of ``labels``.

    Returns:
        A Mean.

    Raises:
        ShapeError: if the shapes don't fit.
        TypeError: if the labels aren't integers.
        ValueError: if ``k`` isn't between 1 and the number of classes.

    Example:
        >>> from jaxdl.metrics import compute
        >>> compute(top_k_accuracy(jnp.array([[0.3, 0.2, 0.1]]), jnp.array([1]), k=2))
        1.0
    """
    logits = jnp.asarray(logits)
    _checks.positive_ints("top_k_accuracy", k=k)
    if k > logits.shape[-1]:
        raise ValueError(f"top_k_accuracy: k is {k}; logits are {_checks.describe(logits)}")
    guesses = jax.lax.top_k(logits, k)[1]
    _checks.same_shape("top_k_accuracy", predictions=guesses[..., 0], labels=labels)
    hits = guesses.astype(jnp.int32) == class_labels("top_k_accuracy", labels)[..., None]
    return mean(hits.any(axis=-1), weight=weight)


def confusion_matrix(
    predictions: ArrayLike,
    labels: ArrayLike,
    *,
    n_classes: int | None = None,
    weight: ArrayLike | None = None,
) -> Array:
    """Counts how often each class is taken for each: Cᵢⱼ = Σ wₙ over rows of label i, predicted j.

    Args:
        predictions: logits, floating, shape (N, …, classes); or class indices, integers, shape
            (N, …), with ``n_classes``.
        labels: class indices, shape (N, …). A row whose label or prediction is no class, as -100,
            isn't counted.
        n_classes: number of classes, needed where ``predictions`` are indices.
        weight: how much each row counts, shape (N,) or that of ``labels``.

    Returns:
        Sums of shape (classes, classes), rows by label, columns by prediction.

    Raises:
        ShapeError: if the shapes don't fit.
        TypeError: if the labels aren't integers.
        ValueError: if ``predictions`` are indices and ``n_classes`` isn't given.

    Example:
        >>> confusion_matrix(jnp.array([0, 1, 1]), jnp.array([0, 0, 1]), n_classes=2)
        Array([[1., 1.],
               [0., 1.]], dtype=float32)
    """
    predicted = jnp.asarray(predictions)
    if jnp.issubdtype(predicted.dtype, jnp.floating):
        n_classes, predicted = predicted.shape[-1], predicted.argmax(axis=-1)
    elif n_classes is None:
        got = _checks.describe(predicted)
        raise ValueError(f"confusion_matrix: predictions are {got}, indices: give n_classes too")
    _checks.same_shape("confusion_matrix", predictions=predicted, labels=labels)
    weight = weight_of("confusion_matrix", predicted, weight)
    labels, predicted = class_labels("confusion_matrix", labels), predicted.astype(jnp.int32)
    inside = (labels >= 0) & (labels < n_classes) & (predicted >= 0) & (predicted < n_classes)
    # Rows that aren't counted go to a cell behind the last, which is cut off.
    cell = jnp.where(inside, labels * n_classes + predicted, n_classes**2).reshape(-1)
    counts = jnp.zeros(n_classes**2 + 1, weight.dtype).at[cell].add(weight.reshape(-1))
    return counts[:-1].reshape(n_classes, n_classes)
