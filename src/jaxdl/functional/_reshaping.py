"""Bringing data into the form a network needs."""

import math

import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike

from jaxdl import _checks, _ranges
from jaxdl._checks import ShapeError, describe
from jaxdl._plain import plain_numbers
from jaxdl.types import Array


@plain_numbers
def flatten(x: ArrayLike, *, axes: int) -> Array:
    """Merges the last axes into one: the features of an example.

    Args:
        x: shape (…, n₁, …, n_axes).
        axes: how many axes are merged: 3 for images (height, width, channels), 2 for images
            without channels.

    Returns:
        An array of shape (…, n₁ · … · n_axes).

    Raises:
        ShapeError: if ``x`` has fewer axes.
        ValueError: if ``axes`` isn't a positive integer.

    Example:
        >>> flatten(jnp.ones((5, 28, 28, 1)), axes=3).shape
        (5, 784)
    """
    x = _checks.array("flatten", "x", x)
    _checks.positive_ints("flatten", axes=axes)
    if axes > x.ndim:
        raise ShapeError(f"flatten of the last {axes} axes got {describe(x)}")
    kept = x.shape[: x.ndim - axes]
    return x.reshape(*kept, math.prod(x.shape[x.ndim - axes :]))


@plain_numbers
def rescale(
    x: ArrayLike,
    scale: float | Array = 1 / 255,
    offset: float | Array = 0.0,
    *,
    dtype: DTypeLike = jnp.float32,
) -> Array:
    """Maps numbers to another range: y = scale·x + offset; by default bytes to [0, 1].

    Args:
        x: any shape and numeric dtype, such as the bytes of images.
        scale: the factor.
        offset: added after scaling.
        dtype: the floating-point type of the result.

    Returns:
        An array of the shape of ``x``.

    Raises:
        TypeError: if ``dtype`` isn't floating point, or an argument isn't a number.

    Example:
        >>> rescale(jnp.array([0, 255], "uint8"), scale=2 / 255, offset=-1.0)
        Array([-1.,  1.], dtype=float32)
    """
    x = _checks.array("rescale", "x", x)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"rescale: dtype is {dtype!r}; it must be floating point")
    _ranges.check("rescale", scale=scale, offset=offset)
    return x.astype(dtype) * jnp.asarray(scale, dtype) + jnp.asarray(offset, dtype)
