"""Sums for classification: accuracies and the confusion matrix."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._precision import widen
from jaxdl._ranges import constants, numbers
from jaxdl.metrics._labels import class_logits, labelled, positive, spoilt
from jaxdl.metrics._sums import Mean, mean
from jaxdl.types import Array


def accuracy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    ignore_index: int | None = -100,
    weight: ArrayLike | None = None,
) -> Mean:
    """Share of rows whose largest logit is that of their label.

    Args:
        logits: shape (N, …, classes).
        labels: class indices, shape (N, …).
        ignore_index: a label to ignore, as in ``losses.cross_entropy``.
        weight: weight of each row or entry, shape (N,) or same shape as ``labels``.

    Returns:
        A Mean.

    Example:
        >>> from jaxdl.metrics import compute
        >>> compute(accuracy(jnp.array([[0.1, 0.9], [0.8, 0.2]]), jnp.array([1, 1])))
        0.5
    """
    logits = class_logits("accuracy", logits)
    like, n = logits[..., 0], logits.shape[-1]
    index, weight = labelled("accuracy", labels, like, n, weight, ignore_index)
    right = jnp.argmax(logits, axis=-1).astype(jnp.int32) == index
    return mean(spoilt(right, logits), weight=weight)


def binary_accuracy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    threshold: ArrayLike = 0.0,
    weight: ArrayLike | None = None,
) -> Mean:
    """Share of entries whose logit is above the threshold if, and only if, their label is 1.

    Args:
        logits: shape (N, …); or probabilities, with ``threshold=0.5``.
        labels: 0 or 1, same shape.
        threshold: entries above it are predicted as 1.
        weight: weight of each row or entry, shape (N,) or same shape as ``labels``.

    Returns:
        A Mean.

    Example:
        >>> from jaxdl.metrics import compute
        >>> compute(binary_accuracy(jnp.array([-1.0, 2.0]), jnp.array([0, 0])))
        0.5
    """
    logits = _checks.array("binary_accuracy", "logits", logits)
    _checks.same_shape("binary_accuracy", logits=logits, labels=labels)
    (threshold,) = numbers("binary_accuracy", widen(logits), threshold=threshold)
    right = (widen(logits) > threshold) == positive("binary_accuracy", labels)
    return mean(spoilt(right, logits[..., None]), weight=weight)


def top_k_accuracy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    k: int = 5,
    ignore_index: int | None = -100,
    weight: ArrayLike | None = None,
) -> Mean:
    """Share of rows whose label is among the ``k`` largest logits; ties go to lower indices.

    Args:
        logits: shape (N, …, classes).
        labels: class indices, shape (N, …).
        k: number of guesses, at most the number of classes.
        ignore_index: a label to ignore, as in ``losses.cross_entropy``.
        weight: weight of each row or entry, shape (N,) or same shape as ``labels``.

    Returns:
        A Mean.

    Raises:
        ValueError: if ``k`` isn't between 1 and the number of classes.

    Example:
        >>> from jaxdl.metrics import compute
        >>> compute(top_k_accuracy(jnp.array([[0.3, 0.2, 0.1]]), jnp.array([1]), k=2))
        1.0
    """
    logits = class_logits("top_k_accuracy", logits)
    (k,) = constants("top_k_accuracy", k=k)
    if k > logits.shape[-1]:
        raise ValueError(f"top_k_accuracy: k is {k}; logits are {_checks.describe(logits)}")
    like, n = logits[..., 0], logits.shape[-1]
    index, weight = labelled("top_k_accuracy", labels, like, n, weight, ignore_index)
    hits = jax.lax.top_k(logits, k)[1].astype(jnp.int32) == index[..., None]
    return mean(spoilt(hits.any(axis=-1), logits), weight=weight)


def confusion_matrix(
    predictions: ArrayLike,
    labels: ArrayLike,
    *,
    n_classes: int | None = None,
    ignore_index: int | None = -100,
    weight: ArrayLike | None = None,
) -> Array:
    """Confusion matrix: Cᵢⱼ = Σ wₙ over the rows of label i that are predicted as j.

    Args:
        predictions: floating point logits, shape (N, …, classes); or integer class indices, shape
            (N, …), with ``n_classes``.
        labels: class indices, shape (N, …).
        n_classes: number of classes, required if ``predictions`` are indices.
        ignore_index: a label to ignore, as in ``losses.cross_entropy``.
        weight: weight of each row or entry, shape (N,) or same shape as ``labels``.

    Returns:
        Sums of shape (classes, classes): labels by predictions. Logits that are nan and not ignored
        make a cell nan.

    Raises:
        ValueError: if ``predictions`` are indices and ``n_classes`` is missing.

    Example:
        >>> confusion_matrix(jnp.array([0, 1, 1]), jnp.array([0, 0, 1]), n_classes=2)
        Array([[1., 1.],
               [0., 1.]], dtype=float32)
    """
    name, predicted = (
        "confusion_matrix",
        _checks.array("confusion_matrix", "predictions", predictions),
    )
    wrong = None
    if jnp.issubdtype(predicted.dtype, jnp.floating):
        logits = class_logits(name, predicted)
        n_classes, predicted = logits.shape[-1], logits.argmax(axis=-1)
        wrong = jnp.isnan(logits).any(axis=-1)
    elif n_classes is None:
        got = _checks.describe(predicted)
        raise ValueError(f"{name}: predictions are {got}, indices: pass n_classes too")
    _checks.positive_ints(name, n_classes=n_classes)
    index, weight = labelled(name, labels, predicted, n_classes, weight, ignore_index)
    if wrong is not None:
        weight = jnp.where(wrong & (weight != 0), jnp.nan, weight)
    predicted = _checks.to_int32(predicted)
    inside = (index >= 0) & (index < n_classes) & (predicted >= 0) & (predicted < n_classes)
    # Rows to leave out go to an extra cell at the end, which is dropped.
    cell = jnp.where(inside, index * n_classes + predicted, n_classes**2).reshape(-1)
    counts = jnp.zeros(n_classes**2 + 1, weight.dtype).at[cell].add(weight.reshape(-1))
    return counts[:-1].reshape(n_classes, n_classes)
