"""Losses that require a margin between class scores; the class axis is last."""

from typing import Literal

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._ranges import numbers
from jaxdl.losses._arguments import (
    class_indices,
    class_weight,
    last_axis_weight,
    operands,
    pick,
)
from jaxdl.losses._binary import logit_losses
from jaxdl.losses._reduction import Reduction, reduce
from jaxdl.types import Array


def multi_margin_loss(
    predictions: ArrayLike,
    labels: ArrayLike,
    *,
    p: Literal[1, 2] = 1,
    margin: ArrayLike = 1.0,
    weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Hinge loss against every other class: l = w_y·Σ_{i≠y} max(0, m − x_y + x_i)ᵖ / C.

    Args:
        predictions: x, scores, shape (..., C).
        labels: y, integers in [0, C), shape (...).
        p: 1 or 2.
        margin: m.
        weight: w, one per class, shape (C,); the mean still divides by the number of rows.
            Defaults to 1.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (...).
        where: mask of rows to include; shape (...) or its leading axes.

    Raises:
        ValueError: if p is neither 1 nor 2.

    Example:
        >>> multi_margin_loss(jnp.array([[0.5, 0.0, 2.0]]), jnp.array([0]))
        Array(1., dtype=float32)
    """
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p is {p!r}; it must be 1 or 2")
    x, out = operands("multi_margin_loss", where, span=1, predictions=predictions)
    _checks.classes("multi_margin_loss", labels, x.shape[-1], counted=out.where)
    index, valid = _safe(class_indices("multi_margin_loss", x, labels), x)
    (margin,) = numbers("multi_margin_loss", x, margin=margin)
    short = jax.nn.relu(margin - pick(x, index)[..., None] + x)
    other = ~_one_hot(index, x)
    values = jnp.where(other, short if p == 1 else jnp.square(short), 0).sum(axis=-1) / x.shape[-1]
    if weight is not None:
        values = class_weight("multi_margin_loss", "weight", weight, x)[index] * values
    return reduce(jnp.where(valid, values, jnp.nan), reduction, out)


def multilabel_margin_loss(
    predictions: ArrayLike,
    labels: ArrayLike,
    *,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Hinge loss of each right class against each wrong one: l = Σ_y Σ_i max(0, 1 − x_y + x_i)/C.

    y runs over the row's right classes, i over all others.

    Args:
        predictions: x, scores, shape (..., C).
        labels: the right classes of each row, integers in [0, C), shape (..., C); the first −1
            ends the list.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (...).
        where: mask of rows to include; shape (...) or its leading axes.

    Example:
        >>> multilabel_margin_loss(jnp.array([0.5, 0.0, 2.0]), jnp.array([2, 0, -1]))
        Array(0.16666667, dtype=float32)
    """
    name = "multilabel_margin_loss"
    x, out = operands(name, where, span=1, predictions=predictions)
    _checks.same_shape(name, predictions=x, labels=labels)
    _checks.classes(name, labels, x.shape[-1], counted=out.where, also=(-1,))
    labels = class_indices(name, x, labels, axes=1)
    index, valid = _safe(labels, x)
    listed = jnp.cumsum(labels == -1, axis=-1) == 0
    wrong = ~jnp.any(_one_hot(index, x[..., None, :]) & listed[..., None], axis=-2)
    right = jnp.take_along_axis(x, index, axis=-1, mode="promise_in_bounds")
    short = jax.nn.relu(1 - right[..., None] + x[..., None, :])
    pairs = listed[..., None] & wrong[..., None, :]
    values = jnp.where(pairs, short, 0).sum(axis=(-2, -1)) / x.shape[-1]
    legal = jnp.all(valid | (labels == -1), axis=-1)
    return reduce(jnp.where(legal, values, jnp.nan), reduction, out)


def multilabel_soft_margin_loss(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Binary cross entropy of each class, averaged over the classes.

    l = −Σ_c w_c·(t_c·log σ(z_c) + (1 − t_c)·log(1 − σ(z_c))) / C.

    Args:
        logits: z, shape (..., C).
        targets: t in [0, 1], shape (..., C).
        weight: w, one per class, shape (C,), or same shape as the logits. Defaults to 1.
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (...).
        where: mask of rows to include; shape (...) or its leading axes.

    Example:
        >>> multilabel_soft_margin_loss(jnp.array([[0.0, 99.0]]), jnp.array([[1, 1]]))
        Array(0.3465736, dtype=float32)
    """
    name = "multilabel_soft_margin_loss"
    x, t, out = operands(name, where, span=1, logits=logits, targets=targets)
    values = logit_losses(x, t)
    if weight is not None:
        values = last_axis_weight(name, "weight", weight, x, out) * values
    return reduce(values.mean(axis=-1), reduction, out)


def categorical_hinge(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Hinge loss of the right class against the best other class, as in Keras.

    l = max(0, 1 + max_c (1 − t_c)·x_c − Σ_c t_c·x_c). The maximum includes a 0 for the right
    class, so negative scores of wrong classes count as 0.

    Args:
        predictions: x, scores, shape (..., C).
        targets: t, one-hot, shape (..., C).
        reduction: ``"mean"``, ``"sum"``, or ``"none"``, which returns shape (...).
        where: mask of rows to include; shape (...) or its leading axes.

    Example:
        >>> categorical_hinge(jnp.array([[0.5, 0.0, 2.0]]), jnp.array([[1, 0, 0]]))
        Array(2.5, dtype=float32)
    """
    name = "categorical_hinge"
    x, t, out = operands(name, where, span=1, predictions=predictions, targets=targets)
    best = jnp.max((1 - t) * x, axis=-1)
    return reduce(jax.nn.relu(1 + best - jnp.sum(t * x, axis=-1)), reduction, out)


def _safe(labels: Array, x: Array) -> tuple[Array, Array]:
    """Returns indices safe to gather, and which labels are valid classes."""
    valid = (labels >= 0) & (labels < x.shape[-1])
    return jnp.where(valid, labels, 0), valid


def _one_hot(index: Array, x: Array) -> Array:
    """Returns a boolean one-hot of ``index`` over the last axis of ``x``."""
    shape = (*index.shape, x.shape[-1])
    return jax.lax.broadcasted_iota(index.dtype, shape, index.ndim) == index[..., None]
