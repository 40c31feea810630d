"""Losses of overlap, for masks and segmentations: Dice and Tversky."""

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
        targets: t, 0 or 1 or between, the shape of the predictions.
        axis: the axes of the sums. Default: all but the first, so one loss a row; Keras's default
            is all of them.
        smooth: s; with 0, an empty prediction of an empty target has the loss 1, and with more
            it has nearly 0.
        eps: ε, against a division by 0.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``, over the axes that are left.
        where: True for what counts, as the pixels that have a label: shape of the predictions or
            of their leading axes. What has nothing left counts for nothing in the mean.

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
    """Dice with a price for each kind of error: l = 1 − (TP + s)/(TP + α·FP + β·FN + s + ε).

    TP = Σ p·t, FP = Σ p·(1 − t), FN = Σ (1 − p)·t, as in the paper; Keras has α and β the other
    way round. α = β = 1/2 is ``dice``, up to ε.

    Args:
        predictions: p, probabilities, any shape.
        targets: t, 0 or 1 or between, the shape of the predictions.
        alpha: α, the price of a false positive.
        beta: β, the price of a false negative.
        axis: the axes of the sums. Default: all but the first, so one loss a row.
        smooth: s, as in ``dice``.
        eps: ε, against a division by 0.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``, over the axes that are left.
        where: True for what counts, shape of the predictions or of their leading axes. What has
            nothing left counts for nothing in the mean.

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
    """Returns the axes of the sums, from 0 on, or raises unless ``x`` has each of them."""
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
    """Returns the Frame of the values after the sums: they count if anything in them does."""
    if out.where is None:
        return out
    return out._replace(where=jnp.any(kept(jnp.ones_like(p), out) > 0, axis=axes))
