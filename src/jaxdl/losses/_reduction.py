"""Reduction of the values of a loss to one number, under a mask."""

from typing import Literal, NamedTuple, TypeAlias

import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks
from jaxdl.types import Array, Shape

Reduction: TypeAlias = Literal["mean", "sum", "none"]


class Frame(NamedTuple):
    """What the reduction needs to know about a loss."""

    function: str  # for messages
    dtype: DTypeLike  # of the result
    where: Array | None  # True for the values that count; the leading axes of the values


def frame(function: str, dtype: DTypeLike, where: ArrayLike | None, shape: Shape) -> Frame:
    """Returns the Frame of values of this shape; raises if ``where`` doesn't fit them."""
    if where is None:
        return Frame(function, dtype, None)
    where = jnp.asarray(where)
    if where.dtype != jnp.bool_:
        raise TypeError(f"{function}: where is {_checks.describe(where)}; it must be boolean")
    if where.shape != shape[: where.ndim]:
        raise _checks.ShapeError(
            f"{function}: where is {_checks.describe(where)}; its shape must be {shape} or that of"
            " its leading axes"
        )
    return Frame(function, dtype, where)


def kept(values: Array, frame: Frame) -> Array:
    """Returns the values, 0 where the mask is False, which blocks nan and gradients alike."""
    if frame.where is None:
        return values
    mask = frame.where.reshape(frame.where.shape + (1,) * (values.ndim - frame.where.ndim))
    return jnp.where(mask, values, 0)


def reduce(
    values: Array, reduction: Reduction, frame: Frame, *, total: ArrayLike | None = None
) -> Array:
    """Returns the mean, the sum, or the values themselves, in the dtype of the frame.

    mean = Σᵢ vᵢ / total over the unmasked values. If all are masked the mean is nan, as in PyTorch,
    and its gradient 0.

    Args:
        values: float32 or float64, already weighted.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        frame: the mask, and the dtype of the result.
        total: the divisor of the mean. Defaults to the number of unmasked values.

    Returns:
        A scalar; for ``"none"``, an array like the values, 0 where masked.

    Raises:
        ValueError: for any other reduction.

    Example:
        >>> three = frame("f", jnp.float32, jnp.array([True, True, False]), (3,))
        >>> reduce(jnp.array([1.0, 2.0, jnp.nan]), "mean", three)
        Array(1.5, dtype=float32)
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(
            f'{frame.function}: reduction is {reduction!r}; it must be "mean", "sum" or "none"'
        )
    values = kept(values, frame)
    if reduction == "none":
        return values.astype(frame.dtype)
    result = values.sum()
    if reduction == "mean":
        result = result / (_count(values, frame) if total is None else total)
    return result.astype(frame.dtype)


def _count(values: Array, frame: Frame) -> Array | int:
    if frame.where is None:
        return values.size
    return frame.where.sum(dtype=values.dtype) * (values.size // max(frame.where.size, 1))
