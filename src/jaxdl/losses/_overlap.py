"""Overlap losses for masks and segmentation: Dice and Tversky."""

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._ranges import numbers
from jaxdl.losses._arguments import operands
from jaxdl.losses._reduction import Frame, Reduction, kept, reduce
from jaxdl.types import Array


def dice(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    axis: int | tuple[int, ...] | None = None,
    smooth: ArrayLike = 0.0,
    eps: ArrayLike = 1e-7,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """One minus the overlap of two masks: l = 1 − (2·Σ p·t + s)/(Σ p + Σ t + s + ε).

    Args:
        predictions: p, probabilities, any shape.
        targets: t in [0, 1], same shape as the predictions.
        axis: the axes to sum over. Defaults to all but the first, so one loss per row; in Keras,
            to all.
        smooth: s. An empty prediction of an empty target has loss 1 if s is 0, and nearly 0 if s
            is well above ε.
        eps: ε, which avoids division by 0.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``, over the remaining axes.
        where: mask of entries to include, such as labelled pixels; shape of the predictions or of
            their leading axes. The mean skips a loss whose entries are all masked.

    Raises:
        ShapeError: if the shapes differ, or there is no such axis.

    Example:
        >>> dice(jnp.array([[1.0, 1.0, 0.0, 0.0]]), jnp.array([[1, 0, 0, 0]]))
        Array(0.3333333, dtype=float32)

    Reference:
        Milletari et al., V-Net, 2016, with the sums of Keras.
    """
    p, t, out = operands("dice", where, predictions=predictions, targets=targets)
    axes, (smooth, eps) = _axes("dice", axis, p), numbers("dice", p, smooth=smooth, eps=eps)
    overlap, both = jnp.sum(p * t, axis=axes), jnp.sum(p, axis=axes) + jnp.sum(t, axis=axes)
    values = 1 - (2 * overlap + smooth) / (both + smooth + eps)
    return reduce(values, reduction, _left(p, axes, out))


def tversky(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    alpha: ArrayLike = 0.5,
    beta: ArrayLike = 0.5,
    axis: int | tuple[int, ...] | None = None,
    smooth: ArrayLike = 0.0,
    eps: ArrayLike = 1e-7,
    reduction: Reduction = "mean",
    where: ArrayLike | None = None,
) -> Array:
    """Dice with weighted errors: l = 1 − (TP + s)/(TP + α·FP + β·FN + s + ε).

    TP = Σ p·t, FP = Σ p·(1 − t) and FN = Σ (1 − p)·t, as in the paper; Keras swaps α and β. With
    α = β = 1/2 it is ``dice``, up to ε.

    Args:
        predictions: p, probabilities, any shape.
        targets: t in [0, 1], same shape as the predictions.
        alpha: α, the weight of false positives.
        beta: β, the weight of false negatives.
        axis: the axes to sum over. Defaults to all but the first, so one loss per row.
        smooth: s, as in ``dice``.
        eps: ε, which avoids division by 0.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``, over the remaining axes.
        where: mask of entries to include, as in ``dice``.

    Raises:
        ShapeError: if the shapes differ, or there is no such axis.

    Example:
        >>> p, t = jnp.array([[1.0, 1.0, 0.0, 0.0]]), jnp.array([[1, 0, 0, 0]])
        >>> tversky(p, t, alpha=1.0, beta=0.0)
        Array(0.5, dtype=float32)

    Reference:
        Salehi et al., Tversky loss function for image segmentation using 3D fully convolutional
        deep networks, 2017.
    """
    p, t, out = operands("tversky", where, predictions=predictions, targets=targets)
    axes, options = _axes("tversky", axis, p), {"alpha": alpha, "beta": beta}
    alpha, beta, smooth, eps = numbers("tversky", p, **options, smooth=smooth, eps=eps)
    hits = jnp.sum(p * t, axis=axes)
    misses = alpha * (jnp.sum(p, axis=axes) - hits) + beta * (jnp.sum(t, axis=axes) - hits)
    values = 1 - (hits + smooth) / (hits + misses + smooth + eps)
    return reduce(values, reduction, _left(p, axes, out))


def _axes(function: str, axis: int | tuple[int, ...] | None, x: Array) -> tuple[int, ...]:
    """Returns the axes to sum over as indices ≥ 0; raises if ``x`` lacks one."""
    if axis is None:
        return tuple(range(1, x.ndim))
    axes = tuple(int(a) for a in np.atleast_1d(axis))
    found = {a % x.ndim for a in axes if -x.ndim <= a < x.ndim}
    if len(found) < len(axes):
        raise _checks.ShapeError(
            f"{function}: axis is {axis!r} for predictions {_checks.describe(x)}; it must be one of"
            " their axes, or several"
        )
    return tuple(found)


def _left(p: Array, axes: tuple[int, ...], out: Frame) -> Frame:
    """Returns the Frame of the sums; a sum counts unless all its entries are masked."""
    if out.where is None:
        return out
    return out._replace(where=jnp.any(kept(jnp.ones_like(p), out) > 0, axis=axes))
