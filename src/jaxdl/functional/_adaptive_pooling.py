"""Pooling to a given size: adaptive windows, and one window over everything."""

import math
from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxdl import _checks
from jaxdl._plain import plain_numbers
from jaxdl.functional._windows import images, one_an_axis, per_axis
from jaxdl.types import Array


@plain_numbers
def adaptive_avg_pool(x: ArrayLike, size: Sequence[int]) -> Array:
    """The means of windows that divide up an image: window i of o covers [⌊i·n/o⌋, ⌈(i+1)·n/o⌉).

    Args:
        x: shape (…, …spatial, channels), floating point.
        size: the number of windows along each spatial axis.

    Returns:
        An array of shape (…, *size, channels).

    Raises:
        ShapeError: if ``x`` has too few axes.
        ValueError: if a size isn't a positive integer.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> adaptive_avg_pool(jnp.array([1.0, 2.0, 3.0]).reshape(3, 1), (2,)).ravel()
        Array([1.5, 2.5], dtype=float32)
    """
    return _adaptive("adaptive_avg_pool", x, size, lambda part, axis: part.mean(axis))


@plain_numbers
def adaptive_max_pool(x: ArrayLike, size: Sequence[int]) -> Array:
    """The largest entries of windows that divide up an image, as in ``adaptive_avg_pool``.

    Among equal entries, the first gets the gradient.

    Args:
        x: shape (…, …spatial, channels), floating point.
        size: the number of windows along each spatial axis.

    Returns:
        An array of shape (…, *size, channels).

    Raises:
        ShapeError: if ``x`` has too few axes.
        ValueError: if a size isn't a positive integer.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> adaptive_max_pool(jnp.array([1.0, 2.0, 3.0]).reshape(3, 1), (2,)).ravel()
        Array([2., 3.], dtype=float32)
    """
    return _adaptive("adaptive_max_pool", x, size, _first_largest)


@plain_numbers
def global_avg_pool(x: ArrayLike, *, axes: int = 2) -> Array:
    """The mean of each channel over the image.

    Args:
        x: shape (…, …spatial, channels), floating point.
        axes: number of spatial axes.

    Returns:
        An array of shape (…, channels).

    Raises:
        ShapeError: if ``x`` has too few axes.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> global_avg_pool(jnp.arange(8.0).reshape(2, 2, 2))
        Array([3., 4.], dtype=float32)
    """
    _checks.positive_ints("global_avg_pool", axes=axes)
    x = _checks.floating("global_avg_pool", "x", x)
    images("global_avg_pool", x, axes)
    return x.mean(tuple(range(-1 - axes, -1)))


@plain_numbers
def global_max_pool(x: ArrayLike, *, axes: int = 2) -> Array:
    """The largest entry of each channel in the image; of equal ones the first gets the gradient.

    Args:
        x: shape (…, …spatial, channels), floating point.
        axes: number of spatial axes.

    Returns:
        An array of shape (…, channels).

    Raises:
        ShapeError: if ``x`` has too few axes.
        TypeError: if ``x`` isn't floating point.

    Example:
        >>> global_max_pool(jnp.arange(8.0).reshape(2, 2, 2))
        Array([6., 7.], dtype=float32)
    """
    _checks.positive_ints("global_max_pool", axes=axes)
    x = _checks.floating("global_max_pool", "x", x)
    images("global_max_pool", x, axes)
    lead, spatial = x.shape[: x.ndim - 1 - axes], x.shape[-1 - axes : -1]
    return _first_largest(x.reshape(*lead, math.prod(spatial), x.shape[-1]), -2)


def _adaptive(
    name: str, x: ArrayLike, size: Sequence[int], pool: Callable[[Array, int], Array]
) -> Array:
    """Pools axis by axis, from the last, so that the first of equal largest entries wins."""
    x = _checks.floating(name, "x", x)
    axes = len(one_an_axis(name, "size", size))
    images(name, x, axes)
    result = per_axis(name, "size", size, axes)
    for axis, o in zip(range(x.ndim - 2, -1, -1), reversed(result), strict=False):
        n = x.shape[axis]
        if n % o == 0:
            x = pool(x.reshape(*x.shape[:axis], o, n // o, *x.shape[axis + 1 :]), axis + 1)
        else:
            bounds = [(i * n // o, -(-(i + 1) * n // o)) for i in range(o)]
            parts = [pool(lax.slice_in_dim(x, *ab, axis=axis), axis) for ab in bounds]
            x = jnp.stack(parts, axis)
    return x


def _first_largest(x: Array, axis: int) -> Array:
    """The maximum, whose gradient, unlike jnp.max's, goes to the first of equal entries."""
    winner = jnp.expand_dims(jnp.argmax(x, axis), axis)
    return jnp.take_along_axis(x, winner, axis).squeeze(axis)
