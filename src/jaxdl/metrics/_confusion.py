"""Metrics of a confusion matrix: precision, recall, F-score and intersection over union."""

from typing import Literal, TypeAlias, get_args

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._checks import ShapeError, describe
from jaxdl._ranges import check
from jaxdl.types import Array

Average: TypeAlias = Literal["micro", "macro", "weighted", "none"]


def precision(confusion: ArrayLike, *, average: Average = "macro") -> Array:
    """Share of the rows predicted as a class that belong to it: TP / (TP + FP).

    Args:
        confusion: sums of ``confusion_matrix``, shape (classes, classes).
        average: ``"none"`` returns one number per class, ``"macro"`` their mean, ``"weighted"``
            their mean weighted by the number of labels, and ``"micro"`` the ratio of the sums over
            classes.

    Returns:
        A scalar, or shape (classes,). A class that is never predicted has precision 0.

    Example:
        >>> precision(jnp.array([[1.0, 1.0], [0.0, 3.0]]), average="none")
        Array([1.  , 0.75], dtype=float32)
    """
    hits, missed, wrong = _outcomes("precision", confusion)
    return _averaged("precision", hits, hits + wrong, hits + missed, average)


def recall(confusion: ArrayLike, *, average: Average = "macro") -> Array:
    """Share of the rows of a class that are predicted as such: TP / (TP + FN).

    Args:
        confusion: sums of ``confusion_matrix``, shape (classes, classes).
        average: as in ``precision``.

    Returns:
        A scalar, or shape (classes,). A class without labels has recall 0.

    Example:
        >>> recall(jnp.array([[1.0, 1.0], [0.0, 3.0]]), average="none")
        Array([0.5, 1. ], dtype=float32)
    """
    hits, missed, _ = _outcomes("recall", confusion)
    return _averaged("recall", hits, hits + missed, hits + missed, average)


def f_beta(confusion: ArrayLike, *, beta: float | Array = 1.0, average: Average = "macro") -> Array:
    """Weighted harmonic mean of precision and recall: (1 + β²) TP / ((1 + β²) TP + β² FN + FP).

    Args:
        confusion: sums of ``confusion_matrix``, shape (classes, classes).
        beta: importance of recall relative to precision; 1 is F1, the harmonic mean.
        average: as in ``precision``.

    Returns:
        A scalar, or shape (classes,). A class with neither labels nor predictions has F 0.

    Example:
        >>> round(float(f_beta(jnp.array([[1.0, 1.0], [0.0, 3.0]]))), 4)
        0.7619
    """
    hits, missed, wrong = _outcomes("f_beta", confusion)
    check("f_beta", beta=beta)
    squared = beta**2
    twice = (1 + squared) * hits
    return _averaged("f_beta", twice, twice + squared * missed + wrong, hits + missed, average)


def iou(confusion: ArrayLike) -> Array:
    """Intersection over union (Jaccard index) of each class: TP / (TP + FP + FN).

    Args:
        confusion: sums of ``confusion_matrix``, shape (classes, classes).

    Returns:
        Shape (classes,); nan for a class with neither labels nor predictions.

    Example:
        >>> iou(jnp.array([[1.0, 1.0], [0.0, 3.0]]))
        Array([0.5 , 0.75], dtype=float32)
    """
    hits, missed, wrong = _outcomes("iou", confusion)
    return hits / (hits + missed + wrong)


def mean_iou(confusion: ArrayLike) -> Array:
    """Mean of ``iou`` over the classes with labels or predictions, as in Keras's MeanIoU.

    Args:
        confusion: sums of ``confusion_matrix``, shape (classes, classes).

    Returns:
        A scalar.

    Example:
        >>> mean_iou(jnp.array([[1.0, 1.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]]))
        Array(0.625, dtype=float32)
    """
    hits, missed, wrong = _outcomes("mean_iou", confusion)
    union = hits + missed + wrong
    present = union != 0  # true for nan too, which nanmean would skip
    return jnp.where(present, hits / jnp.where(present, union, 1), 0).sum() / present.sum(
        dtype=hits.dtype
    )


def _outcomes(function: str, confusion: ArrayLike) -> tuple[Array, Array, Array]:
    """Returns true positives, false negatives and false positives of each class."""
    confusion = jnp.asarray(confusion)
    if confusion.ndim != 2 or confusion.shape[0] != confusion.shape[1]:
        got = describe(confusion)
        raise ShapeError(f"{function}: confusion is {got}; it must have shape (classes, classes)")
    hits = jnp.diagonal(confusion)
    return hits, confusion.sum(axis=1) - hits, confusion.sum(axis=0) - hits


def _averaged(function: str, above: Array, below: Array, labels: Array, average: Average) -> Array:
    """Returns above/below for each class, or averaged; 0/0 is 0."""
    ratio = lambda a, b: jnp.where(b == 0, 0, a / jnp.where(b == 0, 1, b))
    _checks.one_of(function, "average", average, get_args(Average))
    if average == "micro":
        return ratio(above.sum(), below.sum())
    each = ratio(above, below)
    if average == "macro":
        return each.mean()
    if average == "weighted":
        return ratio((each * labels).sum(), labels.sum())
    return each
