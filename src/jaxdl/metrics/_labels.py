"""Arguments of classification metrics: checked labels and their weights."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._ranges import constants
from jaxdl.metrics._sums import weight_of
from jaxdl.types import Array


def labelled(
    function: str,
    labels: ArrayLike,
    like: Array,
    n_classes: int,
    weight: ArrayLike | None,
    ignore_index: int | None,
) -> tuple[Array, Array]:
    """Returns class indices as int32, and their weights, 0 for ignored labels.

    Args:
        function: the metric's name, for messages.
        labels: class indices, as passed by the caller.
        like: an array with the shape required of the labels and the dtype of the sums.
        n_classes: the number of classes.
        weight: weight of each row or label, as passed by the caller.
        ignore_index: a label to ignore.
    """
    if ignore_index is not None:
        (ignore_index,) = constants(function, ignore_index=ignore_index)
    index = _checks.array(function, "labels", labels)
    _checks.same_shape(function, predictions=like, labels=index)
    if jnp.issubdtype(index.dtype, jnp.inexact):
        raise TypeError(
            f"{function}: labels are {_checks.describe(index)}; classes must be integers"
        )
    weight = weight_of(function, like, weight)
    _checks.classes(function, labels, n_classes, counted=weight != 0, also=(ignore_index,))
    index = _checks.to_int32(index)
    return index, weight if ignore_index is None else jnp.where(index == ignore_index, 0, weight)


def class_logits(function: str, logits: ArrayLike) -> Array:
    """Returns logits as an array; raises unless they have a class axis."""
    logits = _checks.array(function, "logits", logits)
    if logits.ndim == 0 or logits.shape[-1] == 0:
        got = _checks.describe(logits)
        raise _checks.ShapeError(f"{function}: logits is {got}; it needs shape (N, …, classes)")
    return logits


def spoilt(values: Array, logits: Array) -> Array:
    """Returns values as floats, nan where any logit is nan and no prediction is meaningful."""
    return jnp.where(jnp.isnan(logits).any(axis=-1), jnp.nan, values.astype(jnp.float32))


def positive(function: str, labels: ArrayLike) -> Array:
    """Returns which labels are 1, for any dtype."""
    labels = _checks.array(function, "labels", labels)
    return labels == jnp.ones((), labels.dtype)
