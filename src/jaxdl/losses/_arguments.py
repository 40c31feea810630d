"""Arguments of a loss: checks shapes, masks rows, and widens to the working precision."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, _ranges
from jaxdl._precision import wide_dtype
from jaxdl.losses._reduction import Frame, frame, kept
from jaxdl.types import Array


def operands(
    function: str, where: ArrayLike | None, /, *, span: int = 0, **arrays: ArrayLike
) -> tuple[Any, ...]:
    """Returns arrays of one shape, masked and in working precision, followed by their Frame.

    Args:
        function: the name of the loss, for messages.
        where: the mask of values to include.
        span: how many trailing axes make up one value.
        arrays: by the names of the caller's arguments. The first must be floating point and sets
            the dtype of the result; the others are converted to it.

    Returns:
        The arrays in order, 0 where masked, followed by a Frame.

    Raises:
        ShapeError: if the shapes differ, or the mask does not fit.
        TypeError: if the first array is not floating point, or another is not real.

    Example:
        >>> x, t, out = operands("f", None, x=jnp.zeros(2, jnp.float16), t=jnp.ones(2, jnp.int8))
        >>> x.dtype.name, t.dtype.name, out.dtype.name
        ('float32', 'float32', 'float16')
    """
    name = next(iter(arrays))
    first = _checks.floating(function, name, arrays[name])
    _checks.same_shape(function, **arrays)
    if first.ndim < span:
        raise _checks.ShapeError(
            f"{function}: {name} is {_checks.describe(first)}; it needs at least {span} axes"
        )
    out = frame(function, first.dtype, where, first.shape[: first.ndim - span])
    ready = [kept(real(function, name, x, first.dtype), out) for name, x in arrays.items()]
    return (*ready, out)


def real(function: str, argument: str, x: ArrayLike, dtype: DTypeLike) -> Array:
    """Returns ``x`` in the working precision of ``dtype``; raises unless it is real."""
    x = _checks.array(function, argument, x)
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        raise TypeError(f"{function}: {argument} is {_checks.describe(x)}; it must be real")
    return x.astype(wide_dtype(dtype))


def smoothing(function: str, value: ArrayLike, x: Array) -> Array | None:
    """Returns the share of label smoothing, or None if it is 0; a traced one isn't checked."""
    _ranges.check(function, label_smoothing=value)
    return None if _checks.is_zero(value) else jnp.asarray(value, wide_dtype(x.dtype))


def value_weight(function: str, weight: ArrayLike, x: Array, out: Frame) -> Array:
    """Returns masked weights of single values; they must have the shape of ``x``."""
    _checks.same_shape(function, predictions=x, weight=weight)
    return kept(real(function, "weight", weight, x.dtype), out)


def class_weight(
    function: str, argument: str, weight: ArrayLike, x: Array | jax.ShapeDtypeStruct
) -> Array:
    """Returns the weights of the classes on the last axis of ``x``, shape (C,)."""
    weight = real(function, argument, weight, x.dtype)
    if weight.shape != x.shape[-1:]:
        raise _checks.ShapeError(
            f"{function}: {argument} is {_checks.describe(weight)}; it needs one entry for each of"
            f" the {x.shape[-1]} classes"
        )
    return weight


def last_axis_weight(
    function: str, argument: str, weight: ArrayLike, x: Array, out: Frame
) -> Array:
    """Returns weights that broadcast to x: one per value, one per last-axis entry, or a scalar."""
    weight = real(function, argument, weight, x.dtype)
    if weight.shape == x.shape:
        return kept(weight, out)
    if weight.shape not in ((), x.shape[-1:]):
        raise _checks.ShapeError(
            f"{function}: {argument} is {_checks.describe(weight)}; its shape must be {x.shape} or"
            f" {x.shape[-1:]}"
        )
    return weight.reshape((1,) * (x.ndim - weight.ndim) + weight.shape)


def class_indices(
    function: str, x: Array | jax.ShapeDtypeStruct, labels: ArrayLike, *, axes: int = 0
) -> Array:
    """Returns class indices of any integer dtype as int32, one per row of ``x``.

    Args:
        function: the name of the loss, for messages.
        x: the array to index, shape (..., C).
        labels: shape (...); with ``axes=1``, a list per row, shape (..., S).
        axes: the number of axes of one row's labels.

    Returns:
        int32 of the same shape; wider values are clipped to int32, so those out of range stay so.

    Raises:
        TypeError: if the labels are not integers.
        ShapeError: if the leading axes differ.
    """
    labels = _checks.array(function, "labels", labels)
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(
            f"{function}: labels are {_checks.describe(labels)}; class indices must be integers"
        )
    if labels.ndim != x.ndim - 1 + axes or labels.shape[: x.ndim - 1] != x.shape[:-1]:
        raise _checks.ShapeError(
            f"{function}: labels are {_checks.describe(labels)} for {_checks.describe(x)}; they"
            f" need {'a list of classes' if axes else 'one class'} per row, with leading axes"
            f" {x.shape[:-1]}"
        )
    return _checks.to_int32(labels)


def pick(x: Array, index: Array) -> Array:
    """Returns ``x[..., index]`` row by row; indices must lie within the last axis."""
    picked = jnp.take_along_axis(x, index[..., None], axis=-1, mode="promise_in_bounds")
    return picked[..., 0]


def clamp_min(x: Array) -> Array:
    """Returns max(x, 0), with gradient 1 at 0 as in PyTorch's clamp, and nan where x is nan."""
    return jnp.where(x < 0, 0, x)


def above(x: Array) -> Array:
    """Returns max(x, 0), with gradient 0 at 0, and nan where x is nan."""
    return jnp.where(x <= 0, 0, x)
